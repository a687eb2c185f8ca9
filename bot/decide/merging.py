"""`merge: auto`: when a merge request of ours is merged by promobot, or by the forge because promobot said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.decide.approving import demands, unmet
from bot.decide.facts import Ask
from bot.decide.proposed import Proposal
from bot.plan import Action, Guard, HoldMerge, Merge, PushBranch
from bot.promotion import Given
from bot.questions import Found, TagDigest
from bot.repositories import MergeRequest


@dataclass(frozen=True)
class Ending:
    """What is to be done so that it is merged or isn't; `note` says what it waits for."""

    actions: tuple[Merge | HoldMerge, ...] = ()
    note: str = ""


def find_ending(ask: Ask, proposal: Proposal, request: MergeRequest | None, actions: Sequence[Action]) -> Ending:
    """What to do about the merge of what is proposed, beside the `actions` that bring it up to date.

    It is merged by a pass in which nothing else was to be done: so it was whole when that began.
    """
    if request is None or not request.ours:
        return Ending()
    repository, number = proposal.target.rev.repository, request.number
    hold = (HoldMerge(repository, number),)
    if any(isinstance(action, PushBranch) for action in actions):
        # Whoever had the forge merge it meant what it was: what is pushed may be merged before its images are there.
        return Ending(hold if request.auto_merge_by else ())
    if not _may_go_by_itself(proposal, request):
        return Ending(hold if is_merged_for_us(request) else ())
    if actions:
        return Ending()
    services = proposal.promotion.unit.services
    # What the forge asks for, it says.
    missing = unmet(ask, repository, demands(proposal.config, proposal.promotion.target, services), request)
    if missing:
        return Ending(hold if is_merged_for_us(request) else (), missing)
    by_itself = Ending(note="which the forge merges as soon as it may")
    return by_itself if request.auto_merge_by else Ending((Merge(repository, number, request.head),))


def is_merged_for_us(request: MergeRequest) -> bool:
    """Whether the forge merges a merge request of ours by itself because we said so."""
    return request.ours and bool(request.auto_merge_by) and request.auto_merge_by == request.author


def presence(proposal: Proposal) -> Iterator[Guard]:
    """What is asked again right before a merge: whether each image is where it was found."""
    for move in proposal.promotion.moves:
        yield Guard(TagDigest(move.destination, move.tag), Found(move.digest))


def _may_go_by_itself(proposal: Proposal, request: MergeRequest) -> bool:
    """Not a draft, not what a person worked on, and nothing of which people were to know something first."""
    branch, promotion = proposal.branch, proposal.promotion
    target, services = promotion.target, promotion.unit.services
    ours = bool(branch.ours) and not branch.foreign and branch.head == request.head
    asked = all(proposal.config.settings(target, service).merge == "auto" for service in services)
    plain = not any(
        move.allowed or (isinstance(move.origin, Given) and move.origin.unproven) for move in promotion.moves
    )
    return asked and ours and plain and not request.draft and not request.unfinished
