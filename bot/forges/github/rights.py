"""Whether a token or App of GitHub's can do what is needed. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.forges.github import protection
from bot.forges.github.connecting import Connecting
from bot.forges.github.protection import Protected
from bot.forges.rights import Right, Use, about_project, about_status, looked_at, of_status
from bot.forges.statuses import NAME

# https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
_READING = {"contents": "read", "metadata": "read"}
_PROPOSING = {"contents": "write", "pull_requests": "write", "statuses": "write"}
_REQUIRE = f"in GitHub, Settings of the repository, Rules: a ruleset for the branch that requires status check {NAME}"
_LEVELS = ("read", "write", "admin")
_GIVE = "give the App that on its page, and accept it where it is installed"


@dataclass(frozen=True)
class Rights:
    """Looks as whoever the forge is connected as."""

    connecting: Connecting

    def found(self, uses: Sequence[Use]) -> Iterator[Right]:
        """Who we are first; where nobody knows us, that is all there is to say."""
        first = list(looked_at("token", partial(self._token, uses)))
        yield from first
        if first[0].good is False:
            return
        for use in uses:
            project = tuple(looked_at(about_project(use.project), partial(self._project, use)))
            yield from project
            for branch in dict.fromkeys((*use.into, *use.merges)) if all(right.good for right in project) else ():
                yield from looked_at(about_status(use.project, branch), partial(self._branch, use, branch))
        teams = {(use.project.partition("/")[0], team): use for use in uses for team in use.reviewers.groups}
        for (_, team), use in teams.items():
            yield from looked_at(f"team {team}", partial(self._team, use, team))

    def _token(self, uses: Sequence[Use]) -> Iterator[Right]:
        if self.connecting.is_app:
            yield Right("App", good=True, found=f"key accepted, works as {self.connecting.login}")
            return
        yield Right("token", good=True, found=f"accepted, of user {self.connecting.login}")
        scopes = self.connecting.client("").requester.oauth_scopes
        if scopes is None:
            yield Right("token's permissions", good=None, found="GitHub doesn't tell those of a fine-grained token")
            return
        teams = any(use.reviewers.groups for use in uses)
        lacks = [
            *(() if "repo" in scopes else ("repo",)),
            *(() if not teams or any(scope.endswith(":org") for scope in scopes) else ("read:org",)),
        ]
        advice = f"make one that has scope {' and '.join(lacks)} as well" if lacks else ""
        yield Right("token's scopes", not lacks, ", ".join(sorted(filter(None, scopes))) or "none", advice)

    def _project(self, use: Use) -> Iterator[Right]:
        about = about_project(use.project)
        requester = self.connecting.client(use.project).requester
        _, said = requester.requestJsonAndCheck("GET", f"/repos/{use.project}")
        if use.proposes and said.get("archived"):
            yield Right(about, good=False, found="is archived, so that nothing can be pushed", advice="unarchive it")
        elif self.connecting.is_app:
            yield self._of_app(use, self.connecting.permissions(use.project))
        elif not use.proposes:
            yield Right(about, good=True, found="may read it")
        elif (said.get("permissions") or {}).get("push"):
            yield Right(about, good=True, found="may push branches and open pull requests, as far as the account goes")
        else:
            found = "the account may not push to it"
            yield Right(about, good=False, found=found, advice="give it the role Write, or the token this repository")

    def _of_app(self, use: Use, given: Mapping[str, Any]) -> Right:
        about = about_project(use.project)
        wanted = {
            **_READING,
            **(_PROPOSING if use.proposes else {}),
            **({"members": "read"} if use.reviewers.groups else {}),
        }
        lacks = [f"{name}: {level}" for name, level in wanted.items() if not _suffices(given.get(name), level)]
        if lacks:
            return Right(about, good=False, found=f"the installation lacks {', '.join(lacks)}", advice=_GIVE)
        found = "may push branches and open pull requests" if use.proposes else "may read it"
        return Right(about, good=True, found=f"installed, {found}")

    def _branch(self, use: Use, branch: str) -> Iterator[Right]:
        found = protection.protected(self.connecting.client(use.project), use.project, branch)
        if branch in use.into:
            required = found.requires_status
            yield of_status(use.project, branch, required=required, by="a status check", advice=_REQUIRE)
        if branch in use.merges:
            yield self._merging(f"merging into {branch} of {use.project}", found)
        if found.has_queue and self.connecting.is_app:
            yield from self._queue(use, branch)

    def _queue(self, use: Use, branch: str) -> Iterator[Right]:
        """What is in it is told to who may read queues, and who may write them puts something there."""
        level = "write" if branch in use.merges else "read"
        if not _suffices(self.connecting.permissions(use.project).get("merge_queues"), level):
            found = f"the installation lacks merge_queues: {level}"
            yield Right(f"merge queue of {branch} of {use.project}", None, found, _GIVE)

    def _merging(self, about: str, protected: Protected) -> Right:
        may = protected.lets_merge
        found = (
            "as far as its protection goes, the account may" if may else "its protection may keep the account from it"
        )
        advice = "" if may else "where it restricts who may push, or update, name the account there"
        return Right(about, may, found, advice)

    def _team(self, use: Use, team: str) -> Iterator[Right]:
        members = protection.members(self.connecting.client(use.project), use.project, team)
        advice = "" if members else "put somebody into it"
        yield Right(f"team {team}", bool(members), f"{len(members)} members", advice)


def _suffices(given: object, wanted: str) -> bool:
    return given in _LEVELS and _LEVELS.index(str(given)) >= _LEVELS.index(wanted)
