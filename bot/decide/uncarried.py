"""What changed in the source's manifests beside their images since the last promotion, which this one leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.config import Config
from bot.decide.arrivals import is_same
from bot.decide.environments import Manifest, Snapshot, fields_at
from bot.decide.facts import Ask, for_each
from bot.decide.since import Never, NotKnown, PromotedAt, Search, Since, find_since, remembered
from bot.errors import ManifestError
from bot.manifests import Difference, find_differences
from bot.promotion import Move, Promotion
from bot.questions import Files
from bot.repositories import Rev

# Deciding asks in rounds, and each round compares the same bytes again.
_find_differences = lru_cache(maxsize=1 << 10)(find_differences)
# Of a promotion's manifests the forge is asked about as many as anybody will read of.
_MOST_BY_FORGE = 50


@dataclass(frozen=True)
class NotCarried:
    """What the manifest `path` of an environment says otherwise since its commit `since` was promoted."""

    environment: str
    since: str
    path: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class NotCompared:
    """A manifest of an environment of which isn't known what it said when it was promoted last."""

    environment: str
    path: str


@dataclass(frozen=True)
class LeftBehind:
    """What isn't carried, where that isn't known, and what the merge request remembers to ask no forge again."""

    found: tuple[NotCarried, ...] = ()
    unknown: tuple[NotCompared, ...] = ()
    marks: tuple[str, ...] = ()


def not_carried(
    ask: Ask, config: Config, sources: Mapping[str, Snapshot], target: Snapshot, promotion: Promotion, body: str
) -> LeftBehind:
    """What each of the source's manifests says otherwise than when it was promoted last.

    The target's own manifest is no measure: most of what it says otherwise is meant to be so. `body` is what our merge
    request says so far, empty without one.
    """
    moves, said = _by_source(promotion), remembered(body)
    asked = frozenset(list(moves)[:_MOST_BY_FORGE])

    def look(path: str) -> tuple[Since, NotCarried | NotCompared | None]:
        move = moves[path]
        copies = config.settings(promotion.target, move.service).when_missing is not None
        source = sources[move.service]
        since = find_since(ask, target, promotion, move, Search(said, path in asked, copies, source.rev))
        return since, _compared(ask, source, promotion, move, since)

    looked = for_each(moves, look)
    return LeftBehind(
        tuple(found for _, found in looked if isinstance(found, NotCarried)),
        tuple(found for _, found in looked if isinstance(found, NotCompared)),
        tuple(since.mark for since, _ in looked if since.mark),
    )


def _by_source(promotion: Promotion) -> dict[str, Move]:
    """A move from each of the source's manifests."""
    return {move.origin.path: move for move in promotion.moves}


def _carried_from(promotion: Promotion, path: str) -> set[str]:
    return {companion.origin_pointer for companion in promotion.companions if companion.origin == path}


def _compared(
    ask: Ask, source: Snapshot, promotion: Promotion, move: Move, since: Since
) -> NotCarried | NotCompared | None:
    environment, path = move.origin.environment, move.origin.path
    match since.last:
        case Never():
            return None
        case NotKnown():
            return NotCompared(environment, path)
        case PromotedAt(commit) as last:
            differences = _differences(ask, source, promotion, move, last)
            if differences is None:
                return NotCompared(environment, path)
            return NotCarried(environment, commit, path, differences) if differences else None


def _differences(
    ask: Ask, source: Snapshot, promotion: Promotion, move: Move, last: PromotedAt
) -> tuple[Difference, ...] | None:
    """What the manifest says otherwise now; None where it can't be told what it said then."""
    path = move.origin.path
    now = next((one for one in source.manifests[move.service] if one.file.path == path), None)
    files = ask.perhaps(Files(Rev(source.rev.repository, last.commit), (path,))) or ()
    then = next((file.content for file in files if file.path == path), None)
    if now is None or then is None or not _named(now, then, last):
        return None
    try:
        found = _find_differences(path, then, now.file.content, now.rules)
    except ManifestError:
        return None  # what can't be read now is refused elsewhere; what couldn't then tells nothing
    carried = _carried_from(promotion, path)
    return tuple(one for one in found if f"{one.document}:{one.pointer}" not in carried)


def _named(manifest: Manifest, then: bytes, last: PromotedAt) -> bool:
    """Whether the source ran the image then, where only others than the target's branch say so."""
    images = (field.image for field in fields_at(manifest, then))
    return last.ran is None or any(image is not None and is_same(image, last.ran) for image in images)
