"""What forges make sure of before a branch changes, and who approves: as far as our token is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import ForgeError
from bot.repositories import ApprovalRule, BranchProtection, Reviewers
from tests.doubles.github import Protection, Role
from tests.doubles.gitlab import DEVELOPER, GUEST, MAINTAINER
from tests.forges.places import GitHubPlace, GitLabPlace, github_place, gitlab_place
from tests.proxy import Answer, AnswerAfter, CutAfter, Fault, Kind

RULES, PROTECTED = "GET /projects/:id/approval_rules", "GET /projects/:id/protected_branches"


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "gitlab", premium=True) as made:
        yield made


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubPlace]:
    with github_place(tmp_path / "github") as made:
        yield made


# --- GitLab ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enterprise", [True, False])
def test_gitlab_free_has_no_rules_and_one_request_tells(gitlab: GitLabPlace, enterprise: bool) -> None:  # noqa: FBT001
    gitlab.gitlab.premium, gitlab.gitlab.enterprise = False, enterprise
    assert gitlab.forge.protection(gitlab.project, "main") == BranchProtection()
    assert gitlab.running.counts() == {RULES: 1}


def test_gitlab_rules_of_the_branch(gitlab: GitLabPlace) -> None:
    sre = gitlab.gitlab.accounts.group("platform/sre").path
    of_sre = gitlab.gitlab.rule("sre", 2, gitlab.ann, groups=(sre,))
    anybody = gitlab.gitlab.rule("All Members", 1)
    hidden = replace(gitlab.gitlab.rule("security", 1, gitlab.bob), hidden=True)
    elsewhere = replace(gitlab.gitlab.rule("releases", 1, gitlab.bob), branches=("release-*",))
    here = replace(gitlab.gitlab.rule("main", 1, gitlab.bob), branches=("main",))
    everywhere = replace(gitlab.gitlab.rule("protected", 1, gitlab.bob), protected=True)
    at_times = gitlab.gitlab.rule("Coverage-Check", 2, groups=(sre,))
    at_times.rule_type = "report_approver"
    gitlab.made.rules = [at_times, of_sre, anybody, hidden, elsewhere, here, everywhere]
    gitlab.gitlab.protect(gitlab.made, "release-*")
    bob = Reviewers(users=("bob",))
    expected = [
        ApprovalRule("project rule sre", 2, Reviewers((sre,), ("ann",))),
        ApprovalRule("project rule All Members", 1),
        ApprovalRule("project rule security", 1, Reviewers(("a hidden group",), ("bob",))),
        ApprovalRule("project rule main", 1, bob),
        ApprovalRule("project rule protected", 1, bob),
    ]
    found = gitlab.forge.protection(gitlab.project, "main")
    assert [*found.rules] == expected
    assert found.unknown, "a developer isn't told of protected branches"
    maintained = gitlab.another(gitlab.gitlab.bot(gitlab.made.namespace, role=MAINTAINER))
    assert maintained.protection(gitlab.project, "main") == BranchProtection(tuple(expected))
    names = [rule.name for rule in maintained.protection(gitlab.project, "release-1").rules]
    assert "project rule releases" in names
    assert "project rule main" not in names
    maintained.close_connections()


def test_gitlab_tells_a_developer_too_where_a_rule_for_all_protected_branches_holds(gitlab: GitLabPlace) -> None:
    gitlab.made.rules = [replace(gitlab.gitlab.rule("protected", 1, gitlab.bob), protected=True)]
    assert [rule.name for rule in gitlab.forge.protection(gitlab.project, "main").rules] == ["project rule protected"]
    assert gitlab.forge.protection(gitlab.project, "trunk").rules == (), "nobody protects that one"


@pytest.mark.parametrize(("branch", "owners"), [("main", False), ("release-1", True)])
def test_gitlab_owners_of_code(gitlab: GitLabPlace, branch: str, owners: bool) -> None:  # noqa: FBT001
    gitlab.gitlab.protect(gitlab.made, "release-*")
    gitlab.made.protections[-1].code_owners = True
    maintained = gitlab.another(gitlab.gitlab.bot(gitlab.made.namespace, role=MAINTAINER))
    assert maintained.protection(gitlab.project, branch) == BranchProtection(owners=owners)
    maintained.close_connections()


def test_gitlab_approvals_are_of_people(gitlab: GitLabPlace) -> None:
    gitlab.push("x", "2")
    number = gitlab.open()
    request, bot = gitlab.made.requests[number], gitlab.gitlab.accounts.tokens[gitlab.token].user
    for user in (gitlab.ann, bot):
        request.approvals[user.id] = request.created
    assert gitlab.forge.approvals(gitlab.project, number) == ("ann",)


@pytest.mark.parametrize("premium", [True, False])
def test_gitlab_approvals_are_of_the_head(gitlab: GitLabPlace, premium: bool) -> None:  # noqa: FBT001
    gitlab.gitlab.premium, gitlab.made.reset_approvals_on_push = premium, False
    first = gitlab.push("x", "2")
    number = gitlab.open()
    request = gitlab.made.requests[number]
    gitlab.gitlab.approve(gitlab.made, request, gitlab.ann)
    second = gitlab.push("x", "3")
    gitlab.gitlab.approve(gitlab.made, request, gitlab.bob)
    assert gitlab.forge.approvals(gitlab.project, number) == ("bob",), "Ann's is of what was there before"
    assert gitlab.repository.move("x", first, second)
    gitlab.forge.get(gitlab.project, number)
    assert gitlab.forge.approvals(gitlab.project, number) == (), "nor what was approved before it went away and back"


def test_gitlab_s_new_version_of_the_same_commit_takes_no_approval_away(gitlab: GitLabPlace) -> None:
    head = gitlab.push("x", "2")
    number = gitlab.open()
    request = gitlab.made.requests[number]
    gitlab.gitlab.approve(gitlab.made, request, gitlab.ann)
    request.versions.append((head, datetime.now(UTC) + timedelta(seconds=1)))
    assert gitlab.forge.approvals(gitlab.project, number) == ("ann",)


def test_gitlab_members_may_push_and_are_there(gitlab: GitLabPlace) -> None:
    gitlab.gitlab.user("guest", "platform/teams", role=GUEST)
    gitlab.gitlab.user("gone", "platform/teams").state = "blocked"
    gitlab.gitlab.user("cat", "platform/teams", role=DEVELOPER)
    gitlab.gitlab.join(gitlab.gitlab.accounts.tokens[gitlab.token].user, gitlab.made.namespace, DEVELOPER)
    assert sorted(gitlab.forge.members(gitlab.project, "platform/teams")) == ["ann", "bob", "cat"]
    with pytest.raises(ForgeError, match="there is none that the token's user sees"):
        gitlab.forge.members(gitlab.project, "no/group")


# --- GitHub ---------------------------------------------------------------------------------------------


def test_github_tells_of_protection_and_rulesets_to_who_may_write(github: GitHubPlace) -> None:
    made = github.hub.projects[github.project]
    assert github.forge.protection(github.project, "main") == BranchProtection()
    made.protections["main"] = Protection(approvals=1, code_owners=True)
    own = ApprovalRule("branch protection", 1)
    assert github.forge.protection(github.project, "main") == BranchProtection((own,), owners=True)
    made.rules["main"] = Protection(approvals=2, dismiss_stale=True, contexts=("ci",))
    both = (own, ApprovalRule("ruleset 1", 2))
    github.running.forget()
    assert github.forge.protection(github.project, "main") == BranchProtection(both, owners=True)
    assert github.running.counts() == {
        "POST /graphql repository": 1,
        "GET /repos/:owner/:repo/rules/branches/:branch": 1,
    }
    assert github.forge.protection(github.project, "nowhere") == BranchProtection()


def test_github_rulesets_are_read_to_the_end(github: GitHubPlace) -> None:
    made = github.hub.projects[github.project]
    made.rules["main"] = Protection(approvals=1, rulesets=101)
    github.running.forget()
    found = github.forge.protection(github.project, "main")
    assert [rule.name for rule in found.rules] == [f"ruleset {number}" for number in range(1, 102)]
    assert github.running.counts()["GET /repos/:owner/:repo/rules/branches/:branch"] == 2


@pytest.mark.parametrize("branch", ["env/prod", "main#2", "main%232"])
def test_github_rulesets_are_those_of_just_that_branch(github: GitHubPlace, branch: str) -> None:
    rules = github.hub.projects[github.project].rules
    rules["main"], rules[branch] = Protection(approvals=1), Protection(approvals=2)
    assert github.repository.move(branch, github.head("main"), None)
    found = github.forge.protection(github.project, branch)
    assert [rule.required for rule in found.rules] == [2]


@pytest.mark.parametrize("pages", [0, 1])
@pytest.mark.parametrize("status", [403, 404])
def test_github_rulesets_that_are_not_told_are_not_known(github: GitHubPlace, pages: int, status: int) -> None:
    github.hub.projects[github.project].rules["main"] = Protection(approvals=1, rulesets=101)
    github.running.inject(Fault("GET .*/rules/branches/main", Answer(status), skip=pages))
    assert github.forge.protection(github.project, "main") == BranchProtection(
        unknown="GitHub tells nothing of rulesets"
    )


def test_github_has_no_rulesets_to_tell_of_without_the_plan(github: GitHubPlace) -> None:
    """Which is no fault of the token's."""
    github.hub.projects[github.project].paid = False
    assert github.forge.protection(github.project, "main").unknown == "GitHub tells nothing of rulesets"


def test_github_teams_that_a_ruleset_wants_for_some_files_are_not_known(github: GitHubPlace) -> None:
    """They come by their numbers, with patterns of files."""
    github.hub.team("platform", "sre", "ann")
    github.hub.projects[github.project].rules["main"] = Protection(teams=("sre",))
    assert github.forge.protection(github.project, "main") == BranchProtection(
        unknown="a ruleset wants teams, for some files"
    )


def test_github_approvals_that_a_list_cuts_off_are_asked_by_themselves(github: GitHubPlace) -> None:
    github.push("x", "2")
    number = github.open()
    logins = [f"u{number:03}" for number in range(101)]
    for login in logins:
        github.hub.projects[github.project].roles[login] = Role.WRITE
        github.hub.account(login)
        github.hub.review(github.project, number, login)
    (request,) = github.forge.open_requests(github.project)
    assert request.approvals is None, "it isn't known"
    github.running.forget()
    assert [*github.forge.approvals(github.project, number)] == logins
    assert github.running.counts() == {"POST /graphql repository": 2}


def test_github_lists_approvals_of_who_may_write(github: GitHubPlace) -> None:
    github.push("x", "2")
    number = github.open()
    github.hub.account("passer-by")
    for login in ("ann", "bob", "passer-by"):
        github.hub.review(github.project, number, login)
    github.hub.review(github.project, number, "ann", "COMMENTED")
    github.hub.review(github.project, number, "bob", "CHANGES_REQUESTED")
    (request,) = github.forge.open_requests(github.project)
    assert request.approvals == ("ann",)
    assert github.forge.approvals(github.project, number) == request.approvals
    github.hub.projects[github.project].rules["main"] = Protection(approvals=1, dismiss_stale=True)
    github.push("x", "3")
    assert github.forge.approvals(github.project, number) == ()


def test_github_members_of_a_team(github: GitHubPlace) -> None:
    github.hub.team("platform", "sre", *(f"u{number:03}" for number in range(130)))
    found = github.forge.members(github.project, "sre")
    assert (len(found), found[0]) == (130, "u000")
    assert github.forge.members(github.project, "platform/sre") == found
    narrow = github.another(github.hub.classic("platform-robot", "repo"))
    with pytest.raises(ForgeError, match="the members of team platform/sre are not told"):
        narrow.members(github.project, "sre")
    narrow.close_connections()


# --- a merge request's own rules ------------------------------------------------------------------------

OWN = ApprovalRule("promobot: platform/sre and ann", 2, Reviewers(("platform/sre",), ("ann",)))
ADD = "POST /projects/:id/merge_requests/:iid/approval_rules"


def opened_with(place: GitLabPlace | GitHubPlace, *rules: ApprovalRule, branch: str = "x") -> tuple[str, ...]:
    """What is told of a merge request that is to have these."""
    place.push(branch, branch)
    draft = replace(place.draft(branch), reviewers=Reviewers(users=("ann",)), rules=rules)
    return place.forge.open(place.project, draft).notes


def with_sre(place: GitLabPlace) -> None:
    place.gitlab.user("cat", "platform/sre")
    bot = place.gitlab.accounts.tokens[place.token].user
    place.gitlab.join(bot, place.gitlab.accounts.group("platform/sre"), DEVELOPER)


def test_gitlab_premium_takes_a_rule_once(gitlab: GitLabPlace) -> None:
    with_sre(gitlab)
    assert opened_with(gitlab, OWN) == ()
    rules = gitlab.made.requests[1].rules or []
    (rule,) = rules
    assert (rule.name, rule.required, rule.groups, rule.users) == (OWN.name, 2, ("platform/sre",), (gitlab.ann,))
    gitlab.running.forget()
    assert opened_with(gitlab, OWN) == (), "it is open already"
    assert ADD not in gitlab.running.counts()
    assert gitlab.made.requests[1].rules == rules
    assert gitlab.made.requests[1].description == gitlab.draft("x").body, "with no mark left"


def test_a_rule_that_another_run_makes_in_that_moment_is_there(gitlab: GitLabPlace) -> None:
    with_sre(gitlab)
    gitlab.running.inject(Fault("POST .*/approval_rules", AnswerAfter(400)))
    assert opened_with(gitlab, OWN) == ()
    assert [rule.name for rule in gitlab.made.requests[1].rules or ()] == [OWN.name]


@pytest.mark.parametrize("route", ["GET .*/approval_rules", "POST .*/approval_rules", "PUT .*"])
def test_who_opens_it_again_makes_a_rule_that_an_ended_run_did_not(gitlab: GitLabPlace, route: str) -> None:
    with_sre(gitlab)
    gitlab.running.inject(Fault(route, Answer(400)))
    with pytest.raises(ForgeError):
        opened_with(gitlab, OWN)
    (request,) = gitlab.forge.open_requests(gitlab.project)
    assert request.unfinished
    made = gitlab.forge.open(gitlab.project, replace(gitlab.draft("x"), rules=(OWN,)))
    assert (made.created, made.request.unfinished, made.notes) == (False, False, ())
    assert [rule.name for rule in gitlab.made.requests[1].rules or ()] == [OWN.name]
    assert gitlab.made.requests[1].description == gitlab.draft("x").body
    gitlab.made.requests[1].rules = []
    gitlab.forge.open(gitlab.project, replace(gitlab.draft("x"), rules=(OWN,)))
    assert gitlab.made.requests[1].rules == [], "a person has taken it away"


def test_what_people_wrote_after_the_end_of_a_run_stays(gitlab: GitLabPlace) -> None:
    with_sre(gitlab)
    gitlab.running.inject(Fault("GET .*/approval_rules", Answer(400)))
    with pytest.raises(ForgeError):
        opened_with(gitlab, OWN)
    told = gitlab.made.requests[1]
    told.description = f"Look at this!\n\n{told.description}\n"
    gitlab.forge.open(gitlab.project, replace(gitlab.draft("x"), rules=(OWN,)))
    assert told.description == f"Look at this!\n\n{gitlab.draft('x').body}"
    told.author = gitlab.ann
    told.description += "\n<!-- promobot-unruled -->"
    (request,) = gitlab.forge.open_requests(gitlab.project)
    assert not request.unfinished, "nobody else's is ours to finish"


@pytest.mark.parametrize("kind", [CutAfter(), AnswerAfter(502), Answer(429)], ids=repr)
def test_a_rule_whose_answer_is_lost_is_there_once(gitlab: GitLabPlace, kind: Kind) -> None:
    with_sre(gitlab)
    gitlab.running.inject(Fault("POST .*/approval_rules", kind))
    assert opened_with(gitlab, OWN) == ()
    assert [rule.name for rule in gitlab.made.requests[1].rules or ()] == [OWN.name]


def test_rules_of_the_project_are_not_put_out_of_force(gitlab: GitLabPlace) -> None:
    gitlab.made.rules = [gitlab.gitlab.rule("security", 1, gitlab.bob)]
    (note,) = opened_with(gitlab, OWN)
    assert note.endswith("is not added: the project's own (security) would no longer hold")
    assert gitlab.made.requests[1].rules is None


@pytest.mark.parametrize("kind", ["code_owner", "report_approver"])
def test_what_holds_beside_an_own_rule_keeps_none_away(gitlab: GitLabPlace, kind: str) -> None:
    with_sre(gitlab)
    gitlab.made.rules = [replace(gitlab.gitlab.rule("*.yaml", 1, gitlab.bob), rule_type=kind)]
    assert opened_with(gitlab, OWN) == ()
    assert [rule.name for rule in gitlab.made.requests[1].rules or ()] == [OWN.name]


def test_a_rule_of_nobody_is_not_added(gitlab: GitLabPlace) -> None:
    (note,) = opened_with(gitlab, ApprovalRule("promobot: gone", 1, Reviewers(("gone",))))
    assert note.endswith("promobot: gone is not added: not all of whom it names are seen by the token's user")
    assert opened_with(gitlab, OWN, branch="y"), "less than all of them would be another rule"
    assert gitlab.made.requests[2].rules is None


def test_where_there_are_no_rules_a_note_says_so(gitlab: GitLabPlace, github: GitHubPlace) -> None:
    gitlab.gitlab.premium = False
    assert opened_with(gitlab, OWN) == (
        "this GitLab has no approval rules, which are of Premium: promobot's status says how many are missing",
    )
    assert opened_with(github, OWN) == ("GitHub has no approval rules of a pull request's own: protect the branch",)
