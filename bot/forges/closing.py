"""Why a merge request of ours was closed, and for whom: kept in its body, where a later pass and people find it."""

from __future__ import annotations

import html
import json
import re

_CLOSED = re.compile(r"\n*<!-- promobot:closed (\{.*\}) -->\s*\Z")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+.!|~-])")
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#!&=%+-]+")
_LINE = "\n\n---\n\nClosed by promobot"


def plain(text: str) -> str:
    """A text as forges take it: their databases take no zero byte, and nobody half a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def with_reason(body: str, reason: str, by: str, *, most: int, link: str = "") -> str:
    """The body of a merge request that is closed: what it was, and why and for whom that is, to be found again.

    At most so many characters, for which what it was is cut. Of a `link` that could be more than one, nothing is said.
    """
    told = json.dumps({"by": by, "reason": reason}).replace(">", r"\u003e").replace("<", r"\u003c")
    shown = _SPECIAL.sub(r"\\\1", html.escape(" ".join(reason.split()), quote=False)).replace("@", "&#64;")
    words = f": {shown}" if shown else ""
    words += f" (<{link}>)" if _LINK.fullmatch(link) else ""
    end = plain(f"{_LINE}{words}\n\n<!-- promobot:closed {told} -->")
    return plain(without_reason(body)[0])[: max(0, most - len(end))] + end


def without_reason(body: str) -> tuple[str, dict[str, str]]:
    """A body without what `with_reason` put behind it, and what that was."""
    found = _CLOSED.search(body)
    if found is None:
        return body, {}
    try:
        told = json.loads(found[1])
    except ValueError:
        return body, {}
    before = body[: found.start()].rpartition(_LINE)[0]
    return before, {key: value for key, value in told.items() if isinstance(value, str)}
