"""Merge requests as GitHub's pull requests."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.errors import ForgeError
from bot.forges.access import AppKey, ForgeAccess
from bot.forges.certainty import must_be_as_seen
from bot.forges.closing import plain, with_reason
from bot.forges.github import joining, merging, protection, queries
from bot.forges.github.committing import ApiCommits
from bot.forges.github.connecting import Connecting
from bot.forges.github.notes import note, set_note
from bot.forges.github.opening import open_request
from bot.forges.github.pulls import Identity, Pulls
from bot.forges.github.queries import Queries
from bot.forges.github.rights import Rights
from bot.forges.github.statuses import Statuses
from bot.forges.port import AutoMerge, Opened
from bot.forges.rights import Right, Use
from bot.network.pace import Pace
from bot.repositories import BranchProtection, CommitStatus, MergeRequest, RequestDraft, RequestState

_CONCURRENCY = 8
# https://docs.github.com/en/repositories/creating-and-managing-repositories/quickstart-for-repositories
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")
# Longer ones are refused.
_LONGEST_TITLE, _LONGEST_BODY = 256, 65_536


class GitHubForge:
    """github.com, its Enterprise Cloud, or an Enterprise Server. Safe to use from several threads."""

    def __init__(
        self,
        access: ForgeAccess,
        *,
        app: AppKey | None = None,
        user: str = "promobot",
        pace: Pace | None = None,
        ssh: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`user` is what our own account is called in what this returns, whatever its login is.

        `ssh` is where git connects if that isn't to be the forge's own URL, such as `ssh://git@github.com`.

        Raises ConfigError where the App's key is none, or the authority's file cannot be read.
        """
        self._connecting = Connecting(access, app, pace or Pace(_CONCURRENCY, sleep=sleep), sleep=sleep)
        self._user = user
        self._ssh = ssh
        self._sleep = sleep
        self._behind = defaultdict[str, set[tuple[int, str]]](set)

    def close_connections(self) -> None:
        """Close what is kept open."""
        self._connecting.close()

    def git_token(self, project: str) -> str:
        """What git shows as its password for a repository, good for ten minutes at least. Raises ForgeError."""
        return self._connecting.token(project)

    def git_url(self, project: str) -> str:
        """Where git finds the repository. No credential is in it."""
        if not _PROJECT.fullmatch(project):
            raise ForgeError(f"{project!r} is not a project's path on GitHub", hint="write owner/name")
        return f"{self._ssh or self._connecting.site.url}/{project}.git"

    def commits(self, project: str) -> ApiCommits:
        """What makes commits of a repository by the API."""
        self.git_url(project)
        return ApiCommits(self._connecting, project)

    # --- reading ----------------------------------------------------------------------------------------

    def requests(self, project: str, state: RequestState | None = None) -> tuple[MergeRequest, ...]:
        """The merge requests in this state (None: all), lowest number first."""
        return tuple(self._pulls(project).listed(state))

    def open_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, lowest number first."""
        return self.requests(project, RequestState.OPEN)

    def closed_requests(self, project: str, branches: Collection[str]) -> Mapping[str, tuple[MergeRequest, ...]]:
        """The merge requests from each of these branches that were closed without merging, newest first."""
        return self._pulls(project).closed(sorted(branches))

    def merged(self, project: str, commits: Collection[str]) -> Mapping[str, MergeRequest]:
        """The merge requests by which a branch came to these commits, by commit; others are left out."""
        return self._pulls(project).landed(sorted(commits))

    def statuses(
        self,
        project: str,
        commits: Collection[str],
        *,
        branches: Mapping[str, str] | None = None,  # noqa: ARG002 - a commit's are of the commit alone
    ) -> Mapping[str, CommitStatus]:
        """What promobot's own status says on these commits, by commit; those without one are left out."""
        return self._statuses(project).found(sorted(commits))

    def get(self, project: str, number: int) -> MergeRequest:
        """One merge request."""
        return self._pulls(project).get(number).request

    def protection(self, project: str, branch: str) -> BranchProtection:
        """What a branch's own protection and rulesets ask for."""
        self.git_url(project)
        return protection.protected(self._connecting.client(project), project, branch).asks

    def approvals(self, project: str, number: int) -> tuple[str, ...]:
        """Who approves a pull request's head, by their last review; its author can't."""
        return self._pulls(project).approvals(number)

    def members(self, project: str, group: str) -> tuple[str, ...]:
        """The logins of a team, those of the teams in it too."""
        self.git_url(project)
        return protection.members(self._connecting.client(project), project, group)

    def rights(self, uses: Sequence[Use]) -> tuple[Right, ...]:
        """Of the token or the App, in the repositories, and what is seen of teams."""
        return tuple(Rights(self._connecting).found(uses))

    def diff(self, project: str, number: int) -> str:
        """What merging an open merge request would change, as a unified diff; empty once it has ended."""
        if self.get(project, number).state is not RequestState.OPEN:
            return ""
        requester = self._connecting.client(project).requester
        headers = {"Accept": "application/vnd.github.diff"}
        return requester.requestJson("GET", f"/repos/{project}/pulls/{number}", headers=headers)[2]

    # --- writing ----------------------------------------------------------------------------------------

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
        """Let promobot's own status on a commit say this, wherever it is; False where it said so before."""
        return self._statuses(project).set(commit, status)

    def open(self, project: str, draft: RequestDraft, *, status: CommitStatus | None = None) -> Opened:  # noqa: ARG002
        """Open a merge request, or adopt, as it is, the one that is open between the two branches.

        Raises ForgeError if a branch is missing, or the source has nothing that the target hasn't.
        """
        told = replace(draft, title=_title(draft.title), body=_body(draft.body))
        return open_request(self._pulls(project), told, sleep=self._sleep)

    def note(self, project: str, number: int) -> str:
        """What our one note on a merge request says; empty where there is none."""
        return note(self._pulls(project), number)

    def set_note(self, project: str, number: int, text: str) -> bool:
        """Let our one note on an open merge request say this; False where it did. Raises ConflictError else."""
        return set_note(self._pulls(project), number, text)

    def update(
        self, project: str, number: int, *, title: str, body: str, seen: tuple[str, str] | None = None
    ) -> MergeRequest:
        """Give an open merge request a new title and body, if it says what was seen. Raises ConflictError else."""
        title, body = _title(title), _body(body)
        pulls = self._pulls(project)
        request = pulls.get(number).request
        if (request.title, request.body) == (title, body):
            return request
        merging.must_be_open(project, request)
        must_be_as_seen(project, request, seen)
        pull = pulls.client.pull(project, number)

        def look() -> None:
            """Saying it twice does no harm, unless somebody says something else in between."""
            now = pulls.get(number).request
            if (now.title, now.body) != (title, body):
                must_be_as_seen(project, now, seen)

        pulls.client.certain(partial(pull.edit, title=title, body=body), look)
        return replace(pulls.of_rest(pull), approvals=request.approvals)

    def ready(self, project: str, number: int) -> MergeRequest:
        """Let an open merge request be a draft no longer. Raises ConflictError if it is no longer open."""
        pulls = self._pulls(project)
        found = pulls.get(number)
        merging.must_be_open(project, found.request)
        if not found.request.draft:
            return found.request
        # Saying it twice does no harm.
        pulls.client.mutate(queries.READY, lambda: None, id=found.node)
        return pulls.get(number).request

    def close(self, project: str, number: int, *, reason: str, by: str | None = None, link: str = "") -> MergeRequest:
        """Close without merging; the branch stays. Raises ConflictError if it is merged.

        By our own account, whoever `by` is; that and `reason` are noted in the body.
        """
        pulls = self._pulls(project)
        request = pulls.get(number).request
        if request.state is RequestState.MERGED:
            raise merging.ended(project, request)
        if request.state is RequestState.CLOSED:
            return request
        pull, by = pulls.client.pull(project, number), by or pulls.me.name

        def write() -> None:
            body = with_reason(request.body, reason, by, most=_LONGEST_BODY, link=link)
            pull.edit(state="closed", body=body)

        def look() -> bool | None:
            """And the next try is of what it says by then."""
            nonlocal request
            request = pulls.get(number).request
            if request.state is RequestState.MERGED:
                raise merging.ended(project, request)
            return request.state is RequestState.CLOSED or None

        pulls.client.certain(write, look)
        return pulls.get(number).request

    def merge(self, project: str, number: int, *, head: str, by: str | None = None) -> MergeRequest:  # noqa: ARG002
        """Merge, if the source branch is still at the commit `head`; it is merged by our own account.

        Raises ConflictError if it isn't, if the branches conflict, if the merge request is closed or a draft, or if
        the target branch asks for more.
        """
        return merging.merge(self._pulls(project), number, head, sleep=self._sleep)

    def merge_when_ready(self, project: str, number: int, *, head: str, into: str) -> AutoMerge:
        """Merge, if the source branch is still at `head`; or let GitHub do so when reviews and checks are through."""
        return joining.begin(self._pulls(project), number, head, into, sleep=self._sleep)

    def hold(self, project: str, number: int) -> bool:
        """Let GitHub no longer merge it by itself; False where it wouldn't have."""
        return joining.hold(self._pulls(project), number)

    # --- who is who -------------------------------------------------------------------------------------

    def _pulls(self, project: str) -> Pulls:
        self.git_url(project)
        client = self._connecting.client(project)
        teams = self._connecting.sees_teams(project)
        me = Identity(self._connecting.login, self._user)
        return Pulls(client, project, Queries(teams=teams), me, self._behind[project])

    def _statuses(self, project: str) -> Statuses:
        self.git_url(project)
        return Statuses(self._connecting.client(project), project, self._sleep)


def _title(title: str) -> str:
    """A title as GitHub takes it."""
    return (" ".join(plain(title).split()) or "Promotion")[:_LONGEST_TITLE]


def _body(body: str) -> str:
    """A body as GitHub takes it."""
    return plain(body)[:_LONGEST_BODY]
