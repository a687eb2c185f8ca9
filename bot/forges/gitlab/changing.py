"""One merge request by its number: how it is, and what changes its text, makes it ready, and closes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gitlab import Gitlab

from bot.errors import ForgeError
from bot.forges.certainty import certain, must_be_as_seen
from bot.forges.closing import with_reason
from bot.forges.errors import StatusError
from bot.forges.gitlab.refusals import must_be_open
from bot.forges.gitlab.requests import LONGEST_BODY, NEED_REBASE, Identity, body_of, request_of, ruled, title_of
from bot.repositories import MergeRequest, RequestState


@dataclass(frozen=True)
class Changing:
    """Those of one project, which is an object of the library's, and `name` what it is called; `me` is who asks.

    `behind` are those that were found to need a rebase, by their numbers and heads.
    """

    gitlab: Gitlab
    project: Any
    name: str
    me: Identity
    sleep: Callable[[float], None]
    behind: set[tuple[int, str]] = field(default_factory=set)

    def fields(self, number: int) -> dict[str, Any]:
        """What GitLab says of one. Raises ForgeError."""
        try:
            fields: dict[str, Any] = self.project.mergerequests.get(number).attributes
        except StatusError as error:
            if error.status != 404:
                raise
            raise ForgeError(
                f"{self.name} has no merge request !{number}, or the token may not see it: {error.message}",
                hint="see promobot mr list",
            ) from error
        needs_rebase = fields.get("detailed_merge_status") == NEED_REBASE
        (self.behind.add if needs_rebase else self.behind.discard)((number, fields.get("sha") or ""))
        return fields

    def get(self, number: int) -> MergeRequest:
        """One. Raises ForgeError."""
        return request_of(self.fields(number), self.me)

    def say(self, number: int, title: str, body: str, seen: tuple[str, str] | None) -> MergeRequest:
        """Give it a title and a body, if it says what was seen. Raises ConflictError else."""
        wanted = title_of(title, draft=False), body_of(body)

        def done(request: MergeRequest) -> bool:
            return (request.title, request.body) == wanted

        def change(request: MergeRequest) -> dict[str, object]:
            must_be_as_seen(self.name, request, seen)
            return {"title": title_of(title, draft=request.draft), "description": wanted[1]}

        return self._change(number, done, change)

    def make_ready(self, number: int) -> MergeRequest:
        """Let it be a draft no longer. Raises ConflictError where it has ended."""

        def done(request: MergeRequest) -> bool:
            return request.state is RequestState.OPEN and not request.draft

        return self._change(number, done, lambda request: {"title": title_of(request.title, draft=False)})

    def close(self, number: int, reason: str, by: str | None, link: str) -> MergeRequest:
        """End it without a merge, and say why and for whom. Raises ConflictError where it is merged."""

        def done(request: MergeRequest) -> bool:
            return request.state is RequestState.CLOSED

        def change(request: MergeRequest) -> dict[str, object]:
            body, by_whom = body_of(request.body), by or self.me.name
            return {
                "state_event": "close",
                "description": with_reason(body, reason, by_whom, most=LONGEST_BODY, link=link),
            }

        return self._change(number, done, change)

    def finish(self, number: int) -> MergeRequest:
        """Let it say no more that it lacks rules of its own. Raises ConflictError where it has ended."""
        return self._change(
            number,
            lambda request: not request.unfinished,
            lambda request: {"description": body_of(ruled(request.body))},
        )

    def _change(
        self,
        number: int,
        done: Callable[[MergeRequest], bool],
        change: Callable[[MergeRequest], dict[str, object]],
    ) -> MergeRequest:
        """Change an open one, unless it is as it should be already."""
        request = self.get(number)
        if done(request):
            return request
        must_be_open(self.name, request)

        def write() -> MergeRequest:
            path = f"{self.project.mergerequests.path}/{number}"
            answer: Any = self.gitlab.http_put(path, post_data=change(request))
            return request_of(answer, self.me)

        def look() -> MergeRequest | None:
            """And the next try is of what it says by then."""
            nonlocal request
            request = self.get(number)
            return request if done(request) else None

        changed = certain(write, look, sleep=self.sleep)
        if not done(changed):
            must_be_open(self.name, changed)
        return changed
