"""What a token may do, found out before anything is tried, by reads alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.forges import Right, Use
from bot.forges.access import ForgeAccess
from bot.forges.gitlab import GitLabForge
from bot.repositories import Reviewers
from tests.doubles.github import Protection, Role
from tests.doubles.gitlab import DEVELOPER, MAINTAINER, REPORTER
from tests.forges.places import GitHubPlace, GitLabPlace, github_place, gitlab_place
from tests.proxy import Answer, Fault

QUERY = "POST /graphql repository"
OF_RULESETS = "GET /repos/:owner/:repo/rules/branches/:branch"
FINE_GRAINED = {"metadata": "read", "contents": "write", "pull_requests": "write"}


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "gitlab") as made:
        yield made
        assert {route.partition(" ")[0] for route in made.running.counts()} == {"GET"}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubPlace]:
    with github_place(tmp_path / "github") as made:
        yield made
        # GraphQL's queries are posted, and its mutations called otherwise.
        assert {route for route in made.running.counts() if not route.startswith("GET")} <= {QUERY}


def rights(place: GitLabPlace | GitHubPlace, token: str, *uses: Use) -> dict[str, Right]:
    forge = place.another(token)
    try:
        found = forge.rights(uses)
    finally:
        forge.close_connections()
    assert len({(right.about, right.found) for right in found}) == len(found)
    return {right.about: right for right in found}


# --- GitLab ---------------------------------------------------------------------------------------------


def test_gitlab_a_token_that_does(gitlab: GitLabPlace) -> None:
    bot = gitlab.gitlab.accounts.tokens[gitlab.token].user
    gitlab.gitlab.join(bot, gitlab.gitlab.accounts.group("platform"), DEVELOPER)
    gitlab.gitlab.user("away", "sre")
    gitlab.gitlab.accounts.group("sre").visibility = "internal"
    use = Use(gitlab.project, proposes=True, reviewers=Reviewers(("platform", "sre"), ("bob",)))
    found = rights(gitlab, gitlab.token, use)
    assert [right.good for right in found.values()] == [True] * 6
    assert found["token"].found == f"accepted, of user {bot.username} (number {bot.id})"
    assert found["token's scopes"].found == "api, until 2027-11-20"
    assert found[f"project {gitlab.project}"].found == "Developer, may push branches and open merge requests"
    assert found["group platform"].found == "3 who are active and Developer or more"
    assert found[f"approvers of {gitlab.project}"].found == "2 of them may push there, and so approve"


def test_gitlab_a_token_that_does_not(gitlab: GitLabPlace) -> None:
    token = gitlab.gitlab.bot(gitlab.made.namespace, "read_api", role=REPORTER)
    use = Use(gitlab.project, proposes=True, reviewers=Reviewers(("no/group",), ("nobody",)))
    found = rights(gitlab, token, use, Use("platform/nothing"))
    assert found["token"].good is True
    assert (found["token's scopes"].good, found["token's scopes"].advice) == (False, "make one with scope api")
    project = found[f"project {gitlab.project}"]
    assert (project.good, project.found) == (False, "Reporter, may not push branches and open merge requests")
    assert project.advice == "give the token's user the role Developer"
    assert found["project platform/nothing"].good is False
    assert "404 Project Not Found" in found["project platform/nothing"].found
    assert found["group no/group"].good is False
    assert found[f"approvers of {gitlab.project}"].good is None


def test_gitlab_who_only_reads_needs_less(gitlab: GitLabPlace) -> None:
    token = gitlab.gitlab.bot(gitlab.made.namespace, "read_api", "read_repository", role=REPORTER)
    found = rights(gitlab, token, Use(gitlab.project))
    assert [right.good for right in found.values()] == [True, True, True]
    assert found[f"project {gitlab.project}"].found == "Reporter, may read it"


@pytest.mark.parametrize("ended", ["expired", "revoked"])
def test_gitlab_a_token_that_is_over_is_all_there_is_to_say(gitlab: GitLabPlace, ended: str) -> None:
    token = gitlab.gitlab.bot(gitlab.made.namespace, ended=ended)
    found = rights(gitlab, token, Use(gitlab.project, proposes=True))
    assert [(right.about, right.good) for right in found.values()] == [("token", False)]
    assert "the token is not accepted (HTTP 401)" in found["token"].found
    assert found["token"].advice


def test_gitlab_that_nobody_answers_for_is_a_finding() -> None:
    forge = GitLabForge(ForgeAccess("work", "http://127.0.0.1:9", "token", "GITLAB_TOKEN", None), sleep=lambda _: None)
    (found,) = forge.rights([Use("a/b")])
    assert (found.about, found.good) == ("token", False)
    forge.close_connections()


def test_gitlab_who_may_merge_into_a_branch(gitlab: GitLabPlace) -> None:
    developer, maintainer = (gitlab.gitlab.bot(gitlab.made.namespace, role=role) for role in (DEVELOPER, MAINTAINER))
    gitlab.repository.move("open", gitlab.head("main"), None)
    gitlab.repository.move("release-1", gitlab.head("main"), None)
    gitlab.gitlab.protect(gitlab.made, "main", merge=DEVELOPER)
    gitlab.gitlab.protect(gitlab.made, "release-*", merge=MAINTAINER)
    use = Use(gitlab.project, proposes=True, merges=("open", "main", "release-1", "gone"))

    def found(token: str) -> dict[str, tuple[bool | None, str]]:
        told = rights(gitlab, token, use)
        return {
            branch: (told[about].good, told[about].advice) for branch in use.merges if (about := into(branch)) in told
        }

    def into(branch: str) -> str:
        return f"merging into {branch} of {gitlab.project}"

    let = "let it: in GitLab, Settings of the project, Repository, Protected branches"
    assert found(maintainer) == {"open": (True, ""), "main": (True, ""), "release-1": (True, "")}
    assert found(developer) == {"open": (True, ""), "main": (True, ""), "release-1": (None, let)}
    assert "only maintainers are told" in rights(gitlab, developer, use)[into("release-1")].found
    protection = gitlab.made.protections[-1]
    protection.merge = 0
    assert found(maintainer)["release-1"] == (False, let)
    protection.groups = (gitlab.gitlab.accounts.group("platform"),)
    assert found(maintainer)["release-1"] == (None, let), "who is of a group isn't looked at"
    protection.users = (gitlab.gitlab.accounts.tokens[maintainer].user,)
    assert found(maintainer)["release-1"] == (True, "")
    assert found(gitlab.gitlab.bot(gitlab.made.namespace, role=REPORTER)) == {}, "it may not even push"


def test_gitlab_whether_the_status_is_required(gitlab: GitLabPlace) -> None:
    use = Use(gitlab.project, proposes=True, into=("main",))
    about = f"promobot's status on main of {gitlab.project}"

    def found() -> Right:
        return rights(gitlab, gitlab.token, use)[about]

    assert (found().good, found().found) == (None, "is not required: what it says keeps nobody from merging")
    assert "switch on *Pipelines must succeed*" in found().advice
    gitlab.running.forget()
    gitlab.made.only_allow_merge_if_pipeline_succeeds = True
    assert found() == Right(about, good=True, found="is required, by *Pipelines must succeed*")
    assert gitlab.running.counts()["GET /projects/:id"] == 1, "what is read of the project anyway tells"
    token = gitlab.gitlab.bot(gitlab.made.namespace, role=REPORTER)
    assert about not in rights(gitlab, token, use), "it may not even push"


def test_gitlab_that_rules_can_be_edited_in_merge_requests_is_to_be_known(gitlab: GitLabPlace) -> None:
    about = f"approval rules of {gitlab.project}"
    use = Use(gitlab.project, proposes=True, reviewers=Reviewers(users=("bob",)), by_rule=True)
    gitlab.gitlab.premium = True
    right = rights(gitlab, gitlab.token, use)[about]
    assert (right.good, right.found) == (None, "merge requests can override them")
    assert "Prevent editing approval rules in merge requests" in right.advice
    gitlab.made.disable_overriding_approvers_per_merge_request = True
    assert rights(gitlab, gitlab.token, use)[about] == Right(
        about, good=True, found="merge requests do not override them"
    )
    assert about not in rights(gitlab, gitlab.token, replace(use, by_rule=False)), "nobody relies on them"
    gitlab.running.inject(Fault("GET .*/approvals$", Answer(403)))
    assert about not in rights(gitlab, gitlab.token, use), "it isn't told"


def test_gitlab_that_does_not_tell_who_may_push(gitlab: GitLabPlace) -> None:
    about = f"approvers of {gitlab.project}"
    use = Use(gitlab.project, proposes=True, reviewers=Reviewers(users=("bob",)))
    assert rights(gitlab, gitlab.token, use)[about].good is True
    gitlab.running.inject(Fault("GET .*/members/all", Answer(403), skip=1))
    right = rights(gitlab, gitlab.token, use)[about]
    assert (right.good, right.found) == (None, "whether they may push there, and so approve, isn't told")


# --- GitHub ---------------------------------------------------------------------------------------------


def test_github_a_classic_token(github: GitHubPlace) -> None:
    github.hub.team("platform", "sre", "ann", "bob")
    use = Use(github.project, proposes=True, reviewers=Reviewers(("sre",)))
    found = rights(github, github.token, use)
    assert [right.good for right in found.values()] == [True] * 4
    assert found["token"].found == "accepted, of user platform-robot"
    assert found["token's scopes"].found == "read:org, repo"
    assert found["team sre"].found == "2 members"


def test_github_a_classic_token_that_does_not(github: GitHubPlace) -> None:
    github.hub.team("platform", "sre", "ann")
    github.hub.projects[github.project].roles["passer-by"] = Role.READ
    use = Use(github.project, proposes=True, reviewers=Reviewers(("sre",)))
    found = rights(github, github.hub.classic("passer-by", "repo"), use, Use("platform/nothing"))
    assert found["token's scopes"].advice == "make one that has scope read:org as well"
    assert (found[f"project {github.project}"].good, found["team sre"].good) == (False, False)
    assert found[f"project {github.project}"].found == "the account may not push to it"
    assert found["project platform/nothing"].good is False


def test_github_what_a_fine_grained_token_may_is_not_told(github: GitHubPlace) -> None:
    token = github.hub.fine_grained("platform-robot", FINE_GRAINED, github.project)
    found = rights(github, token, Use(github.project, proposes=True))
    assert [right.good for right in found.values()] == [True, None, True]


def test_github_who_may_merge_into_a_branch(github: GitHubPlace) -> None:
    project = github.hub.projects[github.project]
    about = f"merging into main of {github.project}"
    use = Use(github.project, proposes=True, merges=("main",))

    def good() -> bool | None:
        return rights(github, github.token, use)[about].good

    assert good() is True
    project.protections["main"] = Protection(approvals=1)
    assert good() is True
    project.protections["main"] = Protection(pushers=("ann",))
    assert good() is None
    assert "name the account there" in rights(github, github.token, use)[about].advice
    project.protections["main"] = Protection(pushers=("ann", "platform-robot"))
    assert good() is True
    project.rules["main"] = Protection(pushers=("platform-robot",))
    assert good() is None, "whom a ruleset lets pass isn't told"
    project.roles["passer-by"] = Role.READ
    assert about not in rights(github, github.hub.classic("passer-by", "repo"), use), "it may not even push"


@pytest.mark.parametrize("kept", ["protections", "rules"])
def test_github_whether_the_status_is_required(github: GitHubPlace, kept: str) -> None:
    project = github.hub.projects[github.project]
    about = f"promobot's status on main of {github.project}"
    use = Use(github.project, proposes=True, into=("main",), merges=("main",))

    def found() -> Right:
        return rights(github, github.token, use)[about]

    getattr(project, kept)["main"] = Protection(approvals=1, contexts=("ci",))
    assert (found().good, found().found) == (None, "is not required: what it says keeps nobody from merging")
    assert "requires status check promobot" in found().advice
    getattr(project, kept)["main"] = Protection(contexts=("ci", "promobot"))
    github.running.forget()
    assert found() == Right(about, good=True, found="is required, by a status check")
    counted = github.running.counts()
    assert (counted[QUERY], counted[OF_RULESETS]) == (1, 1), "one look tells this and who may merge"


def test_github_that_does_not_tell_of_rulesets(github: GitHubPlace) -> None:
    """As a server has no such address that is older than they are."""
    about = f"promobot's status on main of {github.project}"
    use = Use(github.project, proposes=True, into=("main",), merges=("main",))
    github.running.inject(Fault("GET .*/rules/branches/main", Answer(404), times=2))
    found = rights(github, github.token, use)
    right = found[about]
    assert (right.good, right.found) == (None, "whether it is required isn't told: a status check would do that")
    assert found[f"merging into main of {github.project}"].good is None, "nor who alone may update it"
    github.hub.projects[github.project].protections["main"] = Protection(contexts=("promobot",))
    assert rights(github, github.token, use)[about].good is True, "the branch's own protection is told"


def test_github_a_wrong_token(github: GitHubPlace) -> None:
    found = rights(github, "ghp_wrong", Use(github.project, proposes=True))
    assert [(right.about, right.good) for right in found.values()] == [("token", False)]
    assert "the token is not accepted (HTTP 401)" in found["token"].found
