"""The entries of `fields` for images that are only told by variables, as far as entries can say it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.config import fill
from bot.layout.services import SERVICE
from bot.layout.tree import Field, Served

_VARIABLE = "{SERVICE}"


@dataclass(frozen=True)
class Ruled:
    """Manifests for which the fields hold, and why others don't count."""

    served: tuple[Served, ...]
    fields: tuple[Field, ...] = ()
    doubts: tuple[str, ...] = ()


def ruled(served: Sequence[Served]) -> Ruled:
    """What can be said of the manifests of one environment.

    A field has to be in all the manifests of its path: what most have is written, and who hasn't it is left out.
    """
    by_path: defaultdict[str, list[Served]] = defaultdict(list)
    for one in served:
        by_path[one.path].append(one)
    every = [_of_path(same) for same in by_path.values()]
    kept = {id(one) for each in every for one in each.served}
    return Ruled(
        tuple(one for one in served if id(one) in kept),
        tuple(field for each in every for field in each.fields),
        tuple(doubt for each in every for doubt in each.doubts),
    )


def _of_path(same: Sequence[Served]) -> Ruled:
    """Of manifests at one path."""
    said = {one.marked.seen.path: _fields(one, general=len(same) > 1) for one in same}
    counts = Counter(field for fields in said.values() for field in fields)
    if not counts:
        return Ruled(tuple(same))
    best = max(counts, key=lambda field: counts[field])
    having = [one for one in same if best in said[_file(one)]]
    others = [one for one in same if best not in said[_file(one)]]
    plain = [one for one in same if one.marked.seen.parts or len(one.images) > len(one.marked.seen.told)]
    if len(having) < sum(best not in said[_file(one)] for one in plain):
        return Ruled(tuple(plain), (), tuple(f"{_told(one)}: its `fields` aren't written" for one in having))
    fields = tuple(field for field in said[_file(having[0])] if all(field in said[_file(one)] for one in having))
    written = {fill(field.pointer, one.service) for one in having for field in fields}
    more = sorted({told.pointer for one in having for told in one.marked.seen.told} - written)
    doubts = [f"{_file(one)} hasn't the variables that `fields` name: it is left out" for one in others]
    doubts += [
        f"{_name(pointer)} says a version too, but not in all manifests there: it isn't promoted" for pointer in more
    ]
    return Ruled(tuple(having), fields, tuple(doubts))


def _told(one: Served) -> str:
    names = ", ".join(_name(told.pointer) for told in one.marked.seen.told)
    return f"{_file(one)} says versions by the variables {names}, and others there don't"


def _name(pointer: str) -> str:
    return pointer.rpartition("/")[2]


def _file(one: Served) -> str:
    return one.marked.seen.path


def _fields(one: Served, *, general: bool) -> tuple[Field, ...]:
    """Its entries; in general with placeholders for the service's name, so that they hold for others too."""
    fields = (
        Field(one.path, told.pointer, told.holds, told.image.name if told.holds == "tag" else "", told.where)
        for told in one.marked.seen.told
    )
    return tuple(_general(field, one.service) if general else field for field in fields)


def _general(field: Field, service: str) -> Field:
    image = "/".join(SERVICE if part == service else part for part in field.image.split("/"))
    head, slash, name = field.pointer.rpartition("/")
    for placeholder in (_VARIABLE, SERVICE):
        name = name.replace(fill(placeholder, service), placeholder)
    return replace(field, pointer=f"{head}{slash}{name}", image=image)
