"""What people took back on the target's branch after promobot had promoted it: a no, as if they had closed it.

What the manifest said tells it, since a squashed merge may have lost our trailers. Whose a change was is told by them,
else by the merge request that it came by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from bot.decide import arrivals
from bot.decide.arrivals import is_promotion, is_same, landed
from bot.decide.branch import Branch
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, Forbidden, for_each
from bot.decide.objections import reopening
from bot.decide.sentences import sentence
from bot.decide.trailers import AGAIN, ALLOWED, PROMOTED_IMAGE, every_record, is_into, recorded
from bot.images import ImageRef
from bot.promotion import Move, Promotion
from bot.questions import History, MergedBy, Question
from bot.repositories import Commit, MergeRequest


@dataclass(frozen=True)
class Revert:
    """The commit that put back what was there before, as `image`, and the merge request that it came by, if any."""

    commit: str
    image: ImageRef
    request: MergeRequest | None = None


def revert_questions(target: Snapshot, branch: Branch, promotion: Promotion) -> Iterator[Question[Any]]:
    """What `with_reverts` begins with."""
    for move in _unsettled(branch, promotion):
        yield landed(target, move.path)
        yield History(target.rev, move.path)


def with_reverts(ask: Ask, target: Snapshot, branch: Branch, promotion: Promotion, *, reopen: bool) -> Promotion:
    """The promotion, saying of each image that it was taken back, where somebody proposes it all the same.

    Raises Refusal where nobody does.
    """
    unsettled = _unsettled(branch, promotion)
    found = for_each(unsettled, lambda move: _revert(ask, target, move))
    reverts = {move: revert for move, revert in zip(unsettled, found, strict=True) if revert is not None}
    for move, revert in reverts.items():
        if not reopen:
            raise Forbidden(
                f"{_who(revert)} took {promotion.target} back from {_version(move.after.at(move.tag, move.digest))} "
                f"of {move.service} to {_version(revert.image)}",
                f"a newer image will be proposed; {reopening(promotion)} proposes this one again",
            )
    texts = {move: f"{_again(move)}{revert.commit} took it back" for move, revert in reverts.items()}
    return with_said(branch, promotion, texts)


def with_said(branch: Branch, promotion: Promotion, texts: Mapping[Move, str] = MappingProxyType({})) -> Promotion:
    """The promotion with these texts, and those that our commit on the branch has about images proposed again."""
    texts = {**texts, **{move: text for move in promotion.moves for text in _said(branch, move)}}
    moves = tuple(replace(m, allowed=(*m.allowed, texts[m])) if m in texts else m for m in promotion.moves)
    told = dict.fromkeys(_warning(promotion.target, move, text) for move, text in texts.items())
    return replace(promotion, moves=moves, warnings=(*promotion.warnings, *told))


def _warning(target: str, move: Move, text: str) -> str:
    commit = text.removeprefix(_again(move)).partition(" ")[0]
    return sentence("{} had {} of {} before, which commit {} took back", target, move.tag, move.service, commit)


def _unsettled(branch: Branch, promotion: Promotion) -> tuple[Move, ...]:
    """What a branch of the target may have had: not what is new there, nor what somebody proposed again by name."""
    return tuple(
        move
        for move in promotion.moves
        if move.before != move.after and move.path not in promotion.created and not _said(branch, move)
    )


def _again(move: Move) -> str:
    return f"{AGAIN}{recorded(move)}, though "


def _said(branch: Branch, move: Move) -> list[str]:
    """What our commit on the branch says of it, if it was taken back and proposed again."""
    said = (text for commit in branch.ours[:1] for text in commit.trailer(ALLOWED))
    return [text for text in said if text.startswith(_again(move))][:1]


def _who(revert: Revert) -> str:
    if revert.request is None:
        return f"commit {revert.commit[:12]}"
    return f"!{revert.request.number} by {revert.request.author} (commit {revert.commit[:12]})"


def _version(image: ImageRef) -> str:
    return image.tag or (image.digest.short if image.digest else image.name)


# --- the history of one image ---------------------------------------------------------------------------


def _revert(ask: Ask, target: Snapshot, move: Move) -> Revert | None:
    """Who took it back, where the branch had it because of us and then had again what it had before that."""
    landings = ask.maybe(landed(target, move.path)) or ()
    history = ask.maybe(History(target.rev, move.path)) or ()
    mark = (move.after.tag or move.digest.text).encode()
    if not any(mark in (landing.content or b"") for landing in landings):
        return None  # what names it, says it: so most contents needn't be read
    named = list(arrivals.named(target, move, landings))
    wanted = move.after.at(move.tag, move.digest)
    has = [image is not None and is_same(image, wanted) for image in named]
    newest = has.index(True) if True in has else 0
    oldest = newest + len(list(takewhile(bool, has[newest:])))
    back = named[newest - 1] if newest else None
    if back is None or not any(image is not None and is_same(image, back) for image in named[oldest:]):
        return None
    return _by_people(
        ask, target, move, Revert(landings[newest - 1].commit, back), landings[oldest - 1].commit, history
    )


def _by_people(
    ask: Ask, target: Snapshot, move: Move, found: Revert, arrival: str, history: Sequence[Commit]
) -> Revert | None:
    """It, unless it was ours, or what it took back never was; our newest commits about either tell, else the forge."""
    ours = [commit for commit in history if is_into(commit, target.environment.name)]
    promoted = next(
        (index for index, commit in enumerate(ours) if recorded(move) in commit.trailer(PROMOTED_IMAGE)), None
    )
    if promoted is None and any(image == move.after.at(move.tag, None) for _, image, _ in every_record(ours)):
        return None  # that tag was another image then
    if any(is_same(image, found.image) for _, image, _ in every_record(ours[:promoted] if promoted else ())):
        return None
    back, there = (MergedBy(target.rev.repository, commit) for commit in (found.commit, arrival))
    ask.together(back, *(() if promoted is not None else (there,)))
    request = ask.maybe(back)
    if is_promotion(target, request) or (promoted is None and not is_promotion(target, ask.maybe(there))):
        return None
    return replace(found, request=request)
