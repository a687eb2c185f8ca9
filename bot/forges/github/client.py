"""GitHub's API for one identity, in our terms: GraphQL for reading, PyGithub's objects for writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, TypeVar, cast

from github.Commit import Commit
from github.PaginatedList import PaginatedList
from github.PullRequest import PullRequest
from github.Repository import Repository
from requests.structures import CaseInsensitiveDict

from bot.errors import ForgeError
from bot.forges.access import ForgeAccess
from bot.forges.certainty import certain
from bot.forges.errors import Asked, LimitError, words_of_lack
from bot.forges.github import queries
from bot.forges.github.dialect import pause_of
from bot.forges.github.sending import OurRequester
from bot.network.pace import Pace

T = TypeVar("T")

_TRIES = 4
# The first is of old, the second of 2026: https://github.com/yanyongyu/githubkit/issues/271
_LIMITED = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_HINTS = {
    "FORBIDDEN": "give the token what the manual names, and let it have this repository",
    "INSUFFICIENT_SCOPES": "make a token that has the scope, or a fine-grained one",
}
# GraphQL doesn't say what a token lacks, but at which field it stopped. Without the first two nothing is promoted, and
# merge queues have a permission of their own: https://github.com/nakafaai/nakafa.com/pull/481.
_PERMISSIONS = {
    "status": "statuses=read",
    "updateRefs": "contents=write",
    "mergeQueueEntry": "merge_queues=read",
    "enqueuePullRequest": "merge_queues=write",
    "dequeuePullRequest": "merge_queues=write",
}


class GraphError(ForgeError):
    """GraphQL's refusal; `errors` are as it says them."""

    def __init__(self, message: str, *, hint: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(message, hint=hint)
        self._errors = errors
        lacking = (f"it takes the permission {one}" for one in map(_lacking, errors) if one)
        self.words = "; ".join((*(str(error.get("message", "")) for error in errors), *lacking))

    def lacks(self, field: str) -> bool:
        """Whether this server's version has no such field."""
        told = (error.get("extensions") or {} for error in self._errors)
        return any(one.get("code") == "undefinedField" and one.get("fieldName") == field for one in told)

    def missing(self, *path: str) -> bool:
        """Whether nothing is wrong but that there is no such thing."""
        return all(error.get("type") == "NOT_FOUND" and error.get("path") == [*path] for error in self._errors)


class Client:
    """What can be asked with one token. Threads may share it."""

    def __init__(
        self, access: ForgeAccess, requester: OurRequester, pace: Pace, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.access = access
        self.requester = requester
        self._pace = pace
        self._sleep = sleep
        self._has_queues = True  # until it says that it hasn't

    # --- GraphQL ----------------------------------------------------------------------------------------

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """What a query finds, which is asked again where no answer comes. Raises ForgeError."""
        asked = text if self._has_queues else queries.without_queues(text)
        try:
            return self.certain(lambda: self.graphql(asked, **variables), lambda: None)
        except GraphError as error:
            if asked != text or not any(map(error.lacks, queries.QUEUES)):
                raise
            self._has_queues = False
        return self.query(text, **variables)

    def mutate(self, text: str, look: Callable[[], dict[str, Any] | None], **variables: object) -> dict[str, Any]:
        """What a mutation makes; where no answer comes, `look` tells whether it was done."""
        return self.certain(lambda: self.graphql(text, **variables), look)

    def certain(self, write: Callable[[], T], look: Callable[[], T | None]) -> T:
        """What comes of a write, see `certain` of every forge."""
        return certain(write, look, sleep=self._sleep)

    def graphql(self, text: str, **variables: object) -> dict[str, Any]:
        """What comes of it, asked once."""
        url = self.requester.graphql_url
        asked = Asked(self.access, "POST", url)
        for _ in range(_TRIES):
            headers, said = self.requester.requestJsonAndCheck(
                "POST", url, input={"query": text, "variables": variables}
            )
            errors = [error for error in said.get("errors") or () if not _is_unseen(error)]
            if not any(error.get("type") in _LIMITED for error in errors):
                break
            # This limit comes with status 200, and nothing was done.
            self._pace.wait_for(pause_of(CaseInsensitiveDict(headers), time.time()))
        else:
            raise LimitError(asked, 60.0)
        if errors:
            raise _refused(asked, errors)
        data: dict[str, Any] = said["data"]
        return data

    def repository(self, text: str, project: str, **variables: object) -> dict[str, Any]:
        """What a query finds about one repository."""
        owner, _, name = project.partition("/")
        found: dict[str, Any] | None
        try:
            found = self.query(text, owner=owner, name=name, **variables)["repository"]
        except GraphError as error:
            if not error.missing("repository"):
                raise
            found = None
        if found is None:
            raise ForgeError(
                f"there is no project {project} on forge {self.access.name}, or its token may not see it",
                hint="check the project's path (owner/name), and that the token has this repository",
            )
        return found

    def pages(
        self,
        text: str,
        project: str,
        find: Callable[[dict[str, Any]], dict[str, Any]] = itemgetter("pullRequests"),
        **variables: object,
    ) -> Iterator[dict[str, Any]]:
        """Each page of a repository's pull requests, or of another list that is to `find` in what is said of it."""
        after: str | None = None
        while True:
            page = find(self.repository(text, project, after=after, **variables))
            yield page
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    # --- REST -------------------------------------------------------------------------------------------

    def everything(self, url: str) -> Iterator[dict[str, Any]]:
        """What a list has, on however many pages, as GitHub says it. Raises ForgeError."""
        found: PaginatedList[Any] = PaginatedList(cast("type[Any]", _as_said), self.requester, url)
        yield from found

    def project(self, project: str) -> Repository:
        """A repository to write to, without a look at it."""
        url = f"{self.requester.base_url}/repos/{project}"
        return Repository(self.requester, {}, {"url": url, "full_name": project})

    def whole_project(self, project: str) -> Repository:
        """A repository with what is set for it."""
        return Repository(self.requester, url=f"/repos/{project}")

    def commit(self, project: str, sha: str) -> Commit:
        """A commit to say something of, without a look at it."""
        return Commit(
            self.requester, {}, {"url": f"{self.requester.base_url}/repos/{project}/commits/{sha}", "sha": sha}
        )

    def pull(self, project: str, number: int) -> PullRequest:
        """A pull request to write to, without a look at it."""
        root = f"{self.requester.base_url}/repos/{project}"
        told = {"url": f"{root}/pulls/{number}", "issue_url": f"{root}/issues/{number}", "number": number}
        return PullRequest(self.requester, {}, told)


def _as_said(_: object, __: object, said: dict[str, Any]) -> dict[str, Any]:
    return said


def _is_unseen(error: dict[str, Any]) -> bool:
    """Whether it is about a team of whom a review is asked and of whom the token isn't told; nothing stands there then.

    The rest of the answer is whole: https://github.com/cli/cli/issues/14317. GitHub asks owners of code by itself.
    """
    return error.get("type") == "FORBIDDEN" and "requestedReviewer" in (error.get("path") or ())


def _refused(asked: Asked, errors: list[dict[str, Any]]) -> GraphError:
    kinds = [str(error.get("type", "")) for error in errors]
    words = asked.access.quoted("; ".join(dict.fromkeys(str(error.get("message", "")) for error in errors)))
    hint = next((_HINTS[kind] for kind in kinds if kind in _HINTS), "see what it says, then run again")
    if lacking := " and ".join(dict.fromkeys(filter(None, map(_lacking, errors)))):
        said, hint = words_of_lack(asked.access, f"the permission {lacking}")
        words = f"{said}: {words}"
    return GraphError(f"{asked}: {words}", hint=hint, errors=errors)


def _lacking(error: dict[str, Any]) -> str:
    path = error.get("path") or [""]
    return _PERMISSIONS.get(str(path[-1]), "") if error.get("type") == "FORBIDDEN" else ""
