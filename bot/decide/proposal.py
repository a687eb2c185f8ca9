"""What to do about a promotion's branch and merge request, given how both stand now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bot.config import Config
from bot.decide.branch import Branch
from bot.decide.changes import Change, find_changes
from bot.decide.creation import Creation
from bot.decide.environments import Snapshot, unchanged
from bot.decide.facts import Ask, Refusal, for_each
from bot.decide.released import must_be_replaceable
from bot.decide.soak import Soaked
from bot.decide.telling import first_questions, tell
from bot.decide.text import Texts, fingerprint_in
from bot.decide.trailers import PROMOTED_IMAGE, PROMOTED_TOGETHER
from bot.decide.warnings import find_warnings
from bot.errors import ExitCode
from bot.plan import (
    Action,
    CloseRequest,
    CopyImage,
    DeleteBranch,
    MoveTag,
    OpenRequest,
    PushBranch,
    Standing,
    Step,
    UpdateRequest,
    Verdict,
)
from bot.promotion import Companion, Move, Promotion, Unit
from bot.questions import Absent, ClosedRequests, Files, Holds, OpenRequests, TagDigest
from bot.repositories import FileChange, MergeRequest, RequestDraft, Rev


@dataclass(frozen=True)
class Proposal:
    """One unit's way into one environment, everything that deciding about it needs.

    `sources` has for each of its services what is said where it comes from.
    """

    sources: Mapping[str, Snapshot]
    target: Snapshot
    promotion: Promotion
    branch: Branch
    config: Config
    texts: Texts
    reopen: bool
    creation: Creation | None = None
    soaked: tuple[Soaked, ...] = ()


def fingerprint(
    unit: Unit, target: str, moves: Iterable[Move], companions: Iterable[Companion] = (), created: Iterable[str] = ()
) -> str:
    """16 hexadecimal digits over what a person says no to by closing a merge request.

    The same image stays the same whatever `write` makes of it and whatever else a copied manifest says. But to make a
    manifest is something else than to edit it, and so is to write the image that is there in another way.
    """
    lines = [f"{m.path} {m.pointer} {m.after.name}:{m.tag}@{m.digest}{_rewriting(m)}" for m in moves]
    lines += [f"{c.path} {c.pointer} = {c.after!r}" for c in companions]
    lines += [f"{path} is made" for path in created]
    return hashlib.sha256("\n".join([target, unit.name, *sorted(lines)]).encode()).hexdigest()[:16]


def _rewriting(move: Move) -> str:
    before, after = move.before, move.after
    same_image = before.at(before.tag, None) == after.at(after.tag, None) and None in {before.digest, after.digest}
    return f" as {after}" if same_image and before != after else ""


def propose(ask: Ask, proposal: Proposal) -> Verdict:
    """What is due for this promotion: nothing, a copy, a proposal, or tidying up after one. Raises Refusal."""
    request = _open_request(ask, proposal)
    changes = find_changes(proposal.target, proposal.promotion, proposal.creation)
    warnings = (*proposal.promotion.warnings, *find_warnings(proposal.target, proposal.promotion, changes))
    proposal = replace(proposal, promotion=replace(proposal.promotion, warnings=warnings))
    if changes:
        actions = list(_proposing(ask, proposal, changes, request))
    else:
        actions = [*_copies(ask, proposal), *_tidying(ask, proposal, request)]
    settled = Standing.PROPOSED if changes else Standing.CURRENT
    step = _step(proposal, actions, changes) if actions else None
    return Verdict(
        unit=proposal.promotion.unit,
        target=proposal.promotion.target,
        standing=Standing.DUE if step else settled,
        promotion=proposal.promotion,
        step=step,
        request=request,
    )


def _open_request(ask: Ask, proposal: Proposal) -> MergeRequest | None:
    base = proposal.target.environment.repository.branch
    return next((r for r in _from_branch(ask, proposal) if r.target_branch == base), None)


def _retargeted(ask: Ask, proposal: Proposal) -> MergeRequest | None:
    """A merge request from our branch that a person sent to another branch than the target's."""
    base = proposal.target.environment.repository.branch
    return next((r for r in _from_branch(ask, proposal) if r.target_branch != base), None)


def _from_branch(ask: Ask, proposal: Proposal) -> Iterator[MergeRequest]:
    answer = ask(OpenRequests(proposal.target.rev.repository))
    requests = answer.value if not isinstance(answer, Absent) else ()
    yield from (request for request in requests if request.source_branch == proposal.branch.name)


def _proposing(
    ask: Ask, proposal: Proposal, changes: tuple[Change, ...], request: MergeRequest | None
) -> Iterator[Action]:
    """In this order: the branch is the claim, the image comes before the merge request that names it."""
    told = first_questions(proposal.target, proposal.promotion)
    if request is None:
        _respect_retargeted(ask, proposal)
    if request is None and not proposal.reopen:
        ask.together(_closed_requests(proposal), *told)
        _respect_closed(ask, proposal)
    if not _in_place(ask, proposal, changes):
        yield _push(proposal, changes)
    yield from _copies(ask, proposal)
    yield from _request(ask, proposal, request)


def _respect_retargeted(ask: Ask, proposal: Proposal) -> None:
    other = _retargeted(ask, proposal)
    if other is not None:
        base = proposal.target.environment.repository.branch
        raise Refusal(
            f"!{other.number} goes from {other.source_branch} to {other.target_branch}, not to {base}",
            f"send it back to {base}, or close it to let promobot propose again",
            ExitCode.CONFLICT,
        )


def _closed_requests(proposal: Proposal) -> ClosedRequests:
    return ClosedRequests(proposal.target.rev.repository, proposal.branch.name)


def _respect_closed(ask: Ask, proposal: Proposal) -> None:
    answer = ask(_closed_requests(proposal))
    for closed in answer.value if not isinstance(answer, Absent) else ():
        by_us = closed.ended_by == proposal.config.author.name
        if not by_us and fingerprint_in(closed.body) == proposal.promotion.fingerprint:
            raise Refusal(
                f"{closed.ended_by or 'somebody'} closed !{closed.number}, which proposed exactly this",
                "a newer image will be proposed again; to propose this one anyway, use promote --reopen",
            )


def _in_place(ask: Ask, proposal: Proposal, changes: tuple[Change, ...]) -> bool:
    """Whether the branch already holds exactly these files and our record of these digests."""
    branch = proposal.branch
    if branch.head is None or not branch.ours:
        _leave_foreign_alone(proposal)
        return False
    answer = ask(Files(Rev(proposal.target.rev.repository, branch.head), tuple(change.path for change in changes)))
    files = {file.path: file.content for file in answer.value} if not isinstance(answer, Absent) else {}
    recorded = set(branch.ours[0].trailer(PROMOTED_IMAGE))
    wanted = {str(move.after.at(move.tag, move.digest)) for move in proposal.promotion.moves}
    if recorded == wanted and branch.foreign and proposal.promotion.created:
        return True  # what a reviewer made of the copy is what shall be merged
    if recorded == wanted and all(files.get(change.path) == change.content for change in changes):
        return True
    _leave_foreign_alone(proposal)
    return False


def _leave_foreign_alone(proposal: Proposal) -> None:
    if proposal.branch.foreign:
        commit = proposal.branch.foreign[0]
        raise Refusal(
            f"branch {proposal.branch.name} holds commit {commit.sha[:12]} by {commit.committer_email}, left as it is",
            "merge or close it by hand, or delete the branch to let promobot propose again",
            ExitCode.CONFLICT,
        )


def _push(proposal: Proposal, changes: tuple[Change, ...]) -> PushBranch:
    return PushBranch(
        repository=proposal.target.rev.repository,
        branch=proposal.branch.name,
        base=proposal.target.rev.commit,
        expected=proposal.branch.head,
        files=tuple(FileChange(change.path, change.content) for change in changes),
        message=proposal.texts.commit_message(proposal.promotion) + _together(proposal.promotion.unit),
    )


def _together(unit: Unit) -> str:
    """One more trailer: who finds the branch later has no other way to know what it is about."""
    return f"{PROMOTED_TOGETHER}: {' '.join(unit.services)}\n" if unit.chosen else ""


def _copies(ask: Ask, proposal: Proposal) -> Iterator[CopyImage | MoveTag]:
    """A copy for each image that the destination lacks, once however many places name it.

    Where a version is made anew, its image is there before its tag moves.
    """
    moves = {(move.destination, move.tag, move.digest): move for move in proposal.promotion.moves}
    for actions in for_each(moves.values(), lambda move: tuple(_copy(ask, proposal, move))):
        yield from actions


def _copy(ask: Ask, proposal: Proposal, move: Move) -> Iterator[CopyImage | MoveTag]:
    present = ask(TagDigest(move.destination, move.tag))
    if isinstance(present, Absent):
        yield CopyImage(move.source, move.digest, move.destination, move.tag)
    elif present.value != move.digest:
        taken = (
            f"version taken: {move.after.at(move.tag, None)} is already {present.value.short}, "
            f"but {move.origin.environment} runs {move.digest.short}"
        )
        must_be_replaceable(ask, proposal.config, proposal.target, move, taken)
        if isinstance(ask(Holds(move.destination, move.digest)), Absent):
            yield CopyImage(move.source, move.digest, move.destination, None)
        yield MoveTag(move.destination, move.tag, present.value, move.digest)


def _request(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> Iterator[Action]:
    creation = proposal.creation
    said = request.body if request is not None and _is_ours(proposal, request) else ""
    background = tell(ask, proposal.config, proposal.sources, proposal.target, proposal.promotion, said)
    since = max((each.since for each in proposal.soaked), default=None)
    checks = tuple(dict.fromkeys(each.check for each in proposal.soaked))
    background = replace(background, creation=creation, since=since, checks=checks)
    title, body = proposal.texts.title(proposal.promotion), proposal.texts.body(proposal.promotion, background)
    environment = proposal.target.environment
    repository = proposal.target.rev.repository
    if request is None:
        reviewers = _reviewers(proposal)
        labels = ("promobot", f"to-{environment.name}")
        branch = environment.repository.branch
        draft = RequestDraft(proposal.branch.name, branch, title, body, reviewers, labels, draft=creation is not None)
        yield OpenRequest(repository, draft)
    elif _is_ours(proposal, request) and (request.title, request.body) != (title, body):
        yield UpdateRequest(repository, request.number, title, body)


def _reviewers(proposal: Proposal) -> tuple[str, ...]:
    """Who is asked about any of the unit's services, each once."""
    unit = proposal.promotion.unit
    asked = (proposal.config.settings(proposal.promotion.target, service).approvers for service in unit.services)
    return tuple(dict.fromkeys(name for approvers in asked for name in (*approvers.groups, *approvers.users)))


def _is_ours(proposal: Proposal, request: MergeRequest) -> bool:
    """Whether we opened it: what a person opened from our branch keeps its words and is theirs to close."""
    return request.author == proposal.config.author.name


def _tidying(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> Iterator[Action]:
    """Nothing is proposed any more: close what we opened, and take our branch away unless a person worked on it."""
    branch, repository = proposal.branch, proposal.target.rev.repository
    if branch.foreign or (request is not None and not _is_ours(proposal, request)):
        return
    if request is not None:
        target = proposal.promotion.target
        yield CloseRequest(repository, request.number, f"no longer due: {target} already names what this proposed")
    if branch.head is not None and _retargeted(ask, proposal) is None:
        yield DeleteBranch(repository, branch.name, branch.head)


def _step(proposal: Proposal, actions: list[Action], changes: tuple[Change, ...]) -> Step:
    target = proposal.target
    return Step(
        unit=proposal.promotion.unit,
        target=proposal.promotion.target,
        repository=target.rev.repository,
        branch=proposal.branch.name,
        head=proposal.branch.head,
        guards=(unchanged(target, _read(proposal)),),
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
