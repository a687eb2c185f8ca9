"""Scalars that are carried with a service's images, such as the version of its chart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from bot.config import fill
from bot.decide.environments import Manifest
from bot.decide.facts import Ask, Refusal
from bot.decide.pairing import Hop, paired_documents
from bot.errors import ExitCode, ManifestError
from bot.manifests import ScalarEdit, items_above, scalar_at
from bot.promotion import Companion

# What may lead into a list.
_INDEX = re.compile(r"/[0-9]+(?:/|$)")


def find_companions(ask: Ask, hop: Hop) -> tuple[Companion, ...]:
    """What `also_promote` carries between the documents that name the service's images; nothing where neither has it.

    Raises Refusal where only one of them has it, or where two would be carried to one place.
    """
    found: dict[tuple[str, str], Companion] = {}
    for pointer in hop.settings.also_promote:
        for (theirs, source), (ours, target) in paired_documents(ask, hop):
            companion = _companion(hop, (theirs, source), (ours, target), fill(pointer, hop.service))
            if companion is not None:
                other = found.setdefault((companion.path, companion.pointer), companion)
                if other.after != companion.after:
                    raise _two_for_one(other, companion)
    return tuple(found.values())


def _companion(hop: Hop, source: tuple[Manifest, int], target: tuple[Manifest, int], pointer: str) -> Companion | None:
    theirs, ours = _scalar(*source, pointer), _scalar(*target, pointer)
    if theirs is None and ours is None:
        return None
    if theirs is None or ours is None:
        lacking, having = (source, target) if theirs is None else (target, source)
        raise Refusal(
            f"{lacking[0].file.path} has no value at {pointer}, but {having[0].file.path} has one",
            f"add it there, or remove {pointer} from `also_promote` of environment {hop.target.environment.name}",
            ExitCode.MANIFEST,
        )
    _refuse_other_items(source, target, pointer)
    return Companion(
        path=target[0].file.path,
        pointer=f"{target[1]}:{pointer}",
        before=ours.text,
        after=theirs.text,
        plain=theirs.plain,
        origin=source[0].file.path,
        origin_pointer=f"{source[1]}:{pointer}",
    )


def _refuse_other_items(source: tuple[Manifest, int], target: tuple[Manifest, int], pointer: str) -> None:
    """Lists get reordered: an item is the same on both sides only where its `name` is."""
    if not _INDEX.search(pointer):
        return
    (theirs, _), (ours, _) = source, target
    for one, other in zip_longest(_items(*source, pointer), _items(*target, pointer), fillvalue=("", None)):
        if one[1] is None or one != other:
            place, names = (
                one[0] or other[0],
                [f"the name {item[1]}" if item[1] else "no `name`" for item in (one, other)],
            )
            raise Refusal(
                f"list item {place} has {names[0]} in {theirs.file.path} and {names[1]} in {ours.file.path}, so it may "
                "not be the same one",
                f"give it the same `name` in both, or remove {pointer} from `also_promote`",
                ExitCode.MANIFEST,
            )


def _items(manifest: Manifest, document: int, pointer: str) -> Sequence[tuple[str, str | None]]:
    return items_above(manifest.file.path, manifest.file.content, document, pointer)


def _scalar(manifest: Manifest, document: int, pointer: str) -> ScalarEdit | None:
    try:
        return scalar_at(manifest.file.path, manifest.file.content, document, pointer)
    except ManifestError as error:
        raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None


def _two_for_one(one: Companion, other: Companion) -> Refusal:
    return Refusal(
        f"{one.path} {one.pointer} would get {one.after!r} from {one.origin} and {other.after!r} from {other.origin}",
        "write the same value in both",
    )
