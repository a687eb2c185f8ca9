"""How a scalar is written: the exact characters of its value, and a new value in the style of the old one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.manifests.site import BLOCK_STYLES, Slot

# Without indicators, spaces and a colon at the end, text can stand unquoted in block and flow style.
_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./@+=:-]*[A-Za-z0-9_./@+=-])?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# Numbers and times by https://yaml.org/type/ (1.1), https://yaml.org/spec/1.2.2/#103-core-schema and Go's yaml,
# which Flux and Helm use and which drops underscores first.
_NUMBER = re.compile(
    r"""[-+]?(?: 0[xX][0-9a-fA-F]+ | 0[oO][0-7]+ | 0[bB][01]+ | \.(?:inf|nan)
        | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? | [0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)? )
      | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt].*)?""",
    re.VERBOSE | re.IGNORECASE,
)
_JSON_LITERAL = re.compile(r"null|true|false|-?[0-9][0-9.eE+-]*|")
_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)*")
_COLON = re.compile(r"[ \t]*:")


@dataclass(frozen=True)
class Splice:
    """Characters `start` to `end` of the text become `spelled`, which changes a value from `old` to `new`."""

    start: int
    end: int
    spelled: str
    old: str
    new: str


def stays_string(text: str) -> bool:
    """Whether every reader takes `text`, unquoted, for this very string."""
    return _PLAIN.fullmatch(text) is not None and not may_be_typed(text)


def may_be_typed(text: str) -> bool:
    """Whether some reader takes `text`, unquoted, for a boolean, null, number or time."""
    return text.casefold() in _WORDS or _NUMBER.fullmatch(text.replace("_", "")) is not None


def splice_for(text: str, slot: Slot, new: str, *, plain: bool = False) -> Splice | None:
    """The splice that gives a scalar the value `new`, or None where it is written in a way that leaves no place for it.

    Quotes, anchor, tag and comments stay. A plain value gets double quotes where it would not read back as a string,
    and so does what no JSON string is beside a double-quoted key; not where it may be `plain` all the same.
    """
    value, style = slot.value, slot.value.style
    if style in BLOCK_STYLES:
        return _splice_in_block(text, slot, new)
    if not style and slot.key.style == '"' and _JSON_LITERAL.fullmatch(value.text):
        style = '"'
    shown = new if plain and not value.style and _PLAIN.fullmatch(new) else spelled(new, style)
    start = _start(text, slot)
    if start < value.end:
        return Splice(start, value.end, shown, value.text, new)
    return _fill(text, slot, Splice(start, start, f" {shown}", value.text, new))


def spelled(text: str, style: str) -> str:
    """The text in single or double quotes, or plain; then in double quotes where it would not stay a string."""
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return _quoted(text) if style or not stays_string(text) else text


def value_end(text: str, slot: Slot) -> int | None:
    """Where a value ends; for an empty one, which has no place of its own, where the colon does."""
    if slot.value.start < slot.value.end:
        return slot.value.end
    colon = _COLON.match(text, slot.key.end)
    return colon.end() if colon else None


def splice(text: str, splices: list[Splice]) -> str:
    """The text with all splices carried out; they don't overlap."""
    for part in sorted(splices, key=lambda part: part.start, reverse=True):
        text = text[: part.start] + part.spelled + text[part.end :]
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _start(text: str, slot: Slot) -> int:
    """Where the value begins behind its anchor and tag."""
    value = slot.value
    properties = _PROPERTIES.match(text, value.start, value.end)
    start = properties.end() if properties else value.start
    # An anchor or tag before nothing ends without a space.
    return value.end if value.text == "" and not value.style else start


def _fill(text: str, slot: Slot, at: Splice) -> Splice | None:
    """A value for nothing: behind the anchor or tag, else behind the colon. The parser has it at the next token."""
    if slot.value.start < slot.value.end:
        return at
    end = value_end(text, slot)
    return None if end is None else Splice(end, end, at.spelled, at.old, at.new)


def _splice_in_block(text: str, slot: Slot, new: str) -> Splice | None:
    """Change the one content line of a block scalar that holds its text as it is."""
    value = slot.value
    found = [m for m in re.finditer(r"[^\r\n]+", text[value.start : value.end]) if m.group().strip()]
    if len(found) != 2 or found[1].group().lstrip(" ") != value.text or new != new.strip():
        return None
    end = value.start + found[1].end()
    return Splice(end - len(value.text), end, new, value.text, new)
