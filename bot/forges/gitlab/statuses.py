"""promobot's own status on commits, which is a job of the commit's newest pipeline, or of one that is for it alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.errors import ForgeError
from bot.forges.certainty import certain
from bot.forges.errors import StatusError
from bot.forges.gitlab.commits import of_each
from bot.forges.gitlab.pipelines import head_pipeline
from bot.forges.statuses import NAME
from bot.network.retry import pause
from bot.repositories import CommitStatus, MergeRequest, StatusState

# app/models/commit_status.rb: the description is a string of 255.
_LONGEST = 255
_ATTEMPTS = 5
_CONFLICT = 409
_WORDS = {StatusState.PENDING: "pending", StatusState.SUCCESS: "success", StatusState.FAILURE: "failed"}
# What a job may be; one that was canceled or skipped says nothing.
_STATES = {
    "success": StatusState.SUCCESS,
    "failed": StatusState.FAILURE,
    **dict.fromkeys(("created", "waiting_for_resource", "preparing", "pending", "running"), StatusState.PENDING),
}


@dataclass(frozen=True)
class _Seen:
    """The pipeline that counts for a commit, 0 where none has jobs, and what our job in it says."""

    pipeline: int = 0
    status: CommitStatus | None = None


@dataclass(frozen=True)
class Said:
    """What this run said of a commit, and in which pipeline; 0 where GitLab doesn't tell."""

    pipeline: int
    status: CommitStatus


# By commit and branch: each branch that is at a commit has pipelines of its own.
SaidOf: TypeAlias = dict[tuple[str, str], Said]


@dataclass(frozen=True)
class Statuses:
    """Those of one project, which is an object of the library's; `said` grows."""

    project: Any
    sleep: Callable[[float], None]
    said: SaidOf

    def found(self, commits: Collection[str], branches: Mapping[str, str]) -> dict[str, CommitStatus]:
        """What is said of these commits, for their branches where these are told; nothing where it isn't one thing."""

        def look(commit: str) -> CommitStatus | None:
            jobs = self._jobs(commit)
            refs = [branches[commit]] if commit in branches else {job["ref"] for job in jobs}
            said = {seen.status for ref in refs for seen in _seen_in(jobs, ref)}
            return said.pop() if len(said) == 1 else None

        return of_each(self.project, commits, look)

    def set(self, commit: str, status: CommitStatus, branch: str, *, new: bool = False) -> bool:
        """Say it, unless it is said already; of a `new` commit nothing is."""
        return self._set(commit, status, branch, _Seen() if new else None)

    def follow(self, request: MergeRequest, status: CommitStatus, *, prepared: bool) -> None:
        """Say it in the pipeline that an open merge request goes by, which opening may have begun.

        What was said before is in another one then.
        """
        if not prepared:
            self.sleep(pause(1))
        commit, wanted = request.head, status.within(_LONGEST)
        branch = request.source_branch
        head, before = self.begun(request.number, commit), self.said.get((commit, branch))
        if before is None or (before.status == wanted and head in {0, before.pipeline}):
            return  # none: somebody pushed meanwhile, and what is to be said isn't about that
        known = _Seen(head) if before.pipeline and head else None
        self._set(commit, status, branch, known)

    def begun(self, number: int, commit: str) -> int:
        """The number of the pipeline that an open merge request goes by; 0 where there is none of this commit."""
        return head_pipeline(lambda: self.project.mergerequests.get(number).attributes, commit, self.sleep)

    def _set(self, commit: str, status: CommitStatus, branch: str, known: _Seen | None) -> bool:
        before = self.said.get((commit, branch))
        said, counting = self._tried(commit, status.within(_LONGEST), branch, known)
        if before and before.pipeline not in {0, *counting}:
            self._withdraw(commit, before)
        return said

    def _withdraw(self, commit: str, said: Said) -> None:
        """What waits in a pipeline that counts no more would for good. Nothing depends on it, so it may fail."""
        if said.status.state is StatusState.PENDING:
            with suppress(ForgeError):
                self._statuses(commit).create({"state": "canceled", "name": NAME, "pipeline_id": said.pipeline})

    def _tried(
        self, commit: str, wanted: CommitStatus, branch: str, known: _Seen | None
    ) -> tuple[bool, Collection[int]]:
        """Whether it had to be said, and the numbers of the pipelines that count."""
        begun, pipelines = False, list[int]()
        for attempt in range(1, _ATTEMPTS + 1):
            every = (known,) if known and attempt == 1 else self._look(commit, branch)
            try:
                begun = begun or any(seen.status != wanted for seen in every)
                pipelines = [self._settled(commit, wanted, seen, branch) for seen in every]
            except StatusError as error:
                if attempt == _ATTEMPTS or not _may_pass(error):
                    raise
                self.sleep(pause(attempt))
            else:
                break
        self.said[commit, branch] = Said(max(pipelines), wanted)
        return begun, pipelines

    def _settled(self, commit: str, wanted: CommitStatus, seen: _Seen, branch: str) -> int:
        return seen.pipeline if seen.status == wanted else self._say(commit, wanted, seen, branch)

    def _say(self, commit: str, wanted: CommitStatus, seen: _Seen, branch: str) -> int:
        """A job that waits can't be told to wait, so that another reason for it needs another job."""
        # Without a pipeline's number or a branch's name, GitLab would take any branch that has the commit.
        where = {"pipeline_id": seen.pipeline} if seen.pipeline else {"ref": branch}
        if seen.status is not None and seen.status.state is wanted.state is StatusState.PENDING:
            self._post(commit, branch, {"state": "canceled", "name": NAME, **where}, lambda now: now is None)
        told = {"state": _WORDS[wanted.state], "name": NAME, "description": wanted.description, **where}
        return self._post(commit, branch, told, lambda now: now == wanted)

    def _post(
        self, commit: str, branch: str, told: dict[str, object], done: Callable[[CommitStatus | None], bool]
    ) -> int:
        """The number of the pipeline that it came to."""

        def write() -> int:
            return int(self._statuses(commit).create(told).attributes.get("pipeline_id") or 0)

        def look() -> int | None:
            there = [seen for seen in self._look(commit, branch) if told.get("pipeline_id") in {None, seen.pipeline}]
            return there[0].pipeline if there and all(done(seen.status) for seen in there) else None

        return certain(write, look, sleep=self.sleep)

    def _look(self, commit: str, branch: str) -> tuple[_Seen, ...]:
        return _seen_in(self._jobs(commit), branch)

    def _jobs(self, commit: str) -> list[Mapping[str, Any]]:
        """All jobs, as they tell which pipeline counts; GitLab leaves out those of child pipelines."""
        return [job.attributes for job in self._statuses(commit).list(get_all=True)]

    def _statuses(self, commit: str) -> Any:  # noqa: ANN401 - the library's manager
        return self.project.commits.get(commit, lazy=True).statuses


def _seen_in(jobs: Collection[Mapping[str, Any]], branch: str) -> tuple[_Seen, ...]:
    """What counts for a branch that is at the commit: the newest pipeline of each merge request that has any.

    Or the newest one of the branch, and none of another branch: app/finders/ci/pipelines_for_merge_request_finder.rb.
    """
    own = {job["ref"] for job in jobs if str(job["ref"]).startswith("refs/merge-requests/")}
    if own and not any(map(_pipeline, jobs)):
        return (_newest(jobs),)
    # Those may all be another one's, and this one go by the branch's, which is told as well once it was told anything.
    told = any(job["ref"] == branch and job["name"] == NAME and job["status"] in _STATES for job in jobs)
    refs = own | {branch} if told else own or {branch}
    every = (_newest([job for job in jobs if job["ref"] == ref]) for ref in refs)
    # The newest first: an old one's may be of what is closed, and take no status any more.
    return tuple(sorted(every, key=lambda seen: -seen.pipeline))


def _newest(jobs: Collection[Mapping[str, Any]]) -> _Seen:
    """What the newest pipeline of these jobs says."""
    pipeline = max(map(_pipeline, jobs), default=0)
    ours = [job for job in jobs if job["name"] == NAME and _pipeline(job) == pipeline]
    last = max(ours, key=lambda job: int(job["id"]), default=None)
    state = _STATES.get(last["status"]) if last else None
    return _Seen(pipeline, CommitStatus(state, last["description"] or "") if last and state else None)


def _pipeline(job: Mapping[str, Any]) -> int:
    """The number came with GitLab 15; all jobs of a commit are taken for one pipeline's before."""
    return int(job.get("pipeline_id") or 0)


def _may_pass(error: StatusError) -> bool:
    """Whether somebody else is setting it in this moment, or has just set it."""
    return error.status == _CONFLICT or (
        error.status == 400 and any(text.startswith("Cannot transition status") for text in error.said)
    )
