"""`merge: auto`: when a merge request of ours is merged by promobot, or by the forge because promobot said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.decide.approving import demands, unmet
from bot.decide.facts import Ask
from bot.decide.proposed import Proposal
from bot.plan import Action, CopyImage, Guard, HoldMerge, Merge, MoveTag, PushBranch
from bot.promotion import Given
from bot.questions import Approvals, Found, MergeBase, TagDigest
from bot.repositories import MergeRequest


@dataclass(frozen=True)
class Ending:
    """What is to be done so that it is merged or isn't; `note` says what it waits for.

    `rebuild`: nothing keeps it from being merged but that its branch has to be made anew on the target's head.
    """

    actions: tuple[Merge | HoldMerge, ...] = ()
    note: str = ""
    rebuild: bool = False


def find_ending(ask: Ask, proposal: Proposal, request: MergeRequest | None, actions: Sequence[Action]) -> Ending:
    """What to do about the merge of what is proposed, beside the `actions` that bring it up to date.

    It is merged by a pass in which nothing else was to be done: so it was whole when that began.
    """
    if request is None or not request.ours:
        return Ending()
    hold = (HoldMerge(proposal.target.rev.repository, request.number),)
    if any(isinstance(action, PushBranch) for action in actions):
        # Whoever had the forge merge it meant what it was: what is pushed may be merged before its images are there.
        return Ending(hold if request.auto_merge_by else ())
    armed = is_merged_for_us(request)
    if not _may_go_by_itself(proposal, request) or any(isinstance(action, CopyImage | MoveTag) for action in actions):
        return Ending(hold if armed else ())
    return _when_approved(ask, proposal, request, busy=bool(actions))


def _when_approved(ask: Ask, proposal: Proposal, request: MergeRequest, *, busy: bool) -> Ending:
    """What was so when we had the forge merge it may have been taken back; what a person had it do is theirs."""
    repository, armed = proposal.target.rev.repository, is_merged_for_us(request)
    asked = armed if request.auto_merge_by else not busy
    if asked and (missing := _missing(ask, proposal, request)):
        return Ending((HoldMerge(repository, request.number),) if armed else (), missing)
    if busy:
        return Ending()
    if asked and _is_left_behind(ask, proposal, request):
        return Ending(rebuild=True)
    if request.auto_merge_by:
        return Ending(note="which the forge merges as soon as it may")
    # What a list told of approvals is older than what is asked again right before the merge, and may be over.
    if missing := _missing(ask, proposal, replace(request, approvals=None)):
        return Ending(note=missing)
    return Ending((Merge(repository, request.number, request.head, request.target_branch),))


def is_merged_for_us(request: MergeRequest) -> bool:
    """Whether the forge merges a merge request of ours by itself because we said so."""
    return request.ours and bool(request.auto_merge_by) and request.auto_merge_by == request.author


def _is_left_behind(ask: Ask, proposal: Proposal, request: MergeRequest) -> bool:
    """Whether the forge wants it rebased, and the target has what the branch hasn't: a list may be older than that."""
    rev = proposal.target.rev
    return request.needs_rebase and ask.maybe(MergeBase(rev.repository, rev.commit, request.head)) != rev.commit


def before_merge(ask: Ask, proposal: Proposal, merge: Merge) -> Iterator[Guard]:
    """What is asked again right before a merge: whether each image is where it was found, and who approves."""
    for move in proposal.promotion.moves:
        yield Guard(TagDigest(move.destination, move.tag), Found(move.digest))
    if demands(proposal.config, proposal.promotion.target, proposal.promotion.unit.services):
        given = Approvals(merge.repository, merge.number)
        yield Guard(given, ask(given))


def _may_go_by_itself(proposal: Proposal, request: MergeRequest) -> bool:
    """Not a draft, not what a person worked on, and nothing of which people were to know something first."""
    branch, promotion = proposal.branch, proposal.promotion
    ours = bool(branch.ours) and not branch.foreign and branch.head == request.head
    asked = all(each.merge == "auto" for each in proposal.settings)
    plain = not any(
        move.allowed or (isinstance(move.origin, Given) and move.origin.unproven) for move in promotion.moves
    )
    return asked and ours and plain and not request.draft


def _missing(ask: Ask, proposal: Proposal, request: MergeRequest) -> str:
    """Which approvals are missing, as far as the configuration asks for some; what the forge asks for, it says."""
    asked = demands(proposal.config, proposal.promotion.target, proposal.promotion.unit.services)
    return unmet(ask, proposal.target.rev.repository, asked, request)
