"""Adding a key to a map, beside the tag: the one edit that adds bytes, made only where somebody asked for it."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.manifests.fields import Part
from bot.manifests.site import Site
from bot.manifests.source import fault

# What may follow a value in a map in flow style, over line breaks and comments.
_FLOW_END = re.compile(r"(?:[ \t\r\n]|(?<=[ \t\r\n])#[^\r\n]*)*[,}]")
_REST_OF_LINE = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\r\n]*)?(\r\n|\n|\r|\Z)")
_INDENT = re.compile(r"(?:^|[\r\n])\ufeff?([ ]*(?:- +)*)\Z")


class Insertion(NamedTuple):
    """A key and its value, which must stay a string unquoted."""

    key: str
    value: str


def insert(path: str, text: str, site: Site, new: Insertion) -> str:
    """The text with a new key behind the tag of `site`: on a line of its own, or in line in a map in flow style.

    Raises ManifestError where the tag stands in neither way.
    """
    slot = site.slots[Part.TAG]
    quote = '"' if slot.key.style == '"' else ""
    pair = f"{quote}{new.key}{quote}: {quote}{new.value}{quote}"
    before, end = text[: slot.key.start], slot.value.end
    line = _REST_OF_LINE.match(text, end)
    indent = _INDENT.search(before[-200:])
    if slot.value.start == slot.value.end or "\n" in text[slot.key.start : end]:
        line = None
    elif _FLOW_END.match(text, end) and not (line and indent and not quote):
        return f"{text[:end]}, {pair}{text[end:]}"
    if not line or not indent:
        reason = f"there is no exact place for `{new.key}` beside `{slot.key.text}`"
        raise fault(path, slot.key.line, reason, "add it by hand first")
    below = re.sub("[^ ]", " ", indent[1]) + pair
    if line[1]:
        return f"{text[: line.end()]}{below}{line[1]}{text[line.end() :]}"
    return f"{text}{_line_end(text)}{below}"


def _line_end(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"
