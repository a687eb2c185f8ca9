"""The pull requests of one repository, as merge requests; read by GraphQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from github.PullRequest import PullRequest

from bot.errors import ForgeError
from bot.forges.closing import without_reason
from bot.forges.github import queries
from bot.forges.github.client import Client, GraphError
from bot.forges.github.queries import Pulled, Queries
from bot.repositories import MergeRequest, RequestState

# So many commits, or branches, are asked about at once.
_COMMITS = 25
_BRANCHES = 50
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Identity:
    """Our own login, and what promobot calls itself: the author of its merge requests."""

    login: str
    name: str

    def of(self, login: str) -> str:
        """What an account is called. A person who is called as promobot calls itself is not taken for it."""
        if login and login == self.login:
            return self.name
        return f"@{login}" if login == self.name else login


@dataclass(frozen=True)
class Pulls:
    """`me` is who asks; `behind` are those that were found to need a rebase, by their numbers and heads.

    Lists tell that of few, so what is seen of one by itself is remembered, in a set for each project.
    """

    client: Client
    project: str
    queries: Queries
    me: Identity
    behind: set[tuple[int, str]] = field(default_factory=set)

    def listed(self, state: RequestState | None, branch: str | None = None) -> Iterator[MergeRequest]:
        """Those in a state, of a branch of this repository or of any, lowest number first."""
        states = [queries.WORDS[state]] if state else None
        for page in self.client.pages(self.queries.listing, self.project, states=states, head=branch):
            for request in self._those(page):
                if branch in {None, request.source_branch}:
                    yield replace(request, needs_rebase=True) if _state_of(request) in self.behind else request

    def get(self, number: int) -> Pulled:
        """One of them. Raises ForgeError."""
        try:
            repository = self.client.repository(self.queries.one, self.project, number=number)
            said = repository["pullRequest"]
        except GraphError as error:
            if not error.missing("repository", "pullRequest"):
                raise
            repository, said = {}, None
        if said is None:
            raise ForgeError(f"{self.project} has no merge request !{number}", hint="see promobot mr list")
        found = queries.pulled(said, repository["id"])
        (self.behind.add if found.request.needs_rebase else self.behind.discard)(_state_of(found.request))
        return replace(found, request=self._told(found.request))

    def approvals(self, number: int) -> tuple[str, ...]:
        """Who approves its head, and nothing older."""
        pages = list(self.client.pages(queries.REVIEWS, self.project, queries.reviews_of, number=number))
        given = {login: None for page in pages for login in queries.approving(page, pages[-1]["head"])}
        return tuple(self.me.of(login) for login in given)

    def between(self, source: str, target: str) -> MergeRequest | None:
        """The open one between two branches."""
        found = self.listed(RequestState.OPEN, source)
        return next((request for request in found if request.target_branch == target), None)

    def closed(self, branches: Sequence[str]) -> dict[str, tuple[MergeRequest, ...]]:
        """Those from each of these branches of this repository that were closed without merging, newest first."""
        found: dict[str, tuple[MergeRequest, ...]] = {}
        for start in range(0, len(branches), _BRANCHES):
            some = branches[start : start + _BRANCHES]
            names = {f"b{number}": branch for number, branch in enumerate(some)}
            said = self.client.repository(self.queries.closed(len(some)), self.project, **names)
            for name, branch in names.items():
                more = queries.has_more(said[name])
                closed = tuple(self.listed(RequestState.CLOSED, branch))[::-1] if more else self._those(said[name])
                found[branch] = tuple(request for request in closed if request.source_branch == branch)
        return found

    def landed(self, commits: Sequence[str]) -> dict[str, MergeRequest]:
        """Those by which a branch came to these commits; where several say the same, the one merged first."""
        found: dict[str, MergeRequest] = {}
        for start in range(0, len(commits), _COMMITS):
            some = commits[start : start + _COMMITS]
            said = self.client.repository(self.queries.landed(some), self.project)
            for number, commit in enumerate(some):
                brought = [one for one in self._landed_at(commit, said[f"c{number}"]) if one.merge_commit == commit]
                if brought:
                    found[commit] = min(brought, key=lambda request: (request.merged_at or _LAST, request.number))
        return found

    def _landed_at(self, commit: str, said: Mapping[str, Any] | None) -> Iterator[MergeRequest]:
        """Those of one commit: what is said of it already, if that is all, else with questions of its own."""
        told = queries.brought_by({"object": said})
        if not queries.has_more(told):
            yield from self._those(told)
            return
        for page in self.client.pages(self.queries.landed_at, self.project, queries.brought_by, commit=commit):
            yield from self._those(page)

    def of_rest(self, pull: PullRequest) -> MergeRequest:
        """One that REST told about, whole."""
        state = RequestState.OPEN if pull.state == "open" else RequestState.CLOSED
        owners = {end.label.partition(":")[0] for end in (pull.head, pull.base)}
        source = pull.head.ref if len(owners) == 1 else pull.head.label
        return self._told(
            MergeRequest(
                number=pull.number,
                title=pull.title,
                body=pull.body or "",
                source_branch=source,
                target_branch=pull.base.ref,
                head=pull.head.sha,
                state=RequestState.MERGED if pull.merged else state,
                url=pull.html_url,
                author=getattr(pull.user, "login", "ghost"),
                ours=False,
                reviewers=(
                    *(user.login for user in pull.requested_reviewers),
                    *(team.slug for team in pull.requested_teams),
                ),
                labels=tuple(label.name for label in pull.labels),
                draft=pull.draft,
                merge_commit=(pull.merge_commit_sha or "") if pull.merged else "",
                unfinished=not pull.labels,
                merged_at=pull.merged_at,
            )
        )

    def _by_others(self, approvals: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if approvals is None else tuple(one for one in approvals if one != self.me.login)

    def _unfinished(self, request: MergeRequest) -> bool:
        """Ours, and never had a label: who took them all away wants none."""
        return request.unfinished and request.state is RequestState.OPEN and request.author == self.me.login

    def _those(self, said: Mapping[str, Any] | None) -> list[MergeRequest]:
        return [self._told(request) for request in queries.pulls(said)]

    def _told(self, request: MergeRequest) -> MergeRequest:
        """With names as we have them, and why we closed it; anybody could write that, so it counts if it was us."""
        body, closed = without_reason(request.body)
        closed_by_us = request.state is RequestState.CLOSED and request.ended_by == self.me.login
        by = closed.get("by", self.me.name) if closed_by_us else self.me.of(request.ended_by)
        return replace(
            request,
            body=body,
            author=self.me.of(request.author),
            ours=request.author == self.me.login,
            unfinished=self._unfinished(request),
            ended_by=by,
            # Whoever works by our account in the browser leaves no reason, and says no like anybody else.
            ended_by_us=by == self.me.name and (bool(closed) or not closed_by_us),
            auto_merge_by=self.me.of(request.auto_merge_by),
            reason=closed.get("reason", "") if closed_by_us else "",
            approvals=self._by_others(request.approvals),
        )


def _state_of(request: MergeRequest) -> tuple[int, str]:
    return request.number, request.head
