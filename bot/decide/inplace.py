"""Whether a promotion's branch holds what it shall hold, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from bot.decide.changes import Change, are_made
from bot.decide.facts import Ask
from bot.decide.objections import leave_foreign_alone
from bot.decide.proposed import Proposal
from bot.decide.trailers import AGAIN, ALLOWED, PROMOTED_IMAGE, PROMOTED_TOGETHER, recorded
from bot.promotion import Promotion, Unit
from bot.questions import Files, Merged
from bot.repositories import Commit, File, MergeRequest, Rev


def on_branch(proposal: Proposal, changes: Iterable[Change]) -> Iterator[Files]:
    """What the branch has in place of the files that change, where we made any of it.

    The other manifests that our commit changes are asked for too: so it is one question, whichever services can go.
    """
    branch = proposal.branch
    if branch.head is not None and branch.ours:
        paths = proposal.target.paths.intersection(branch.ours[0].paths).union(change.path for change in changes)
        yield Files(Rev(proposal.target.rev.repository, branch.head), tuple(sorted(paths)))


def in_place(ask: Ask, proposal: Proposal, changes: tuple[Change, ...], request: MergeRequest | None) -> bool:
    """Whether the branch already holds exactly these files and our record of these digests."""
    branch = proposal.branch
    if branch.head is None or not branch.ours:
        leave_foreign_alone(proposal.branch, request, reopen=proposal.reopen)
        return False
    files = [file for question in on_branch(proposal, changes) for file in ask.maybe(question) or ()]
    recorded = is_recorded(branch.ours[0], proposal.promotion)
    if recorded and branch.foreign and proposal.promotion.created:
        return True  # what a reviewer made of the copy is what shall be merged
    if recorded and are_made(changes, files) and (branch.foreign or _is_all(ask, proposal, changes, files)):
        return True
    leave_foreign_alone(proposal.branch, request, reopen=proposal.reopen)
    merges = recorded and _merges(ask, proposal.target.rev, branch.head, changes)
    return merges and _is_all(ask, proposal, changes, files)


def _merges(ask: Ask, target: Rev, head: str, changes: Collection[Change]) -> bool:
    """Whether merging the branch as it is makes the same of files that were changed in the target since."""
    paths = tuple(sorted(change.path for change in changes))
    return are_made(changes, ask.maybe(Merged(target.repository, target.commit, head, paths)))


def _is_all(ask: Ask, proposal: Proposal, changes: Collection[Change], files: Iterable[File]) -> bool:
    """Whether merging the branch changes nothing else: whoever may push to it can write our name under anything.

    Ours is one commit on the target's branch; what was added to it in our name is ours to put right.
    """
    head, (commit, *more), target = proposal.branch.head, proposal.branch.ours, proposal.target.rev
    if head is None or more or commit.merges or any(file.is_link for file in files):
        return False
    others = tuple(sorted(set(commit.paths).difference(change.path for change in changes)))
    if not others:
        return True
    there = {file.path: file for file in ask.maybe(Files(target, others)) or ()}
    merged = ask.maybe(Merged(target.repository, target.commit, head, others))
    then = {file.path: file for file in merged or ()}
    # What is no file at either end may be a submodule by then.
    return merged is not None and all(path in there and there[path] == then.get(path) for path in others)


def is_recorded(commit: Commit, promotion: Promotion) -> bool:
    """Whether a commit's trailers say which digests the promotion is about, what goes together in it, and again."""
    wanted = {recorded(move) for move in promotion.moves}
    again = {text for move in promotion.moves for text in move.allowed if text.startswith(AGAIN)}
    return (
        set(commit.trailer(PROMOTED_IMAGE)) == wanted
        and commit.trailer(PROMOTED_TOGETHER) == together(promotion.unit)
        and again <= set(commit.trailer(ALLOWED))
    )


def together(unit: Unit) -> tuple[str, ...]:
    """The values of one more trailer: who finds the branch later has no other way to know what it is about."""
    return (" ".join(unit.chosen),) if unit.chosen else ()
