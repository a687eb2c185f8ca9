"""What a token may do, found out before anything is tried, by reads alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.forges import Right, Use
from bot.forges.access import ForgeAccess
from bot.forges.gitlab import GitLabForge
from bot.repositories import Reviewers
from tests.doubles.github import Role
from tests.doubles.gitlab import DEVELOPER, REPORTER
from tests.forges.places import GitHubPlace, GitLabPlace, github_place, gitlab_place

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
        assert {route.partition(" ")[0] for route in made.running.counts()} == {"GET"}


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


def test_github_a_wrong_token(github: GitHubPlace) -> None:
    found = rights(github, "ghp_wrong", Use(github.project, proposes=True))
    assert [(right.about, right.good) for right in found.values()] == [("token", False)]
    assert "the token is not accepted (HTTP 401)" in found["token"].found
