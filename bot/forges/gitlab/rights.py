"""Whether a token of GitLab's can do what is needed. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gitlab import Gitlab

from bot.forges.errors import StatusError
from bot.forges.gitlab.people import People
from bot.forges.gitlab.protection import LET_MERGE, may_merge
from bot.forges.gitlab.requests import Identity
from bot.forges.rights import Right, Use, about_project, looked_at, of_status

_ROLES = {
    5: "Minimal access",
    10: "Guest",
    15: "Planner",
    20: "Reporter",
    30: "Developer",
    40: "Maintainer",
    50: "Owner",
}
_REPORTER, _DEVELOPER = 20, 30
_NOT_FOUND = 404
_FORBID = (
    "in GitLab, Settings of the project, Merge requests: switch on *Prevent editing approval rules in merge requests*"
)
_REQUIRED = "*Pipelines must succeed*"
_REQUIRE = f"in GitLab, Settings of the project, Merge requests: switch on {_REQUIRED}"
# What does for reading projects, and what for all that promobot does.
_READING = frozenset({"read_api", "read_repository"})


@dataclass(frozen=True)
class Rights:
    """Looks with one client; `me` asks who its token's user is."""

    gitlab: Gitlab
    people: People
    me: Callable[[], Identity]

    def found(self, uses: Sequence[Use]) -> Iterator[Right]:
        """The token first; where it isn't accepted, that is all there is to say."""
        token = list(looked_at("token", partial(self._token, uses)))
        yield from token
        if token[0].good is False:
            return
        for use in uses:
            yield from looked_at(about_project(use.project), partial(self._project, use))
        yield from self._groups(uses)

    def _token(self, uses: Sequence[Use]) -> Iterator[Right]:
        number = self.me().user
        username = getattr(self.gitlab.user, "username", "")
        yield Right("token", good=True, found=f"accepted, of user {username} (number {number})")
        try:
            said = self.gitlab.personal_access_tokens.get("self").attributes
        except StatusError as error:
            if error.status not in {401, 403, 404}:
                raise
            yield Right("token's scopes", good=None, found="GitLab doesn't tell them of this kind of token")
            return
        scopes = frozenset(said.get("scopes") or ())
        proposes = any(use.proposes for use in uses)
        good = "api" in scopes or (not proposes and scopes >= _READING)
        advice = "" if good else f"make one with {'scope api' if proposes else 'scopes read_api and read_repository'}"
        ends = f", until {said['expires_at']}" if said.get("expires_at") else ""
        yield Right("token's scopes", good, f"{', '.join(sorted(scopes)) or 'none'}{ends}", advice)

    def _project(self, use: Use) -> Iterator[Right]:
        about = about_project(use.project)
        place = self.gitlab.projects.get(use.project)
        if use.proposes and place.attributes.get("archived"):
            yield Right(about, good=False, found="is archived, so that nothing can be pushed", advice="unarchive it")
            return
        if use.proposes and place.attributes.get("merge_requests_enabled") is False:
            yield Right(about, good=False, found="has no merge requests", advice="switch them on in its settings")
            return
        query = {"user_ids[]": [self.me().user]}
        members = place.members_all.list(get_all=True, query_parameters=query)
        role = max((member.access_level or 0 for member in members), default=0)
        name = _ROLES.get(role, f"role {role}") if role else "no member"
        if not use.proposes:
            private = place.attributes.get("visibility") == "private"
            good = role >= _REPORTER or not private
            advice = "" if good else "give the token's user the role Reporter"
            yield Right(about, good, f"{name}, {'may' if good else 'may not'} read it", advice)
        elif role >= _DEVELOPER:
            yield Right(about, good=True, found=f"{name}, may push branches and open merge requests")
            required = place.attributes.get("only_allow_merge_if_pipeline_succeeds")
            for branch in use.into:
                yield of_status(use.project, branch, required=required, by=_REQUIRED, advice=_REQUIRE)
            for branch in use.merges:
                into = f"merging into {branch} of {use.project}"
                yield from looked_at(into, partial(self._merging, into, place, branch, role))
        else:
            found = f"{name}, may not push branches and open merge requests"
            yield Right(about, good=False, found=found, advice="give the token's user the role Developer")

    def _merging(self, about: str, place: Any, branch: str, role: int) -> Iterator[Right]:  # noqa: ANN401
        try:
            may = may_merge(place, branch, self.me().user, role)
        except StatusError as error:
            if error.status != _NOT_FOUND:  # that a branch is not there is found by git
                raise
            return
        found = {
            True: "the token's user may",
            False: "the token's user may not",
            None: "the branch is protected, and only maintainers are told whether the token's user may",
        }
        yield Right(about, may, found[may], "" if may else LET_MERGE)

    def _overriding(self, use: Use) -> Iterator[Right]:
        """Whoever may push opens merge requests, and could take the rule away from theirs. Not all are told."""
        about = f"approval rules of {use.project}"
        try:
            told = self.gitlab.projects.get(use.project, lazy=True).approvals.get().attributes
        except StatusError as error:
            if not error.hides:
                raise
            return
        forbidden = told.get("disable_overriding_approvers_per_merge_request")
        if forbidden is not None:
            found = f"merge requests {'do not' if forbidden else 'can'} override them"
            advice = "" if forbidden else _FORBID
            yield Right(about, True if forbidden else None, found, advice)

    def _groups(self, uses: Sequence[Use]) -> Iterator[Right]:
        for group in dict.fromkeys(group for use in uses for group in use.reviewers.groups):
            yield from looked_at(f"group {group}", partial(self._group, group))
        for use in uses:
            if use.reviewers:
                yield from looked_at(f"approvers of {use.project}", partial(self._approvers, use))
            if use.by_rule:
                yield from looked_at(f"approval rules of {use.project}", partial(self._overriding, use))

    def _group(self, group: str) -> Iterator[Right]:
        count = len(self.people.members(group))
        yield Right(f"group {group}", good=True, found=f"{count} who are active and Developer or more")

    def _approvers(self, use: Use) -> Iterator[Right]:
        about = f"approvers of {use.project}"
        asked = self.people.asked(use.project, use.reviewers, without=self.me().user)
        for note in asked.notes:
            yield Right(about, good=None, found=note, advice="correct `approvers`, or give them the role Developer")
        if asked.people and asked.known:
            yield Right(about, good=True, found=f"{len(asked.people)} of them may push there, and so approve")
        elif asked.people:
            yield Right(about, good=None, found="whether they may push there, and so approve, isn't told")
