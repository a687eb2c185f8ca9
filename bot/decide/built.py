"""What images were built from, as they say themselves: whoever builds an image can write its labels."""

from __future__ import annotations

import re
from typing import Protocol, TypeVar

from bot.config import Config
from bot.promotion import Move
from bot.questions import Labels, Location, Question, TagDigest

T = TypeVar("T")

# https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md#pre-defined-annotation-keys
REVISION, SOURCE = "org.opencontainers.image.revision", "org.opencontainers.image.source"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Know(Protocol):
    """How a question is asked: what is found, None where nothing is there."""

    def __call__(self, question: Question[T], /) -> T | None: ...


def is_commit(revision: str) -> bool:
    """Whether it is a whole commit id, which Git can be asked about."""
    return _COMMIT.fullmatch(revision) is not None


def tag_before(config: Config, move: Move) -> TagDigest | None:
    """What leads to the image that the target names now, where its manifest says no digest."""
    place = _place_before(config, move)
    if place is None or move.before.digest is not None or move.before.tag is None:
        return None
    return TagDigest(place, move.before.tag)


def labels_before(know: Know, config: Config, move: Move) -> Labels | None:
    """What to ask about the image that the target names now; None where its digest isn't known."""
    place, tag = _place_before(config, move), tag_before(config, move)
    digest = know(tag) if tag is not None else move.before.digest
    return Labels(place, digest) if place is not None and digest is not None else None


def labels_after(move: Move) -> Labels:
    """What to ask about the image that moves."""
    return Labels(move.source, move.digest)


def _place_before(config: Config, move: Move) -> Location | None:
    """Where the target's image is: in its registry, before a first promotion in the source's."""
    for registry in (move.destination.registry, move.source.registry):
        if config.path_in(registry, move.before) is not None:
            return Location(registry, move.before.repository)
    return None
