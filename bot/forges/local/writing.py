"""What an operation comes to: a merge request's new record, and the refs that change with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.errors import ForgeError
from bot.forges.local import merging
from bot.forges.local.record import Record
from bot.forges.local.refusals import stored_record
from bot.forges.local.store import Change, Snapshot, claim_ref, put, request_ref
from bot.git.command import GitDirectory
from bot.repositories import RequestDraft, RequestState


@dataclass(frozen=True)
class Writing:
    """A record, and what has to change for it."""

    record: Record
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Moment:
    """A project as it was read, and when."""

    project: str
    git: GitDirectory
    snapshot: Snapshot
    now: datetime

    @property
    def time(self) -> str:
        """As a record has it."""
        return self.now.isoformat(timespec="seconds")

    def record(self, number: int) -> Record:
        """The merge request of this number. Raises ForgeError if there is none."""
        return stored_record(self.project, self.snapshot, number)

    def branch(self, name: str) -> str:
        """The commit that a branch is at. Raises ForgeError if there is none."""
        if name not in self.snapshot.branches:
            raise ForgeError(f"{self.project} has no branch {name}", hint="push it first")
        return self.snapshot.branches[name]


def opened(moment: Moment, draft: RequestDraft, author: str) -> Writing:
    """A new merge request, or the one that is open between the two branches. Raises ForgeError where none can be."""
    pair = (draft.source_branch, draft.target_branch)
    for stored in moment.snapshot.requests.values():
        if stored.record.is_open and stored.record.pair == pair:
            return Writing(stored.record)
    record = _new(moment, draft, author)
    oid = put(moment.git, record.dump())
    # A claim without an open merge request was left by a kill in the middle of a transaction: take it over.
    claim = claim_ref(pair)
    return Writing(
        record,
        (Change(claim, moment.snapshot.claims.get(claim), oid), Change(request_ref(record.number), None, oid)),
    )


def _new(moment: Moment, draft: RequestDraft, author: str) -> Record:
    head = moment.branch(draft.source_branch)
    if head == moment.branch(draft.target_branch):
        raise ForgeError(
            f"{draft.source_branch} of {moment.project} is no different from {draft.target_branch}",
            hint="there is nothing to merge",
        )
    return Record(
        number=max(moment.snapshot.requests, default=0) + 1,
        title=draft.title,
        body=draft.body,
        source_branch=draft.source_branch,
        target_branch=draft.target_branch,
        head=head,
        state=RequestState.OPEN.value,
        author=author,
        created=moment.time,
        updated=moment.time,
        reviewers=draft.reviewers.names,
        labels=draft.labels,
        draft=draft.draft,
    )


def rewritten(moment: Moment, record: Record) -> Writing:
    """One that is there, otherwise than it was."""
    head = moment.snapshot.branches.get(record.source_branch, record.head)
    record = replace(record, head=head, updated=moment.time)
    before = moment.snapshot.requests[record.number].oid
    return Writing(record, (Change(request_ref(record.number), before, put(moment.git, record.dump())),))


def ended(moment: Moment, record: Record, *, by: str, reason: str) -> Writing:
    """One that was closed or merged, so that its branches can have another."""
    written = rewritten(moment, replace(record, ended=moment.time, ended_by=by, reason=reason))
    claim, claims = claim_ref(record.pair), moment.snapshot.claims
    released = (Change(claim, claims[claim], None),) if claim in claims else ()
    return Writing(written.record, (*written.changes, *released))


def merged(moment: Moment, record: Record, by: str) -> Writing:
    """One that is merged: by a merge commit of `by`, unless the target has all of it; the source branch goes."""
    git, branches = moment.git, moment.snapshot.branches
    source, target = branches[record.source_branch], branches.get(record.target_branch)
    if target is None:
        raise ForgeError(f"{moment.project} has no branch {record.target_branch}", hint="close the merge request")
    result, reason = target, "already merged: the target branch had every commit"
    if not merging.contains(git, target, source):
        tree = merging.merged_tree(git, target, source)
        message = _merge_message(moment.project, record)
        result, reason = merging.merge_commit(git, tree, (target, source), message, by, moment.now), ""
    done = replace(record, state=RequestState.MERGED.value, merge_commit=result)
    written = ended(moment, done, by=by, reason=reason)
    # The target first: cut off after it, the merge request is open and its merge is found done.
    move = Change(f"refs/heads/{record.target_branch}", target, result)
    return Writing(written.record, (move, *written.changes, *branch_removal(moment.snapshot, written.record)))


def branch_removal(snapshot: Snapshot, record: Record) -> tuple[Change, ...]:
    """The end of a merged branch, unless it is the project's default or has moved on."""
    if record.source_branch == snapshot.default_branch or snapshot.branches.get(record.source_branch) != record.head:
        return ()
    return (Change(f"refs/heads/{record.source_branch}", record.head, None),)


def _merge_message(project: str, record: Record) -> str:
    """The title is not the last paragraph, so that nobody can write trailers by it."""
    title = "".join(character for character in " ".join(record.title.split()) if character.isprintable())
    subject = f"Merge branch '{record.source_branch}' into '{record.target_branch}'"
    return f"{subject}\n\n{title}\n\nSee merge request {project}!{record.number}\n"
