"""How an image came to be on the target's branch, by what its manifest said there, since trailers may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.decide.branch import unit_of
from bot.decide.environments import Snapshot, fields_at
from bot.images import ImageRef
from bot.promotion import Move
from bot.questions import Landed
from bot.repositories import Landing, MergeRequest

# Of the changes of a manifest on its branch, as many are read.
MOST_LANDINGS = 50


def landed(target: Snapshot, path: str) -> Landed:
    """What the branch had in the manifest."""
    return Landed(target.rev, path, MOST_LANDINGS)


def named(target: Snapshot, move: Move, landings: Iterable[Landing]) -> Iterator[ImageRef | None]:
    """What the place said at each of them; None where it wasn't there, or can't be read any more."""
    manifest = next(one for one in target.manifests[move.service] if one.file.path == move.path)
    for each in landings:
        fields = fields_at(manifest, each.content)
        yield next((f.image for f in fields if f"{f.document}:{f.pointer}" == move.pointer), None)


def is_same(one: ImageRef, other: ImageRef) -> bool:
    """Whether they agree in what both say: a version tag stands for its digest, as it doesn't move."""
    agree = [a == b for a, b in ((one.tag, other.tag), (one.digest, other.digest)) if a and b]
    return one.name == other.name and all(agree) and (bool(agree) or one == other)


def is_promotion(target: Snapshot, request: MergeRequest | None) -> bool:
    """Whether it is one of ours: who runs promobot as themselves opens others by that account, too."""
    return request is not None and request.ours and bool(unit_of(target.environment, request.source_branch))
