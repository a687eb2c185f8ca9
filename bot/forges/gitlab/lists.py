"""The merge requests of one project, in lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.forges.gitlab.requests import Identity, request_of
from bot.repositories import MergeRequest, RequestState

# In the order that they were made in: what is made while pages are turned comes last, and moves nothing.
_ORDER: Mapping[str, Any] = {"order_by": "created_at", "sort": "asc"}


@dataclass(frozen=True)
class Lists:
    """Those of one project, which is an object of the library's; `me` is who asks.

    What GitLab says in lists may be hours old: lib/api/merge_requests.rb, render_merge_requests. Those that were found
    `behind`, by their numbers and heads, are so in lists, too.
    """

    project: Any
    me: Identity
    behind: Collection[tuple[int, str]] = field(default_factory=frozenset)

    def found(self, **wanted: object) -> tuple[MergeRequest, ...]:
        """Those that GitLab finds by this, lowest number first."""
        return self._told(self.project.mergerequests.list(get_all=True, **_ORDER, **wanted))

    def between(self, state: str, source: str, **wanted: object) -> tuple[MergeRequest, ...]:
        """Those from a branch of the project itself, and not from a fork's of the same name."""
        found = self.found(state=state, source_branch=source, **wanted)
        return tuple(request for request in found if request.source_branch == source)

    def closed(self, branches: Collection[str]) -> dict[str, tuple[MergeRequest, ...]]:
        """Those from each of the project's branches that were closed without merging, newest first.

        GitLab can be asked for one branch, or for all that is closed; whichever takes fewer requests.
        """
        everything = self._closed(most=len(branches)) if len(branches) > 1 else None
        if everything is None:
            return {branch: self.between("closed", branch)[::-1] for branch in sorted(branches)}
        return {branch: tuple(r for r in everything[::-1] if r.source_branch == branch) for branch in branches}

    def _closed(self, *, most: int) -> tuple[MergeRequest, ...] | None:
        """All that are closed, whoever opened and closed them; None if that is more than so many pages."""
        pages = self.project.mergerequests.list(iterator=True, state="closed", **_ORDER)
        # Of more than 10,000 GitLab doesn't say how many there are.
        if pages.total_pages is None or pages.total_pages > most:
            return None
        return self._told(pages)

    def _told(self, found: Iterable[Any]) -> tuple[MergeRequest, ...]:
        requests = [request_of(one.attributes, self.me) for one in found]
        known = [replace(one, needs_rebase=one.needs_rebase or self._is_behind(one)) for one in requests]
        return tuple(sorted(known, key=lambda request: request.number))

    def _is_behind(self, request: MergeRequest) -> bool:
        return request.state is RequestState.OPEN and (request.number, request.head) in self.behind
