"""What templates can do with values: nothing that grows beyond a limit, or makes others' text look like ours."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Context

from bot.decide.sentences import Foreign, Sentence
from bot.decide.text.escape import Printed, carried, words

MOST_ROUNDS = 100_000
_LONGEST_TEXT = 100_000
_TOO_LONG = f"makes a text of more than {_LONGEST_TEXT:,} characters"

# Names that no template can spell.
ROUNDS, IN_WORDS, COUNTED, CONCATENATED = " rounds", " in words", " counted", " concatenated"

TESTS = frozenset({"defined", "undefined", "none", "eq", "ne", "lt", "gt", "le", "ge", "in", "even", "odd"})


@dataclass
class Rounds:
    """How often any loop of one rendering may still go round."""

    left: int = MOST_ROUNDS


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """That there is no such name, which was probably meant, and all that are known."""
    near = difflib.get_close_matches(name, known, n=1)
    meant = f", did you mean {near[0]}?" if near else ""
    return f"there is no {kind} {name}{meant}; known are {', '.join(known)}"


@pass_context
def _counted(context: Context, items: Iterable[object]) -> Iterator[object]:
    if isinstance(items, str | Mapping):
        raise TemplateRuntimeError("only lists can be looped over")
    rounds: Rounds = context[ROUNDS]
    for item in items:
        rounds.left -= 1
        if rounds.left < 0:
            raise TemplateRuntimeError(f"its loops go round more than {MOST_ROUNDS:,} times")
        yield item


def _printable(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Undefined):
        return str(value)  # raises what is missing; nothing for `x if y` without an `else`
    raise TemplateRuntimeError(f"{_kind(value)} can't be printed, only texts and numbers")


def _kind(value: object) -> str:
    match value:
        case bool() | None:
            return "yes, no and none"
        case Mapping():
            return f"what has {', '.join(value)}"
        case Sequence():
            return "a list"
        case _:
            return "this"


@pass_context
def finalized(context: Context, value: object) -> str:
    """What is printed of a value: carried to its place, or in words; everything else that a template makes is words."""
    text = _printable(value)
    if isinstance(text, Printed):
        return text
    if isinstance(text, Sentence):
        parts = (finalized(context, part) if isinstance(part, Foreign) else part for part in text.parts)
        return Printed("".join(parts))
    return words(text) if context[IN_WORDS] else carried(text)


@pass_context
def _joined(context: Context, items: Iterable[object], between: str = "") -> Printed:
    """Each item as it would be printed by itself."""
    separator = finalized(context, between)
    return Printed(_bounded(separator.join(finalized(context, item) for item in items)))


def _concatenated(parts: Sequence[object]) -> str:
    return _like(parts, _bounded("".join(_printable(part) for part in parts)))


def _replaced(text: str, old: str, new: str) -> str:
    parts = text, old, new = (_printable(text), _printable(old), _printable(new))
    if len(text) + text.count(old) * len(new) > _LONGEST_TEXT:
        raise TemplateRuntimeError(_TOO_LONG)
    return _like(parts, text.replace(old, new))


def _lower(text: str) -> str:
    return _like((text,), _printable(text).lower())


def _upper(text: str) -> str:
    return _like((text,), _printable(text).upper())


def _like(parts: Sequence[object], text: str) -> str:
    """What is made of others' texts is theirs."""
    if any(isinstance(part, Printed) for part in parts):
        raise TemplateRuntimeError("what `join` made can only be printed")
    return Foreign(text) if any(isinstance(part, Foreign) for part in parts) else text


def _bounded(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise TemplateRuntimeError(_TOO_LONG)
    return text


# By name, as templates use them.
FILTERS: Mapping[str, Callable[..., Any]] = {
    "join": _joined,
    "length": len,
    "lower": _lower,
    "replace": _replaced,
    "upper": _upper,
}
# What limits are put around a template with.
LIMITS: Mapping[str, Callable[..., Any]] = {COUNTED: _counted, CONCATENATED: _concatenated}
