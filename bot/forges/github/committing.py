"""Commits by GitHub's API, which GitHub signs: what was built in the clone is made there once more.

The author is left to GitHub, since it signs nothing else, so that it is the account that we work as.
https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from bot.errors import ForgeError, GitError
from bot.forges.committing import Made
from bot.forges.github import queries
from bot.forges.github.client import Client, GraphError
from bot.forges.github.connecting import Connecting
from bot.forges.rights import Right, looked_at
from bot.git import Clone, LeaseLost
from bot.plan import PushBranch
from bot.repositories import Commit, File

_ABOUT = "commits by the API"
_OLD = "say `commits: git`, which needs nothing of the kind, or bring the server up to date"


class ApiCommits:
    """Makes the commits of one repository. Threads may share it."""

    def __init__(self, connecting: Connecting, project: str) -> None:
        self._connecting = connecting
        self._project = project

    # --- making one -------------------------------------------------------------------------------------

    def make(self, clone: Clone, wanted: PushBranch, built: str) -> Made | LeaseLost:
        """Make what was built in the clone, and point the branch at it, if that still is where it was expected."""
        tree = self._tree(clone, wanted, built)
        made = self._commit(wanted, tree)
        commit = str(made["sha"])
        if (lost := self._point(clone, wanted, commit)) is not None:
            return lost
        proof = made["verification"]
        return Made(commit, () if proof["verified"] else (_unsigned(commit, str(proof["reason"])),))

    def _tree(self, clone: Clone, wanted: PushBranch, built: str) -> str:
        """The tree of what was built; by its id, GitHub's has the same bytes and modes in every file."""
        paths = [file.path for file in wanted.files]
        files = [file for file in clone.files(built, paths) if file.path in paths]
        entries = [self._entry(file) for file in files]
        said = self._post("trees", base_tree=clone.tree(wanted.base), tree=entries)
        if said["sha"] != (tree := clone.tree(built)):
            raise self._other(f"tree {said['sha']}, not {tree}")
        return tree

    def _entry(self, file: File) -> dict[str, str]:
        entry = {"path": file.path, "mode": file.mode, "type": "blob"}
        try:
            return {**entry, "content": file.content.decode()}
        except UnicodeDecodeError:
            content = base64.b64encode(file.content).decode()
            return {**entry, "sha": self._post("blobs", content=content, encoding="base64")["sha"]}

    def _commit(self, wanted: PushBranch, tree: str) -> dict[str, Any]:
        message = wanted.message.replace("\0", "").rstrip()
        made = self._post("commits", message=message, tree=tree, parents=[wanted.base])
        if (made["tree"]["sha"], [parent["sha"] for parent in made["parents"]]) != (tree, [wanted.base]):
            raise self._other(f"commit {made['sha']} of another tree or on another commit")
        author, committer = made["author"]["email"], made["committer"]["email"]
        if not (self._is_account(author) and self._committed(committer)):
            # Who does not know a commit again would take it for a person's for ever.
            raise ForgeError(
                f"forge {self._client.access.name}: GitHub makes commits of {self._connecting.login} by {author} "
                f"(committer {committer}), which would not be known again; branch {wanted.branch} is left as it is",
                hint="let the account keep its address private (Settings → Emails), use an App, or say `commits: git`",
            )
        return made

    def _post(self, what: str, **said: object) -> dict[str, Any]:
        """Make an object; twice does no harm, since nothing leads to it yet."""
        requester, url = self._client.requester, f"/repos/{self._project}/git/{what}"

        def post() -> dict[str, Any]:
            answer: dict[str, Any] = requester.requestJsonAndCheck("POST", url, input=said)[1]
            return answer

        return self._client.certain(post, lambda: None)

    def _other(self, what: str) -> ForgeError:
        return ForgeError(
            f"forge {self._client.access.name}: GitHub made {what} in {self._project}; no branch has it",
            hint="`commits: git` has git make them; please report this",
        )

    # --- the branch -------------------------------------------------------------------------------------

    def _point(self, clone: Clone, wanted: PushBranch, commit: str) -> LeaseLost | None:
        """Point the branch at a commit; where that fails, what it is at counts more than the words."""
        branch, expected = wanted.branch, wanted.expected

        def there() -> bool | None:
            return clone.heads([branch]).get(branch) == commit or None

        try:
            self._client.certain(self._move(branch, commit, expected), there)
        except ForgeError as error:
            try:
                now = clone.heads([branch]).get(branch)
            except GitError:
                raise error from None
            if now == commit:
                return None
            if now != expected:
                return LeaseLost(f"branch {branch} of {self._project} is no longer {expected or 'absent'}")
            if isinstance(error, GraphError) and error.lacks("updateRefs"):
                raise self._too_old(branch) from None
            raise
        return None

    def _move(self, branch: str, commit: str, expected: str | None) -> Callable[[], object]:
        """What is done for it. Each fails if the branch is elsewhere: REST makes what isn't there, GraphQL replaces."""
        client, name = self._client, f"refs/heads/{branch}"
        if expected is None:
            url, told = f"/repos/{self._project}/git/refs", {"ref": name, "sha": commit}
            return lambda: client.requester.requestJsonAndCheck("POST", url, input=told)
        ids = {"repository": self._node, "name": name, "head": expected, "commit": commit}
        return lambda: client.graphql(queries.REPLACE, **ids)

    @cached_property
    def _node(self) -> str:
        return str(self._client.repository(queries.NODE, self._project)["id"])

    def _too_old(self, branch: str) -> ForgeError:
        return ForgeError(
            f"forge {self._client.access.name}: this GitHub has no updateRefs, by which alone its API replaces "
            f"branch {branch} of {self._project} on the condition that nobody else has moved it",
            hint=_OLD,
        )

    @property
    def _client(self) -> Client:
        return self._connecting.client(self._project)

    def rights(self) -> tuple[Right, ...]:
        """Whether this GitHub can replace branches, and signs what it makes for us."""
        return tuple(looked_at(_ABOUT, self._rights))

    def _rights(self) -> Iterator[Right]:
        login = self._connecting.login
        if self._client.query(queries.REPLACES)["__type"] is None:
            yield Right(_ABOUT, good=False, found="this GitHub has no updateRefs, so it can't replace one", advice=_OLD)
        elif self._connecting.is_app:
            yield Right(_ABOUT, good=True, found=f"GitHub makes and signs them, as {login}")
        else:
            advice = "let promobot be an App, see `app` of the forge"
            yield Right(
                _ABOUT, good=None, found=f"GitHub makes them as {login}, and signs an App's alone", advice=advice
            )

    # --- knowing them again -----------------------------------------------------------------------------

    def told(self, commits: Iterable[Commit], email: str) -> tuple[Commit, ...]:
        """These commits, where those that GitHub made for us have our own address `email`.

        Who amends one is its committer. What has no trailers isn't ours, such as what the account makes on the site.
        """
        return tuple(self._told(commit, email) for commit in commits)

    def _told(self, commit: Commit, email: str) -> Commit:
        if commit.author_email == email or not commit.trailers or not self._is_account(commit.author_email):
            return commit
        committer = email if self._committed(commit.committer_email) else commit.committer_email
        return replace(commit, author_email=email, committer_email=committer)

    def _committed(self, address: str) -> bool:
        """Whether a committer is GitHub itself, which signs what Apps make, or the account."""
        return address in {f"noreply@{host}" for host in self._hosts} or self._is_account(address)

    def _is_account(self, address: str) -> bool:
        """Whether an address is the one that GitHub gives to our account, with its number or as it was of old.

        https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
        """
        name, _, host = address.lower().partition("@users.noreply.")
        return host in self._hosts and re.sub(r"^\d+\+", "", name) == self._connecting.login.lower()

    @property
    def _hosts(self) -> set[str]:
        """Where addresses are that GitHub gives out: at its own, or on a server at that one's."""
        return {"github.com", urlsplit(self._connecting.site.url).hostname or ""}


def _unsigned(commit: str, reason: str) -> str:
    return f"GitHub has not signed commit {commit[:12]} ({reason}): it signs those of Apps alone"
