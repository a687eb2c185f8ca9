"""The proof, after an edit, that it changed what was meant and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

from bot.images import ImageParts
from bot.manifests import document
from bot.manifests.document import Event
from bot.manifests.fields import FieldRule, ImageField
from bot.manifests.find import find_sites
from bot.manifests.scalars import Splice
from bot.manifests.source import fault

_HINT = "nothing was changed; edit it by hand, and please report this"

_Place: TypeAlias = tuple[int, str]


class Before(NamedTuple):
    """The events of a manifest before the edit, by libyaml and by ruamel.yaml."""

    fast: Sequence[Event]
    exact: Sequence[Event]

    @classmethod
    def read(cls, path: str, text: str) -> Before:
        """Raises ManifestError where either parser refuses the text."""
        return cls(list(document.fast_events(path, text)), list(document.exact_events(path, text)))


def prove(
    path: str,
    before: Before,
    after: str,
    splices: Sequence[Splice],
    wanted: Mapping[_Place, ImageParts],
    rules: Sequence[FieldRule] = (),
) -> None:
    """Raise ManifestError unless `after` differs from `before` in the values that the splices change, and only there.

    Two independent parsers have to see that, and a fresh search has to find the wanted images at their pointers.
    """
    expected = [(part.old, part.new) for part in sorted(splices, key=lambda part: part.start)]
    fast = list(document.fast_events(path, after))
    for old, new in ((before.fast, fast), (before.exact, document.exact_events(path, after))):
        if _changes(old, new) != expected:
            raise fault(path, 1, "the edit would change other values than those it is meant to change", _HINT)
    _prove_images(path, _fields(path, before.fast, rules), _fields(path, fast, rules), wanted)


def prove_added(path: str, before: Before, after: str, texts: Sequence[str]) -> None:
    """Raise ManifestError unless scalars with these texts, side by side, were added and nothing else is new or gone."""
    added = Before.read(path, after)
    for old, now in ((before.fast, added.fast), (before.exact, added.exact)):
        if not _has_more(old, now, texts):
            raise fault(path, 1, f"adding {' '.join(texts)} would change more than that", _HINT)


def _has_more(old: Sequence[Event], now: Sequence[Event], texts: Sequence[str]) -> bool:
    pairs = enumerate(zip(old, now, strict=False))
    # Beside an equal text, the new one may be either.
    at = next((index for index, (was, is_now) in pairs if _facts(was) != _facts(is_now)), len(old))
    end = at + len(texts)
    rest = [*now[:at], *now[end:]]
    said = [getattr(event, "value", None) for event in now[at:end]]
    return said == [*texts] and [*map(_facts, rest)] == [*map(_facts, old)]


def _fields(path: str, events: Iterable[Event], rules: Sequence[FieldRule]) -> dict[_Place, ImageField]:
    sites = find_sites(path, document.read(path, events), rules)
    return {(site.field.document, site.field.pointer): site.field for site in sites}


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


def _prove_images(
    path: str,
    before: Mapping[_Place, ImageField],
    after: Mapping[_Place, ImageField],
    wanted: Mapping[_Place, ImageParts],
) -> None:
    for place in {**before, **after}:
        was, now = before.get(place), after.get(place)
        if not _is_as_wanted(was, now, wanted.get(place)):
            raise fault(
                path, now.line if now else 1, "the edited file would name other images than those wanted", _HINT
            )


def _is_as_wanted(was: ImageField | None, now: ImageField | None, wanted: ImageParts | None) -> bool:
    if wanted is not None:
        # An explicit pointer to an empty value may make a field of it.
        return now is not None and (now.parts, now.refusal) == (wanted, "")
    # What can't be edited by itself may follow an edit by its alias.
    return was == now or (was is not None and now is not None and bool(was.refusal))
