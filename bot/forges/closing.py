"""Why a merge request of ours was closed, and for whom: kept in its body, where a later pass and people find it."""

from __future__ import annotations

import html
import json
import re

_BEGIN, _END = "<!-- promobot:closed ", " -->"
# What we tell is two strings, and as long as a reason may be.
_LONGEST_TOLD = 100_000
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+.!|~-])")
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#!&=%+-]+")
_LINE = "\n\n---\n\nClosed by promobot"


def plain(text: str) -> str:
    """A text as forges take it: their databases take no zero byte, and nobody half a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def within(text: str, most: int) -> str:
    """At most so many characters of it, in whole lines: half of one may be something else than the whole."""
    if len(text) <= most:
        return text
    kept, newline, half = text[: max(0, most)].rpartition("\n")
    return kept if newline else half


def with_reason(body: str, reason: str, by: str, *, most: int, link: str = "") -> str:
    """The body of a merge request that is closed: what it was, and why and for whom that is, to be found again.

    At most so many characters, for which what it was is cut. Of a `link` that could be more than one, nothing is said.
    """
    told = json.dumps({"by": by, "reason": reason}).replace(">", r"\u003e").replace("<", r"\u003c")
    shown = _SPECIAL.sub(r"\\\1", html.escape(" ".join(reason.split()), quote=False)).replace("@", "&#64;")
    words = f": {shown}" if shown else ""
    words += f" (<{link}>)" if _LINK.fullmatch(link) else ""
    end = plain(f"{_LINE}{words}\n\n{_BEGIN}{told}{_END}")
    return within(plain(without_reason(body)[0]), most - len(end)) + end


def without_reason(body: str) -> tuple[str, dict[str, str]]:
    """A body without what `with_reason` put behind it, and what that was.

    Anybody may write what looks like it; what they wrote besides stays.
    """
    whole = body.rstrip()
    before, begun, told = whole.rpartition(_BEGIN)
    if not begun or not whole.endswith(_END) or len(told) > _LONGEST_TOLD:
        return body, {}
    try:
        found = json.loads(told.removesuffix(_END))
    except (ValueError, RecursionError):
        return body, {}
    if not isinstance(found, dict):
        return body, {}
    said, line, words = before.rpartition(_LINE)
    ours = line and "\n" not in words.rstrip("\n")
    return said if ours else body, {key: value for key, value in found.items() if isinstance(value, str)}
