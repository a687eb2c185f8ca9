"""What changed in the source's manifests beside their images since the last promotion, which this one leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask
from bot.decide.trailers import promoted_from
from bot.errors import ManifestError
from bot.manifests import Difference, find_differences
from bot.promotion import Move, Promotion
from bot.questions import Files, History
from bot.repositories import Rev

# Deciding asks in rounds, and each round compares the same bytes again.
_find_differences = lru_cache(maxsize=1 << 10)(find_differences)


@dataclass(frozen=True)
class NotCarried:
    """What the manifest `path` of an environment says otherwise since its commit `since` was promoted."""

    environment: str
    since: str
    path: str
    differences: tuple[Difference, ...]


def first_questions(target: Snapshot, promotion: Promotion) -> tuple[History, ...]:
    """What `not_carried` begins with, so that it can be asked with other things."""
    return tuple(_history(target, move) for move in _by_source(promotion).values())


def not_carried(
    ask: Ask, sources: Mapping[str, Snapshot], target: Snapshot, promotion: Promotion
) -> tuple[NotCarried, ...]:
    """What each of the source's manifests says otherwise than when it was promoted last; nothing where nobody knows.

    The target's own manifest is no measure: most of what it says otherwise is meant to be so.
    """
    moves = _by_source(promotion)
    ask.together(*first_questions(target, promotion))
    then = {path: _files_then(ask, sources[move.service], target, promotion, move) for path, move in moves.items()}
    ask.together(*(question for question in then.values() if question is not None))
    now = {
        (service, manifest.file.path): manifest
        for service in promotion.unit.services
        for manifest in sources[service].manifests[service]
    }
    return tuple(
        compared
        for path, question in then.items()
        if question is not None
        for compared in _compared(
            ask, moves[path], question, now[moves[path].service, path], _carried_from(promotion, path)
        )
    )


def _by_source(promotion: Promotion) -> dict[str, Move]:
    """A move from each of the source's manifests."""
    return {move.origin.path: move for move in promotion.moves}


def _history(target: Snapshot, move: Move) -> History:
    return History(target.rev, move.path)


def _files_then(ask: Ask, source: Snapshot, target: Snapshot, promotion: Promotion, move: Move) -> Files | None:
    """The source's manifest when it was promoted last, as the commit says that did it; squashed merges may not."""
    commits = ask.perhaps(_history(target, move)) or ()
    origin = move.origin
    commit = promoted_from(commits, promotion.target, origin.environment, origin.image.name)
    return Files(Rev(source.rev.repository, commit), (origin.path,)) if commit else None


def _carried_from(promotion: Promotion, path: str) -> set[str]:
    return {companion.origin_pointer for companion in promotion.companions if companion.origin == path}


def _compared(ask: Ask, move: Move, question: Files, now: Manifest, carried: set[str]) -> Iterator[NotCarried]:
    origin = move.origin
    for file in ask.perhaps(question) or ():
        if file.path == origin.path:
            try:
                found = _find_differences(origin.path, file.content, now.file.content, now.rules)
            except ManifestError:
                continue  # what can't be read now is refused elsewhere; what couldn't then tells nothing
            left = tuple(one for one in found if f"{one.document}:{one.pointer}" not in carried)
            if left:
                yield NotCarried(origin.environment, question.rev.commit, origin.path, left)
