"""What to do about a promotion's branch and merge request, given how both stand now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bot.decide import approving
from bot.decide.branch import Branch, of_commit, of_its_commit, open_request, requests_from
from bot.decide.changes import Change, find_changes
from bot.decide.conversation import converse, first_told
from bot.decide.copies import find_copies
from bot.decide.environments import unchanged
from bot.decide.facts import Ask, Refusal, both
from bot.decide.inplace import in_place, is_recorded, on_branch, together
from bot.decide.merging import Ending, before_merge, find_ending
from bot.decide.notes import supersedes_later
from bot.decide.objections import (
    closed_requests,
    reopening,
    respect_closed,
    respect_retargeted,
)
from bot.decide.proposed import Proposal
from bot.decide.reverts import revert_questions, with_reverts, with_said
from bot.decide.rivals import find_rival
from bot.decide.sentences import sentence
from bot.decide.statuses import with_status, with_status_of_shared
from bot.decide.trailers import PROMOTED_IMAGE, PROMOTED_TOGETHER, recorded
from bot.decide.unasked import find_unasked, groups_of
from bot.decide.warnings import find_warnings
from bot.plan import (
    Action,
    CloseRequest,
    DeleteBranch,
    HoldMerge,
    Merge,
    PushBranch,
    SetNote,
    SetStatus,
    Standing,
    Step,
    UpdateRequest,
    Verdict,
)
from bot.promotion import Given, Promotion
from bot.questions import Question
from bot.repositories import FileChange, MergeRequest

# What is left to do where no image has a way to go any more.
_TIDYING = (CloseRequest, DeleteBranch, SetStatus, UpdateRequest, SetNote, Merge, HoldMerge)


def propose(ask: Ask, proposal: Proposal) -> Verdict:
    """What is due for this promotion: nothing, a copy, a proposal, or tidying up after one. Raises Refusal."""
    request = open_request(ask, proposal.target, proposal.branch.name)
    changes = find_changes(proposal.target, proposal.promotion, proposal.creation)
    warnings = (*proposal.promotion.warnings, *find_warnings(proposal.target, proposal.promotion, changes))
    proposal = replace(proposal, promotion=replace(proposal.promotion, warnings=warnings))
    rival = find_rival(ask, proposal.target, proposal.promotion, proposal.config.author.email) if changes else None
    if rival is not None:
        warnings = (*warnings, sentence("!{} by {} proposes the same, and stands for ours", rival.number, rival.author))
        proposal = replace(proposal, promotion=replace(proposal.promotion, warnings=warnings))
    if changes and rival is None:
        proposal = _respect_people(ask, proposal, request, _first(ask, proposal, request, changes))
        actions = _proposing(ask, proposal, changes, request)
        warnings = (*proposal.promotion.warnings, *find_unasked(ask, proposal, request))
        proposal = replace(proposal, promotion=replace(proposal.promotion, warnings=warnings))
    else:
        actions = [*find_copies(ask, proposal), *_tidying(ask, proposal, request, rival)]
    if request is not None and not changes and rival is None and _is_beside(proposal):
        ending = Ending(note=f"!{request.number} proposes something else, and stays open")
    else:
        ending = find_ending(ask, proposal, request, actions)
    actions = [*ending.actions, *actions]
    settled = Standing.PROPOSED if changes else Standing.CURRENT
    step = _step(ask, proposal, actions, changes) if actions else None
    return Verdict(
        unit=proposal.promotion.unit,
        target=proposal.promotion.target,
        standing=settled if all(isinstance(action, _TIDYING) for action in actions) else Standing.DUE,
        promotion=proposal.promotion,
        step=step,
        request=rival or request,
        note=ending.note,
    )


def _proposing(ask: Ask, proposal: Proposal, changes: tuple[Change, ...], request: MergeRequest | None) -> list[Action]:
    """What brings it there, by the branch as it is where that does, unless a merge waits for another one."""
    ask.together(*_first(ask, proposal, request, changes))
    effects = partial(_effects, ask, proposal, changes, request)
    actions = list(effects(push=not in_place(ask, proposal, changes, request)))
    behind = request is not None and request.needs_rebase and find_ending(ask, proposal, request, actions).rebuild
    return list(effects(push=True)) if behind else actions


def _effects(
    ask: Ask, proposal: Proposal, changes: tuple[Change, ...], request: MergeRequest | None, *, push: bool
) -> Iterator[Action]:
    """In this order: the branch is the claim, the image comes before the status and the merge request that name it."""
    pushes = (_push(proposal, changes),) if push else ()
    if pushes and request is not None:
        _respect_review(proposal, request)
    actions = (*pushes, *find_copies(ask, proposal))
    needed = approving.find_needed(ask, proposal.config, proposal.target, proposal.promotion, changes)
    repository = proposal.target.rev.repository
    needed = replace(needed, shared=not push and _is_shared(ask, proposal, request))
    lacks = approving.missing(ask, repository, needed.assured, request, pushed=bool(pushes))
    anew = lacks or ("" if needed.waits_no_more(ask, repository, request) else None)
    target, branch, moves = proposal.target, proposal.branch, proposal.promotion.moves
    there = tuple(
        with_status_of_shared(target, branch, actions, request)
        if needed.shared
        else with_status(target, branch, moves, actions, request, anew)
    )
    yield from there
    said = next((action.status for action in reversed(there) if isinstance(action, SetStatus)), None)
    yield from converse(ask, proposal, request, changes, needed, said)


def _is_shared(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> bool:
    """Whether others propose the commit that its branch has."""
    repository = proposal.target.rev.repository
    if request is None:
        return bool(of_commit(ask, repository, proposal.branch.head))
    return bool(of_its_commit(ask, repository, request))


def _first(
    ask: Ask, proposal: Proposal, request: MergeRequest | None, changes: tuple[Change, ...]
) -> Iterator[Question[Any]]:
    """What all that is proposed asks."""
    yield from on_branch(proposal, changes)
    yield from first_told(ask, proposal, request)
    yield from approving.first_questions(proposal.config, proposal.target, proposal.promotion.unit)
    yield from groups_of(proposal, request)


def examine(ask: Ask, proposal: Proposal) -> None:
    """Refuse what `propose` would refuse of one service of several: what they share isn't looked at."""
    request = open_request(ask, proposal.target, proposal.branch.name)
    if find_changes(proposal.target, proposal.promotion, proposal.creation):
        _leave_to_rival(ask, proposal)
        _respect_people(ask, proposal, request, first_told(ask, proposal, request))
    list(find_copies(ask, proposal))


def _leave_to_rival(ask: Ask, proposal: Proposal) -> None:
    rival = find_rival(ask, proposal.target, proposal.promotion, proposal.config.author.email)
    if rival is not None:
        raise Refusal(f"!{rival.number} by {rival.author} proposes it already", f"merge or close !{rival.number}")


def _respect_people(
    ask: Ask, proposal: Proposal, request: MergeRequest | None, besides: Iterable[Question[Any]]
) -> Proposal:
    """The proposal, knowing what of it people took back. Raises Refusal for what they said no to.

    What all of the proposal asks `besides` is asked in the same rounds.
    """
    target, branch, promotion = proposal.target, proposal.branch, proposal.promotion
    if request is None:
        respect_retargeted(ask, target, branch, reopening(promotion))
    if request and _is_proposed(branch, promotion) and not proposal.reopen:
        return replace(proposal, promotion=with_said(branch, promotion))
    return both(partial(_respect_noes, ask, proposal), lambda: ask.together(*besides))[0]


def _respect_noes(ask: Ask, proposal: Proposal) -> Proposal:
    target, branch, promotion = proposal.target, proposal.branch, proposal.promotion
    closed = () if proposal.reopen else (closed_requests(target, branch),)
    ask.together(*closed, *revert_questions(target, branch, promotion))
    if not proposal.reopen:
        respect_closed(ask, target, branch, promotion)
    return replace(proposal, promotion=with_reverts(ask, target, branch, promotion, reopen=proposal.reopen))


def _respect_review(proposal: Proposal, request: MergeRequest) -> None:
    """Refuse to put other images in place of those that people may be looking at, where they don't want that."""
    ours = proposal.branch.ours
    another = bool(ours) and not is_recorded(ours[0], proposal.promotion)
    waits = any(each.supersede == "wait" for each in proposal.settings)
    if another and waits and not request.draft and not request.unfinished:
        raise supersedes_later(proposal.promotion, request)


def _is_proposed(branch: Branch, promotion: Promotion) -> bool:
    """Whether the branch has what changes by this already, whatever it has besides."""
    said = {text for commit in branch.ours[:1] for text in commit.trailer(PROMOTED_IMAGE)}
    return all(recorded(move) in said for move in promotion.moves if move.before != move.after)


def _push(proposal: Proposal, changes: tuple[Change, ...]) -> PushBranch:
    return PushBranch(
        repository=proposal.target.rev.repository,
        branch=proposal.branch.name,
        base=proposal.target.rev.commit,
        expected=proposal.branch.head,
        files=tuple(FileChange(change.path, change.content) for change in changes),
        message=proposal.texts.commit_message(proposal.promotion)
        + "".join(f"{PROMOTED_TOGETHER}: {value}\n" for value in together(proposal.promotion.unit)),
    )


def _tidying(
    ask: Ask, proposal: Proposal, request: MergeRequest | None, rival: MergeRequest | None
) -> Iterator[Action]:
    """Nothing is proposed any more: close what we opened, and take our branch away unless a person worked on it."""
    branch, repository = proposal.branch, proposal.target.rev.repository
    # What a person opened from our branch keeps its words and is theirs to close.
    if branch.foreign or (request is not None and not request.ours) or (rival is None and _is_beside(proposal)):
        return
    if request is not None:
        why = f"!{rival.number} proposes the same" if rival else _named_already(proposal)
        yield CloseRequest(repository, request.number, f"no longer due: {why}", rival.url if rival else "")
    elsewhere = [one for one in requests_from(ask, proposal.target, branch.name) if one != request]
    if branch.head is not None and not elsewhere:
        yield DeleteBranch(repository, branch.name, branch.head)


def _is_beside(proposal: Proposal) -> bool:
    """Whether the branch proposes something else than what somebody gave by hand: who did so said nothing of that."""
    by_hand = any(isinstance(move.origin, Given) for move in proposal.promotion.moves)
    return by_hand and not _is_on_branch(proposal)


def _is_on_branch(proposal: Proposal) -> bool:
    return any(is_recorded(commit, proposal.promotion) for commit in proposal.branch.ours[:1])


def _named_already(proposal: Proposal) -> str:
    """Forges make a link of a whole commit."""
    promotion = proposal.promotion
    sources = " and ".join(dict.fromkeys(move.origin.environment for move in promotion.moves))
    named = "this proposed" if _is_on_branch(proposal) else f"{sources} has now, which isn't what this proposed"
    return f"{promotion.target} already names what {named}, as of {proposal.target.rev.commit}"


def _step(ask: Ask, proposal: Proposal, actions: list[Action], changes: tuple[Change, ...]) -> Step:
    target = proposal.target
    merges = (action for action in actions if isinstance(action, Merge))
    guards = (guard for merge in merges for guard in before_merge(ask, proposal, merge))
    return Step(
        unit=proposal.promotion.unit,
        target=proposal.promotion.target,
        repository=target.rev.repository,
        branch=proposal.branch.name,
        head=proposal.branch.head,
        guards=(unchanged(target, _read(proposal)), *guards),
        actions=tuple(actions),
        promotion=proposal.promotion,
        diff="".join(change.diff for change in changes),
    )


def _read(proposal: Proposal) -> Iterator[str]:
    """The target's files that were decided upon, those to be made included."""
    for service in proposal.promotion.unit.services:
        yield from (manifest.file.path for manifest in proposal.target.manifests[service])
    if proposal.creation is not None:
        yield from (listing.path for listing in proposal.creation.listings)
