"""Merge requests over bare repositories, by the same rules as on a server: who comes second finds the first's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import ConflictError, ForgeError
from bot.forges.certainty import must_be_as_seen, must_go_into
from bot.forges.local.project import project_directory
from bot.forges.local.record import NUMBER_MARK, Record, dump_status
from bot.forges.local.refusals import must_be_at, must_be_open, must_be_ready, stored_record
from bot.forges.local.settling import Wanted, settle
from bot.forges.local.store import Change, Snapshot, put, read, remove_stale_locks, status_ref
from bot.forges.local.writing import Moment, Writing, branch_removal, ended, merged, opened, rewritten
from bot.forges.port import AutoMerge, Opened
from bot.forges.rights import Right, Use
from bot.forges.statuses import must_be_good
from bot.git.command import GitDirectory
from bot.git.names import branch_ref
from bot.repositories import BranchProtection, CommitStatus, MergeRequest, RequestDraft, RequestState

_LONGEST_DESCRIPTION = 255


class LocalForge:
    """A folder of bare repositories, `<root>/<project>.git`, each with its merge requests in its refs.

    Safe for any number of processes and threads, beside people who push. `user` is the author of what is opened.
    """

    def __init__(
        self,
        root: Path,
        *,
        user: str = "promobot",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._root = root
        self._user = user
        self._now = now
        self._sleep = sleep

    def git_url(self, project: str) -> str:
        """The `file://` URL of the project's repository."""
        return project_directory(self._root, project).as_uri()

    def requests(self, project: str, state: RequestState | None = None) -> tuple[MergeRequest, ...]:
        """The merge requests in this state (None: all), lowest number first."""
        git = self._git(project)
        # Here too, since a push cannot do it for itself, and every pass begins with this.
        remove_stale_locks(git.path)
        snapshot = read(git)
        found = (stored.record for stored in snapshot.requests.values())
        wanted = (record for record in found if state is None or record.state == state.value)
        return tuple(self._request(project, snapshot, record) for record in wanted)

    def open_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, lowest number first."""
        return self.requests(project, RequestState.OPEN)

    def closed_requests(self, project: str, branches: Collection[str]) -> Mapping[str, tuple[MergeRequest, ...]]:
        """The merge requests from each of these branches that were closed without merging, highest number first."""
        closed = self.requests(project, RequestState.CLOSED)[::-1]
        return {branch: tuple(one for one in closed if one.source_branch == branch) for branch in branches}

    def merged(self, project: str, commits: Collection[str]) -> Mapping[str, MergeRequest]:
        """The merge requests by which a branch came to these commits, by commit."""
        merged = [r for r in self.requests(project, RequestState.MERGED) if r.merge_commit in commits]
        # Numbers are in the order of opening; what was merged first is put last, so that it stays.
        return {r.merge_commit: r for r in sorted(merged, key=_merged_at, reverse=True)}

    def statuses(
        self,
        project: str,
        commits: Collection[str],
        *,
        branches: Mapping[str, str] | None = None,  # noqa: ARG002 - a commit's are of the commit alone
    ) -> Mapping[str, CommitStatus]:
        """What promobot's own status says on these commits, by commit; those without one are left out."""
        stored = read(self._git(project), ()).statuses
        return {commit: stored[commit].status for commit in commits if commit in stored}

    def protection(self, project: str, branch: str) -> BranchProtection:  # noqa: ARG002 - the same of all
        """Nothing: who can write in the folder can merge."""
        return BranchProtection()

    def members(self, project: str, group: str) -> tuple[str, ...]:  # noqa: ARG002 - the same of all
        """Nobody: there are no groups."""
        return ()

    def rights(self, uses: Sequence[Use]) -> tuple[Right, ...]:  # noqa: ARG002 - the same of all
        """Nothing: whoever can write in the folder may do everything."""
        return ()

    def set_status(
        self,
        project: str,
        commit: str,
        status: CommitStatus,
        *,
        branch: str,  # noqa: ARG002 - a status is the commit's, whatever becomes of it
        new: bool = False,  # noqa: ARG002
        request: int | None = None,  # noqa: ARG002
    ) -> bool:
        """Let promobot's own status on a commit say this; those of commits that no branch is at any more go."""
        git, wanted = self._git(project), status.within(_LONGEST_DESCRIPTION)
        if git.run("cat-file", "-e", f"{commit}^{{commit}}", statuses=(0, 1, 128)).returncode:
            raise ForgeError(f"{project} has no commit {commit}", hint="push it first")

        def think(snapshot: Snapshot) -> Wanted[None]:
            stored = snapshot.statuses
            if commit in stored and stored[commit].status == wanted:
                return Wanted(None)
            heads = {commit, *snapshot.branches.values()}
            gone = tuple(
                Change(status_ref(other), one.oid, None) for other, one in stored.items() if other not in heads
            )
            before = stored[commit].oid if commit in stored else None
            return Wanted(None, (Change(status_ref(commit), before, put(git, dump_status(wanted))), *gone))

        return settle(git, project, think, (), sleep=self._sleep)[1]

    def get(self, project: str, number: int) -> MergeRequest:
        """One merge request."""
        snapshot = read(self._git(project), [number])
        return self._request(project, snapshot, stored_record(project, snapshot, number))

    def approvals(self, project: str, number: int) -> tuple[str, ...]:
        """Nobody, as there is no such thing here: who may merge, merges."""
        self.get(project, number)
        return ()

    def diff(self, project: str, number: int) -> str:
        """What merging an open merge request would change, as a unified diff; empty once it has ended."""
        request = self.get(project, number)
        if request.state is not RequestState.OPEN:
            return ""
        ends = f"{branch_ref(request.target_branch)}...{request.head}"
        return self._git(project).run("diff", "--no-ext-diff", "--no-color", ends, "--").stdout.decode(errors="replace")

    def open(self, project: str, draft: RequestDraft, *, status: CommitStatus | None = None) -> Opened:  # noqa: ARG002
        """Open a merge request, or adopt the one that is open between the two branches.

        Raises ForgeError if a branch is missing, or the source has nothing that the target hasn't.
        """
        request, changed = self._write(project, lambda moment: opened(moment, draft, self._user))
        return Opened(request, created=changed)

    def note(self, project: str, number: int) -> str:
        """What our one note on a merge request says; empty where there is none."""
        return self.get(project, number).note

    def set_note(self, project: str, number: int, text: str) -> bool:
        """Let our one note on an open merge request say this; False where it did. Raises ConflictError else."""

        def decide(moment: Moment) -> Writing:
            record = moment.record(number)
            if record.note == text:
                return Writing(record)
            must_be_open(project, record)
            return rewritten(moment, replace(record, note=text))

        return self._write(project, decide, [number])[1]

    def update(
        self, project: str, number: int, *, title: str, body: str, seen: tuple[str, str] | None = None
    ) -> MergeRequest:
        """Give an open merge request a new title and body, if it says what was seen. Raises ConflictError else."""

        def decide(moment: Moment) -> Writing:
            record = moment.record(number)
            if (record.title, record.body) == (title, body):
                return Writing(record)
            must_be_open(project, record)
            must_be_as_seen(project, self._request(project, moment.snapshot, record), seen)
            return rewritten(moment, replace(record, title=title, body=body))

        return self._write(project, decide, [number])[0]

    def ready(self, project: str, number: int) -> MergeRequest:
        """Let an open merge request be a draft no longer. Raises ConflictError if it is no longer open."""

        def decide(moment: Moment) -> Writing:
            record = moment.record(number)
            must_be_open(project, record)
            if not record.draft:
                return Writing(record)
            return rewritten(moment, replace(record, draft=False))

        return self._write(project, decide, [number])[0]

    def close(
        self,
        project: str,
        number: int,
        *,
        reason: str,
        by: str | None = None,
        link: str = "",  # noqa: ARG002  numbers are enough here
    ) -> MergeRequest:
        """Close without merging; the branch stays. Raises ConflictError if it is merged."""

        def decide(moment: Moment) -> Writing:
            record = moment.record(number)
            if record.state == RequestState.CLOSED.value:
                return Writing(record)
            must_be_open(project, record)
            closed = replace(record, state=RequestState.CLOSED.value)
            return ended(moment, closed, by=by or self._user, reason=reason)

        return self._write(project, decide, [number])[0]

    def merge(self, project: str, number: int, *, head: str, by: str | None = None) -> MergeRequest:
        """Merge by a merge commit of `by` (None: us), if the source branch is still at `head`; the source branch goes.

        Where the target has `head` already, no commit is made and `reason` says so. A merge request that was merged
        at `head` before is returned as it is. Raises ConflictError if the branch moved or conflicts, or if the
        merge request is closed or a draft.
        """

        def decide(moment: Moment) -> Writing:
            record = moment.record(number)
            if record.state == RequestState.MERGED.value and record.head == head:
                return Writing(record, branch_removal(moment.snapshot, record))
            must_be_open(project, record)
            must_be_ready(project, record)
            must_be_at(project, moment.snapshot, record, head)
            return merged(moment, record, by or self._user)

        return self._write(project, decide, [number])[0]

    def merge_when_ready(self, project: str, number: int, *, head: str, into: str) -> AutoMerge:
        """Merge, if the source branch is still at `head`: there are no checks to wait for but promobot's status."""
        must_go_into(project, self.get(project, number), into)
        try:
            must_be_good(project, number, self.statuses(project, [head]).get(head))
            return AutoMerge(self.merge(project, number, head=head))
        except ConflictError as error:
            now = self.get(project, number)
            if now.state is not RequestState.OPEN or now.head != head or now.draft:
                raise
            return AutoMerge(now, error.message)

    def hold(self, project: str, number: int) -> bool:  # noqa: ARG002
        """Nothing is merged by itself here."""
        return False

    def _write(
        self, project: str, decide: Callable[[Moment], Writing], numbers: Collection[int] | None = None
    ) -> tuple[MergeRequest, bool]:
        """What an operation comes to, and whether anything had to be changed for it."""
        git = self._git(project)

        def think(snapshot: Snapshot) -> Wanted[MergeRequest]:
            writing = decide(Moment(project, git, snapshot, self._now()))
            return Wanted(self._request(project, snapshot, writing.record), writing.changes)

        return settle(git, project, think, numbers, sleep=self._sleep)

    def _request(self, project: str, snapshot: Snapshot, record: Record) -> MergeRequest:
        """An open merge request's head is where its branch is now, or was when it was last there."""
        head = snapshot.branches.get(record.source_branch, record.head) if record.is_open else record.head
        return record.request(user=self._user, head=head, url=f"{self.git_url(project)}{NUMBER_MARK}{record.number}")

    def _git(self, project: str) -> GitDirectory:
        directory = project_directory(self._root, project)
        if not (directory / "HEAD").is_file():
            raise ForgeError(
                f"there is no project {project} in {self._root}",
                hint=f"expected it at {directory}: check `project`, and `path` of the forge",
            )
        return GitDirectory(directory, error=ForgeError)


def _merged_at(request: MergeRequest) -> datetime:
    return request.merged_at or datetime.max.replace(tzinfo=UTC)
