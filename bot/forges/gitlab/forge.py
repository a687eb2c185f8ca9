"""Merge requests on GitLab: what is written is looked for before it is written again, whoever answered what."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Any

from bot.forges.access import ForgeAccess
from bot.forges.certainty import must_go_into
from bot.forges.gitlab.approvals import approvals
from bot.forges.gitlab.changing import Changing
from bot.forges.gitlab.client import EVERYTHING, make_client
from bot.forges.gitlab.commits import of_each
from bot.forges.gitlab.diffs import unified
from bot.forges.gitlab.joining import Joining
from bot.forges.gitlab.lists import Lists
from bot.forges.gitlab.merging import Merging
from bot.forges.gitlab.notes import Notes
from bot.forges.gitlab.opening import After, open_request
from bot.forges.gitlab.people import People
from bot.forges.gitlab.protection import protection
from bot.forges.gitlab.refusals import must_be_open
from bot.forges.gitlab.requests import Identity, landed, request_of
from bot.forges.gitlab.rights import Rights
from bot.forges.gitlab.statuses import SaidOf, Statuses
from bot.forges.port import AutoMerge, Opened
from bot.forges.rights import Right, Use
from bot.network.pace import Pace
from bot.repositories import BranchProtection, CommitStatus, MergeRequest, RequestDraft, RequestState

_STATES = {None: "all", RequestState.OPEN: "opened", RequestState.MERGED: "merged", RequestState.CLOSED: "closed"}


class GitLabForge:
    """One GitLab, by a token; threads may share it. `user` is what promobot calls itself, whoever the token's user is.

    `ssh` is where git connects if that isn't to be the forge's own URL, such as `ssh://git@gitlab.example.com`.
    """

    def __init__(
        self,
        access: ForgeAccess,
        *,
        user: str = "promobot",
        pace: Pace | None = None,
        ssh: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises ConfigError where the authority's file cannot be read."""
        self._access = access
        self._user = user
        self._ssh = ssh
        self._sleep = sleep
        self._gitlab = make_client(access, pace or Pace(8, sleep=sleep), sleep=sleep)
        self._people = People(self._gitlab)
        self._identity: Identity | None = None
        self._said: dict[str, SaidOf] = {}
        self._behind = defaultdict[str, set[tuple[int, str]]](set)
        self._lock = Lock()

    def close_connections(self) -> None:
        """Close what is kept open."""
        self._gitlab.session.close()

    def git_url(self, project: str) -> str:
        """Where git finds the project's repository. No credential is in it."""
        return f"{self._ssh or self._access.url}/{project}.git"

    # --- reading ----------------------------------------------------------------------------------------

    def requests(self, project: str, state: RequestState | None = None) -> tuple[MergeRequest, ...]:
        """The merge requests in this state (None: all), lowest number first."""
        return self._lists(project).found(state=_STATES[state])

    def open_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, lowest number first."""
        return self.requests(project, RequestState.OPEN)

    def closed_requests(self, project: str, branches: Collection[str]) -> Mapping[str, tuple[MergeRequest, ...]]:
        """The merge requests from each of these branches that were closed without merging, newest first."""
        return self._lists(project).closed(branches)

    def merged(self, project: str, commits: Collection[str]) -> Mapping[str, MergeRequest]:
        """The merge requests by which a branch came to these commits, by commit; others are left out."""
        return of_each(self._project(project), commits, lambda commit: self._merged_at(project, commit))

    def statuses(
        self, project: str, commits: Collection[str], *, branches: Mapping[str, str] | None = None
    ) -> Mapping[str, CommitStatus]:
        """What promobot's own status says in the newest pipelines of these commits, by commit."""
        return self._statuses(project).found(commits, branches or {})

    def get(self, project: str, number: int) -> MergeRequest:
        """One merge request."""
        return self._changing(project).get(number)

    def protection(self, project: str, branch: str) -> BranchProtection:
        """The project's approval rules, and whether owners of code have to approve."""
        return protection(self._project(project), branch)

    def approvals(self, project: str, number: int) -> tuple[str, ...]:
        """Who approves a merge request of ours as it is; what was approved before a push is no more."""
        path = f"{self._project(project).mergerequests.path}/{number}"
        return tuple(approvals(self._gitlab, path, self._me))

    def members(self, project: str, group: str) -> tuple[str, ...]:  # noqa: ARG002 - groups are of the whole GitLab
        """The active members of a group who are Developer or more, inherited ones too."""
        return self._people.members(group)

    def rights(self, uses: Sequence[Use]) -> tuple[Right, ...]:
        """Of the token, its user in the projects, and what is seen of groups."""
        return tuple(Rights(self._gitlab, self._people, lambda: self._me).found(uses))

    def diff(self, project: str, number: int) -> str:
        """What merging an open merge request would change, as a unified diff; empty once it has ended."""
        fields = self._changing(project).fields(number)
        if request_of(fields, self._me).state is not RequestState.OPEN:
            return ""
        path = f"{self._project(project).mergerequests.path}/{number}/diffs"
        files = self._gitlab.http_list(path, unidiff=True, **EVERYTHING)
        return unified(files, str(fields.get("changes_count") or ""))

    # --- writing ----------------------------------------------------------------------------------------

    def set_status(
        self,
        project: str,
        commit: str,
        status: CommitStatus,
        *,
        branch: str,
        new: bool = False,
        request: int | None = None,
    ) -> bool:
        """Let promobot's own status in a commit's newest pipeline say this; False where it said so before."""
        statuses = self._statuses(project)
        if request is not None:
            statuses.begun(request, commit)
        return statuses.set(commit, status, branch, new=new)

    def open(self, project: str, draft: RequestDraft, *, status: CommitStatus | None = None) -> Opened:
        """Open a merge request, or adopt the one that is open between the two branches.

        Opening begins a pipeline of the merge request's own where the project has such, and only that counts then.
        """

        def close(number: int, same: MergeRequest) -> None:
            self.close(project, number, reason=f"!{same.number} is the same", link=same.url)

        def follow(request: MergeRequest, prepared: bool) -> None:  # noqa: FBT001
            if status is not None:
                self._statuses(project).follow(request, status, prepared=prepared)

        lists, after = self._lists(project), After(close, self._changing(project).finish, follow)
        return open_request(project, draft, lists, self._people, after=after, sleep=self._sleep)

    def note(self, project: str, number: int) -> str:
        """What our one note on a merge request says; empty where there is none."""
        return self._notes(project, number).text

    def set_note(self, project: str, number: int, text: str) -> bool:
        """Let our one note on an open merge request say this; False where it did. Raises ConflictError else."""
        return self._notes(project, number).set(text, lambda: must_be_open(project, self.get(project, number)))

    def update(
        self, project: str, number: int, *, title: str, body: str, seen: tuple[str, str] | None = None
    ) -> MergeRequest:
        """Give an open merge request a new title and body, if it says what was seen. Raises ConflictError else."""
        return self._changing(project).say(number, title, body, seen)

    def ready(self, project: str, number: int) -> MergeRequest:
        """Let an open merge request be a draft no longer. Raises ConflictError if it is no longer open."""
        return self._changing(project).make_ready(number)

    def close(self, project: str, number: int, *, reason: str, by: str | None = None, link: str = "") -> MergeRequest:
        """Close without merging; the branch stays. Raises ConflictError if it is merged."""
        return self._changing(project).close(number, reason, by, link)

    def merge(self, project: str, number: int, *, head: str, by: str | None = None) -> MergeRequest:  # noqa: ARG002
        """Merge, if the source branch is still at the commit `head`; GitLab's record says that the token's user did it.

        Raises ConflictError if it isn't, if the branches conflict, or if the merge request is closed or a draft.
        """
        merging = Merging(f"{project}!{number}", head, self._sleep)
        return merging.carry_out(
            look=lambda: (self._changing(project).fields(number), self._me),
            merge=lambda: self._gitlab.http_put(
                f"{self._project(project).mergerequests.path}/{number}/merge",
                post_data={"sha": head, "should_remove_source_branch": True},
            ),
        )

    def merge_when_ready(self, project: str, number: int, *, head: str, into: str) -> AutoMerge:
        """Merge, if the source branch is still at `head`, or let GitLab do so: by auto-merge, or on the merge train."""
        joining = Joining(self._gitlab, self._project(project), project, self._sleep)

        def look() -> tuple[dict[str, Any], Identity]:
            fields = self._changing(project).fields(number)
            must_go_into(project, request_of(fields, self._me), into)
            return fields, self._me

        return joining.begin(number, head, look)

    def hold(self, project: str, number: int) -> bool:
        """Let GitLab no longer merge it by itself; False where it wouldn't have."""
        joining = Joining(self._gitlab, self._project(project), project, self._sleep)
        return joining.leave(number, lambda: bool(self.get(project, number).auto_merge_by))

    # --- the API ----------------------------------------------------------------------------------------

    @property
    def _me(self) -> Identity:
        """Asked once in a run."""
        with self._lock:
            if self._identity is None:
                self._gitlab.auth()
                user = self._gitlab.user
                self._identity = Identity(user.id if user else 0, self._user)
            return self._identity

    def _project(self, project: str) -> Any:  # noqa: ANN401 - the library's object, which asks nothing by itself
        return self._gitlab.projects.get(project, lazy=True)

    def _statuses(self, project: str) -> Statuses:
        return Statuses(self._project(project), self._sleep, self._said.setdefault(project, {}))

    def _notes(self, project: str, number: int) -> Notes:
        return Notes(self._project(project).mergerequests.get(number, lazy=True), self._me.user, self._sleep)

    def _changing(self, project: str) -> Changing:
        behind = self._behind[project]
        return Changing(self._gitlab, self._project(project), project, self._me, self._sleep, behind)

    def _lists(self, project: str) -> Lists:
        return Lists(self._project(project), self._me, self._behind[project])

    def _merged_at(self, project: str, commit: str) -> MergeRequest | None:
        found = self._project(project).commits.get(commit, lazy=True).merge_requests(**EVERYTHING)
        merged = [one for one in found if one["state"] == "merged" and landed(one) == commit]
        first = min(merged, key=lambda one: str(one.get("merged_at") or "~"), default=None)
        return request_of(first, self._me) if first else None
