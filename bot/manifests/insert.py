"""Adding a key to a map, beside the tag: the one edit that adds bytes, made only where somebody asked for it."""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.errors import ManifestError
from bot.manifests.fields import Part
from bot.manifests.scalars import value_end
from bot.manifests.site import Site, Slot
from bot.manifests.source import fault

# What may follow a value in a map in flow style, over line breaks and comments.
# No possessive group: Python 3.11.2, Debian 12's, matches those wrongly.
_FLOW_END = re.compile(r"(?:[ \t\r\n]|(?<=[ \t\r\n])#[^\r\n]*(?=[\r\n]|\Z))*[,}]")
_REST_OF_LINE = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\r\n]*)?(?=[\r\n]|\Z)")
_INDENT = re.compile(r"(?:^|[\r\n])\ufeff?([ ]*(?:- +)*)\Z")


class Insertion(NamedTuple):
    """A key and its value, which must stay a string unquoted."""

    key: str
    value: str


def insert(path: str, text: str, site: Site, new: Insertion) -> str:
    """The text with a new key behind the tag of `site`: on a line of its own if the tag has one, else in the line.

    Raises ManifestError where there is no exact place.
    """
    slot = site.slots[Part.TAG]
    end = value_end(text, slot)
    if end is None or (slot.value.line != slot.value.last_line and end == slot.value.end):
        raise _no_place(path, slot, new)
    quote = '"' if slot.key.style == '"' else ""
    pair = f"{quote}{new.key}{quote}: {quote}{new.value}{quote}"
    indent = _INDENT.search(text[: slot.key.start])
    below = f"{_line_end(text)}{_blanks(indent[1])}{pair}" if indent else None
    rest = _REST_OF_LINE.match(text, end)
    if _FLOW_END.match(text, end) and not (rest and indent and not quote):
        return f"{text[:end]},{below or f' {pair}'}{text[end:]}"
    if not rest or not below:
        raise _no_place(path, slot, new)
    return f"{text[: rest.end()]}{below}{text[rest.end() :]}"


def _no_place(path: str, slot: Slot, new: Insertion) -> ManifestError:
    reason = f"there is no exact place for `{new.key}` beside `{slot.key.text}`"
    return fault(path, slot.key.line, reason, "add it by hand first")


def _blanks(indent: str) -> str:
    """As far in as the tag's key, without the dashes of list items."""
    return " " * len(indent)


def _line_end(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"
