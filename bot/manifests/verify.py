"""The proof, after an edit, that it changed what was meant and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

from bot.images import ImageRef
from bot.manifests import document
from bot.manifests.document import Event
from bot.manifests.fields import ImageField
from bot.manifests.find import find_sites
from bot.manifests.scalars import Splice
from bot.manifests.source import fault

_HINT = "nothing was changed; edit it by hand, and please report this"

_Pointer: TypeAlias = tuple[int, str]


class Before(NamedTuple):
    """The events of a manifest before the edit, by libyaml and by ruamel.yaml."""

    fast: Sequence[Event]
    exact: Sequence[Event]


def prove(path: str, before: Before, after: str, splices: Sequence[Splice], wanted: dict[_Pointer, ImageRef]) -> None:
    """Raise ManifestError unless `after` differs from `before` in the values that the splices change, and only there.

    Two independent parsers have to see that, and a fresh search has to find the wanted images at their pointers.
    """
    expected = [(part.old, part.new) for part in sorted(splices, key=lambda part: part.start)]
    fast = list(document.fast_events(path, after))
    for old, new in ((before.fast, fast), (before.exact, document.exact_events(path, after))):
        if _changes(old, new) != expected:
            raise fault(path, 1, "the edit would change other values than those it is meant to change", _HINT)
    _prove_images(path, before.fast, fast, wanted)


def _changes(before: Iterable[Event], after: Iterable[Event]) -> list[tuple[str, str]] | None:
    """Old and new text of the scalars that differ, in document order; None where anything else differs."""
    changes = []
    for old, new in zip_longest(before, after):
        if _facts(old) == _facts(new):
            continue
        if not _same_but_value(old, new):
            return None
        changes.append((old.value, new.value))
    return changes


def _facts(event: Event) -> tuple[Any, ...]:
    names = ("anchor", "tag", "implicit", "value", "style", "flow_style", "explicit", "version", "tags")
    return (type(event).__name__, *(getattr(event, name, None) for name in names))


def _same_but_value(old: Event, new: Event) -> bool:
    kinds = {type(old).__name__, type(new).__name__}
    return kinds == {"ScalarEvent"} and (old.anchor, old.tag) == (new.anchor, new.tag)


def _prove_images(path: str, before: Iterable[Event], after: Iterable[Event], wanted: dict[_Pointer, ImageRef]) -> None:
    for was, now in zip_longest(find_sites(path, before), find_sites(path, after)):
        if not (was and now and _is_as_wanted(was.field, now.field, wanted)):
            line = now.field.line if now else 1
            raise fault(path, line, "the edited file would name other images than those wanted", _HINT)


def _is_as_wanted(was: ImageField, now: ImageField, wanted: dict[_Pointer, ImageRef]) -> bool:
    place = (was.document, was.pointer)
    if place in wanted:
        return (now.document, now.pointer, str(now.image), now.refusal) == (*place, str(wanted[place]), "")
    # What can't be edited by itself may follow an edit by its alias.
    return was == now or (bool(was.refusal) and place == (now.document, now.pointer))
