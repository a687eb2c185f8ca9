"""How many approvals a merge request needs, what on the forge makes sure of them, and what promobot says otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config import Approvers, Config, ServiceRule
from bot.decide.approving import assurances
from bot.decide.facts import Ask, Facts
from bot.errors import GitError
from bot.plan import Guard, HoldMerge, Merge, OpenRequest, SetStatus, Standing, UpdateRequest
from bot.questions import Approvals, Files, Found, Members, Protection, Unknown
from bot.repositories import ApprovalRule, BranchProtection, CommitStatus, File, Rev, Reviewers, StatusState
from tests.paper import CONFIG, E2E, STAGING, Paper, digest, values

BRANCH = "promobot/staging/api"
TWO = {"groups": ["sre"], "users": ["Ann"], "required": 2}
GOOD = CommitStatus(StatusState.SUCCESS, "1 image found in registry staging")


def waits(text: str) -> CommitStatus:
    return CommitStatus(StatusState.PENDING, text)


def configured_on(kind: str, approvers: dict[str, object], **staging: object) -> Config:
    """The usual configuration, where its forge knows approvals."""
    said = CONFIG.model_dump(by_alias=True)
    said["forges"] = {"local": {"type": kind, "url": "https://forge.example.com", "token_env": "TOKEN"}}
    for environment in said["environments"]:
        environment["repository"] = {"forge": "local", "project": "shop/gitops"}
    for name, value in {"approvers": approvers, **staging}.items():
        said["environments"][1][name] = value
    return Config.model_validate(said)


GITLAB, GITHUB = (configured_on(kind, TWO) for kind in ("gitlab", "github"))


@pytest.fixture
def paper() -> Paper:
    """1.1.3 is due."""
    tree = {"apps/api/e2e/values.yaml": values(E2E, "1.1.3"), "apps/api/staging/values.yaml": values(STAGING, "1.1.2")}
    tags = {("e2e", "shop/api", "1.1.3"): digest(2), ("staging", "shop/api", "1.1.2"): digest(1)}
    return Paper(trees={"m1": tree}, tags=tags, members={"sre": frozenset({"bob", "cat"})})


def proposed(paper: Paper, config: Config = GITLAB) -> tuple[str, CommitStatus]:
    """Open it; its text, and what the status says then."""
    verdict = paper.verdict(config=config)
    paper.carry_out(verdict)
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    (request,) = paper.opened
    head = paper.heads[BRANCH]
    paper.opened = (replace(request, head=head),)
    (commit,) = paper.ahead["m1", head]
    paper.ahead["m1", head] = (replace(commit, paths=("apps/api/staging/values.yaml",)),)
    return opening.draft.body, paper.statuses[head]


def said_next(paper: Paper, config: Config = GITLAB) -> CommitStatus:
    """What the status says after one more pass; what follows from it alone is done by another, and then nothing."""
    for _ in range(2):
        plan = paper.plan(config=config)
        for verdict in plan.verdicts:
            assert verdict.standing in {Standing.PROPOSED, Standing.BLOCKED}
            paper.carry_out(verdict)
        for item in plan.upkeep:
            assert item.step is not None
            assert {SetStatus, UpdateRequest}.issuperset(map(type, item.step.actions))
            paper.carry_out(item)
    assert paper.plan(config=config).steps == ()
    return paper.statuses[paper.heads[BRANCH]]


def test_approvers_that_are_corrected_later_are_told_and_waited_for_and_asked_by_hand(paper: Paper) -> None:
    """Who was asked may have been taken off the list by people, which nothing tells from never having been asked."""
    proposed(paper)
    corrected = configured_on("gitlab", {"users": ["dan"]})
    verdict = paper.verdict(config=corrected)
    assert verdict.step is not None
    (edit,) = verdict.step.actions
    assert isinstance(edit, UpdateRequest)
    assert "- Needs 1 approval of `dan`. " in edit.body
    paper.carry_out(verdict)
    assert said_next(paper, corrected) == waits("0 of 1 approval of dan")


def settled(paper: Paper, config: Config = GITLAB) -> CommitStatus:
    """What the status says when nothing is left to be done."""
    while steps := paper.plan(config=config).steps:
        for step in steps:
            for action in step.actions:
                if isinstance(action, SetStatus):
                    paper.statuses[action.commit or paper.heads[BRANCH]] = action.status
        paper.carry_out(paper.verdict(config=config))
    return paper.statuses[paper.heads[BRANCH]]


def test_the_status_says_how_many_are_missing_until_they_are_given(paper: Paper) -> None:
    body, status = proposed(paper)
    assert status == waits("0 of 2 approvals of sre and Ann")
    why = "The forge doesn't ask for them: promobot's status stays pending until they are there."
    assert f"- Needs 2 approvals of @sre, `Ann`. {why}\n" in body
    assert said_next(paper) == status
    paper.approvals[1] = ("BOB",)
    assert said_next(paper) == waits("1 of 2 approvals of sre and Ann")
    paper.approvals[1] = ("bob", "ann")
    assert said_next(paper) == GOOD
    paper.approvals[1] = ("ann",)
    assert said_next(paper) == waits("1 of 2 approvals of sre and Ann")


def test_only_those_named_count_and_never_who_opened_it(paper: Paper) -> None:
    proposed(paper)
    paper.approvals[1] = ("eve", "promobot", "bob")
    paper.members["sre"] |= {"promobot"}
    assert said_next(paper) == waits("1 of 2 approvals of sre and Ann")


def test_who_ran_promobot_by_another_account_gets_no_other_status(paper: Paper) -> None:
    """A laptop proposes, and a schedule looks after it: both say the same, and the one who opened it doesn't count."""
    proposed(paper)
    (request,) = paper.opened
    paper.opened = (replace(request, ours=False, author="bob"),)
    paper.statuses.clear()
    assert said_next(paper) == waits("0 of 2 approvals of sre and Ann")
    paper.approvals[1] = ("bob", "ann")
    assert said_next(paper) == waits("1 of 2 approvals of sre and Ann")
    paper.approvals[1] = ("cat", "ann")
    assert said_next(paper) == GOOD


def test_groups_are_looked_up_only_where_it_matters(paper: Paper) -> None:
    proposed(paper)
    assert [question for question in paper.asked if isinstance(question, Members)]
    paper.opened = (replace(paper.opened[0], reviewers=("bob",)),)
    paper.approvals[1] = ("ann",)
    paper.asked.clear()
    said_next(paper)
    assert not [question for question in paper.asked if isinstance(question, Members)]


def test_a_group_without_anybody_is_told_until_somebody_is_asked(paper: Paper) -> None:
    del paper.members["sre"]
    why = ("forge work: 404",)
    for verdict in (paper.verdict(config=GITHUB), paper.verdict(config=CONFIG)):  # they ask teams, or nobody
        assert verdict.promotion is not None
        assert verdict.promotion.warnings == ()
    verdict = paper.verdict(config=GITLAB)
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == why
    body, _ = proposed(paper)
    assert why[0] not in body
    verdict = paper.verdict(config=GITLAB)
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == why
    paper.opened = (replace(paper.opened[0], reviewers=("cat",)),)
    verdict = paper.verdict(config=GITLAB)
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == ()


def test_who_can_t_be_told_is_nobody(paper: Paper) -> None:
    proposed(paper)
    paper.members.clear()
    paper.approvals[1] = ("bob", "cat")
    assert said_next(paper) == waits("2 approvals are needed, and who is of sre isn't known")


def test_who_is_of_a_group_doesn_t_matter_where_the_users_are_enough(paper: Paper) -> None:
    config = configured_on("gitlab", {**TWO, "required": 1})
    proposed(paper, config)
    paper.members.clear()
    paper.opened = (replace(paper.opened[0], reviewers=("cat",)),)
    paper.approvals[1] = ("bob",)
    assert said_next(paper, config) == waits("1 approval is needed, and who is of sre isn't known")
    paper.approvals[1] = ("bob", "ann")
    paper.asked.clear()
    assert said_next(paper, config) == GOOD
    assert not [question for question in paper.asked if isinstance(question, Members)]


def test_a_missing_image_is_told_before_a_missing_approval(paper: Paper) -> None:
    proposed(paper)
    del paper.tags["staging", "shop/api", "1.1.3"]
    paper.tags["staging", "shop/api", "1.1.3"] = digest(2)
    paper.unreachable = frozenset({"staging"})
    (item,) = paper.plan(config=GITLAB).upkeep
    assert item.step is not None
    (action,) = item.step.actions
    assert isinstance(action, SetStatus)
    assert action.status == waits("registry staging: connection refused")


def test_an_image_that_is_copied_again_approves_nothing(paper: Paper) -> None:
    proposed(paper)
    del paper.tags["staging", "shop/api", "1.1.3"]
    (step,) = paper.plan(config=GITLAB).steps
    said = [action.status for action in step.actions if isinstance(action, SetStatus)]
    assert said[0] == waits("promobot copies what it names")
    assert said[-1] == waits("0 of 2 approvals of sre and Ann")


@pytest.mark.parametrize(
    ("of", "required", "enough"),
    [
        (Reviewers(("SRE",)), 2, True),
        (Reviewers(("sre",), ("ann",)), 3, True),
        (Reviewers(("sre",)), 1, False),
        (Reviewers(("sre", "dev")), 2, False),
        (Reviewers(), 2, False),
    ],
)
def test_a_rule_of_the_project_is_as_good(paper: Paper, of: Reviewers, required: int, enough: bool) -> None:  # noqa: FBT001
    paper.protection = BranchProtection((ApprovalRule("project rule sre", required, of),))
    body, status = proposed(paper)
    assert (status == GOOD) is enough
    found = "- Needs 2 approvals of @sre, `Ann`, which `project rule sre` makes sure of.\n"
    assert (found in body) is enough
    nearest = f"The forge doesn't ask for them (`project rule sre asks for {required} of "
    assert (nearest in body) is not enough
    if enough:
        paper.asked.clear()
        assert said_next(paper) == GOOD
        assert not [question for question in paper.asked if isinstance(question, Approvals)], "that isn't asked"


@pytest.mark.parametrize("required", [True, False])
def test_owners_of_code_are_as_good_where_they_must_approve(paper: Paper, required: bool) -> None:  # noqa: FBT001
    paper.trees["m1"][".gitlab/CODEOWNERS"] = b"[Production][2]\n/apps/*/staging/ @sre\n"
    paper.protection = BranchProtection(owners=required)
    body, status = proposed(paper)
    assert (status == GOOD) is required
    assert (", which `CODEOWNERS` makes sure of.\n" in body) is required


@pytest.mark.parametrize("pattern", ["/apps/*/staging/", "/apps/api/staging/"])
def test_each_manifest_has_to_be_owned(paper: Paper, pattern: str) -> None:
    for service, environment in (("web", E2E), ("web", STAGING)):
        folder, tag = ("e2e", "1.1.3") if environment == E2E else ("staging", "1.1.2")
        content = values(environment, tag, repository="shop/web")
        paper.trees["m1"][f"apps/{service}/{folder}/values.yaml"] = content
    paper.trees["m1"][".gitlab/CODEOWNERS"] = f"[Production][2]\n{pattern} @sre\n".encode()
    paper.tags["e2e", "shop/web", "1.1.3"] = digest(2)
    paper.protection = BranchProtection(owners=True)
    config = configured_on("gitlab", TWO).model_copy(update={"services": (ServiceRule(match=("*",), group="shop"),)})
    verdict = paper.verdict("shop", config=config)
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert (", which `CODEOWNERS` makes sure of.\n" in opening.draft.body) is ("*" in pattern)


@pytest.mark.parametrize(("owner", "found"), [("@web", "CODEOWNERS"), ("@sre", "")])
def test_a_manifest_has_to_be_owned_by_approvers_of_its_own_service(owner: str, found: str) -> None:
    environment = GITLAB.environment("staging")
    rule = ServiceRule(match=("web",), approvers=Approvers(groups=("web",)))
    rev = Rev(environment.repository.repository, "m1")
    lines = f"[Production][2]\n/apps/api/staging/ @sre\n[Web]\n/apps/web/staging/ {owner}\n".encode()
    codeowners = File(".gitlab/CODEOWNERS", "100644", lines)
    facts = Facts(
        {
            Files(rev, GITLAB.forges["local"].codeowners): Found((codeowners,)),
            Protection(rev.repository, "main"): Found(BranchProtection(owners=True)),
        }
    )
    places = {f"apps/{service}/staging/values.yaml": service for service in ("api", "web")}
    config = GITLAB.model_copy(update={"services": (rule,)})
    assert [one.by for one in assurances(Ask(facts), config, rev, environment, places)] == ["CODEOWNERS", found]


def test_owners_of_code_are_one_approval_on_github(paper: Paper) -> None:
    paper.trees["m1"][".github/CODEOWNERS"] = b"/apps/ @shop/sre\n"
    paper.protection = BranchProtection((ApprovalRule("branch protection", 2),), owners=True)
    _, status = proposed(paper, GITHUB)
    assert status == waits("0 of 2 approvals of sre and Ann")
    fresh = Paper(trees={"m1": paper.trees["m1"]}, tags=paper.tags, protection=paper.protection)
    assert proposed(fresh, configured_on("github", {"groups": ["sre"], "required": 1}))[1] == GOOD


def test_what_lists_tell_of_approvals_isn_t_asked_again(paper: Paper) -> None:
    """GitHub's do; and what protects a branch there is asked only where owners of code would do."""
    proposed(paper, GITHUB)
    (request,) = paper.opened
    paper.opened = (replace(request, approvals=("bob", "cat")),)
    assert said_next(paper, GITHUB) == GOOD
    assert not [question for question in paper.asked if isinstance(question, Approvals | Protection)]


def test_what_the_forge_doesn_t_tell_is_waited_for(paper: Paper) -> None:
    paper.protection = None
    body, status = proposed(paper)
    assert status == waits("0 of 2 approvals of sre and Ann")
    assert ". promobot's status stays pending until they are there, whatever the forge asks for." in body


def test_what_nobody_looked_at_is_not_said_to_be_absent(paper: Paper) -> None:
    body, status = proposed(paper, GITHUB)
    assert status == waits("0 of 2 approvals of sre and Ann")
    assert not [question for question in paper.asked if isinstance(question, Protection)]
    assert ". promobot's status stays pending until they are there, whatever the forge asks for." in body


@pytest.mark.parametrize("owners", [True, False])
def test_owners_of_code_that_could_not_be_read_are_not_known(*, owners: bool) -> None:
    environment = GITLAB.environment("staging")
    rev = Rev(environment.repository.repository, "m1")
    facts = Facts(
        {
            Files(rev, GITLAB.forges["local"].codeowners): Unknown(GitError("cannot fetch m1", hint="try again")),
            Protection(rev.repository, "main"): Found(BranchProtection(owners=owners)),
        }
    )
    (found,) = assurances(Ask(facts), GITLAB, rev, environment, {"apps/api/staging/values.yaml": "api"})
    assert (found.by, found.known, found.why) == ("", not owners, "cannot fetch m1" if owners else "")


@pytest.mark.parametrize("approvers", [{"groups": ["sre"], "required": 0}, {"required": 2}])
def test_nothing_is_asked_where_nobody_has_to_approve(paper: Paper, approvers: dict[str, object]) -> None:
    body, status = proposed(paper, configured_on("gitlab", approvers))
    assert status == GOOD
    assert ("- For @sre to review." in body) is ("groups" in approvers)
    assert not [question for question in paper.asked if isinstance(question, Protection)]


def test_what_is_pushed_may_end_approvals_so_the_next_pass_looks_again(paper: Paper) -> None:
    proposed(paper, GITHUB)
    (request,) = paper.opened
    paper.opened = (replace(request, approvals=("bob", "cat")),)
    assert said_next(paper, GITHUB) == GOOD
    paper.trees["m1"]["apps/api/e2e/values.yaml"] = values(E2E, "1.1.4")
    paper.tags["e2e", "shop/api", "1.1.4"] = digest(3)
    step = paper.verdict(config=GITHUB).step
    assert step is not None
    said = [action.status for action in step.actions if isinstance(action, SetStatus)]
    assert said[-1] == waits("0 of 2 approvals of sre and Ann")


@pytest.mark.parametrize("ended", ["a rule", "the configuration"])
def test_what_has_to_be_waited_for_no_more_is_not(paper: Paper, ended: str) -> None:
    proposed(paper)
    config = GITLAB
    if ended == "a rule":
        paper.protection = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    else:
        config = configured_on("gitlab", {**TWO, "required": 0})
    assert said_next(paper, config) == GOOD
    assert "promobot-waits" not in paper.opened[0].body
    # And back: what must be waited for again is.
    paper.protection = BranchProtection()
    assert said_next(paper) == waits("0 of 2 approvals of sre and Ann")


def test_what_has_to_be_waited_for_no_more_is_not_while_something_newer_waits(paper: Paper) -> None:
    config = configured_on("gitlab", TWO, supersede="wait")
    proposed(paper, config)
    paper.trees["m1"]["apps/api/e2e/values.yaml"] = values(E2E, "1.1.4")
    paper.tags["e2e", "shop/api", "1.1.4"] = digest(3)
    assert said_next(paper, config) == waits("0 of 2 approvals of sre and Ann")
    paper.protection = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    assert said_next(paper, config) == GOOD
    assert "promobot-waits" not in paper.opened[0].body


def test_that_nothing_has_to_be_waited_for_is_said_once_and_before_the_text_forgets_it(paper: Paper) -> None:
    proposed(paper)
    paper.protection = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    (step,) = paper.plan(config=GITLAB).steps
    assert [type(action) for action in step.actions] == [SetStatus, UpdateRequest]


def test_what_people_made_of_the_text_waits_no_longer_than_any(paper: Paper) -> None:
    ruled = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    paper.protection = ruled
    assert proposed(paper)[1] == GOOD
    (request,) = paper.opened
    paper.opened = (replace(request, body=request.body.replace("From `e2e`", "From our dear `e2e`")),)
    for protection, status in ((BranchProtection(), waits("0 of 2 approvals of sre and Ann")), (ruled, GOOD)):
        paper.protection = protection
        assert said_next(paper) == status
    assert "promobot-waits" not in paper.opened[0].body


def test_nothing_is_read_of_it_where_nothing_is_proposed(paper: Paper) -> None:
    paper.trees["m1"]["apps/api/staging/values.yaml"] = values(STAGING, "1.1.3")
    paper.tags["staging", "shop/api", "1.1.3"] = digest(2)
    assert paper.plan(config=GITLAB).steps == ()
    looked = [question for question in paper.asked if isinstance(question, Files) and "CODEOWNERS" in question.patterns]
    assert not [question for question in paper.asked if isinstance(question, Protection)] + looked


def test_a_merge_request_has_a_rule_of_its_own_where_that_is_wanted(paper: Paper) -> None:
    def rules(**approvers: object) -> tuple[ApprovalRule, ...]:
        step = paper.verdict(config=configured_on("gitlab", {**TWO, **approvers})).step
        assert step is not None
        (opening,) = [action for action in step.actions if isinstance(action, OpenRequest)]
        return opening.draft.rules

    assert rules() == ()
    assert rules(rule=True) == (ApprovalRule("promobot: sre and Ann", 2, Reviewers(("sre",), ("Ann",))),)
    assert rules(rule=True, required=0) == ()


def test_what_is_merged_by_itself_waits_for_those_named(paper: Paper) -> None:
    config = configured_on("gitlab", TWO, merge="auto")
    proposed(paper, config)
    paper.approvals[1] = ("eve", "dan", "bob")
    verdict = paper.verdict(config=config)
    assert (verdict.step, verdict.note) == (None, "1 of 2 approvals of sre and Ann")
    paper.approvals[1] = ("cat", "bob")
    step = paper.verdict(config=config).step
    assert step is not None
    assert [type(action) for action in step.actions] == [Merge]
    assert Guard(Approvals(step.repository, 1), Found(("cat", "bob"))) in step.guards, "who approves is asked again"


def test_what_is_approved_no_more_is_held(paper: Paper) -> None:
    """The forge merges it when its pipeline has succeeded, which may take longer than somebody's mind is made up."""
    config = configured_on("gitlab", TWO, merge="auto")
    proposed(paper, config)
    (request,) = paper.opened
    paper.approvals[1] = ("cat", "bob")
    paper.opened = (replace(request, auto_merge_by="promobot"),)
    assert paper.verdict(config=config).step is None
    paper.approvals[1] = ("bob",)
    step = paper.verdict(config=config).step
    assert step is not None
    assert step.actions == (HoldMerge(step.repository, 1),)
    paper.opened = (replace(request, auto_merge_by="ann"),)
    assert paper.verdict(config=config).step is None, "what she says is hers to say"


def test_what_couldn_t_be_told_for_a_while_is_waited_for_no_more(paper: Paper) -> None:
    """By the text alone a pass knows that a status waits, so it is told of there whoever has approved by then."""
    rule = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    paper.protection = rule
    assert proposed(paper)[1] == GOOD
    paper.approvals[1] = ("bob",)
    for meanwhile in (None, BranchProtection()):
        paper.protection = meanwhile
        assert settled(paper) == waits("1 of 2 approvals of sre and Ann")
        paper.protection = rule
        assert settled(paper) == GOOD


def test_what_waits_is_told_in_a_text_that_is_a_person_s_too(paper: Paper) -> None:
    rule = BranchProtection((ApprovalRule("project rule sre", 2, Reviewers(("sre",))),))
    paper.protection = rule
    proposed(paper)
    (request,) = paper.opened
    paper.opened = (replace(request, body=request.body.replace(" makes sure of.", " makes sure of anything.")),)
    paper.approvals[1] = ("bob",)
    paper.protection = None
    assert settled(paper) == waits("1 of 2 approvals of sre and Ann")
    paper.protection = rule
    assert settled(paper) == GOOD
    assert "makes sure of anything" in paper.opened[0].body
    assert paper.opened[0].body.count("<!-- promobot staging/api ") == 1
