"""How merge requests are opened: what `merge_requests` says, and what branches are called."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bot.config import Config
from bot.config.references import broken_references
from bot.decide import Intent
from bot.plan import CloseRequest, DeleteBranch, OpenRequest, Plan, PushBranch
from bot.repositories import MergeRequest, RequestDraft, RequestState
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values


@pytest.fixture
def paper() -> Paper:
    """Two services, each with something due."""
    tree = {}
    for service in ("cart", "till"):
        tree[f"apps/{service}/e2e/values.yaml"] = values(E2E, "1.1.3", repository=f"shop/{service}")
        tree[f"apps/{service}/staging/values.yaml"] = values(STAGING, "1.1.2", repository=f"shop/{service}")
    return Paper(
        trees={"m1": tree}, tags={("e2e", f"shop/{service}", "1.1.3"): digest(2) for service in ("cart", "till")}
    )


def drafts(plan: Plan) -> dict[str, RequestDraft]:
    """Those that are opened, by their unit."""
    return {
        step.unit.name: action.draft
        for step in plan.steps
        for action in step.actions
        if isinstance(action, OpenRequest)
    }


def test_by_itself_it_has_two_labels_and_is_no_draft(paper: Paper) -> None:
    draft = drafts(paper.plan())["cart"]
    assert (draft.labels, draft.draft, draft.assignees) == (("promobot", "to-staging"), False, ())


POLICY = {"labels": ["release", "promobot"], "draft": True, "assignee": "ann"}


def test_what_an_environment_says_and_a_rule_for_services_says_otherwise(paper: Paper) -> None:
    rule = {"match": "till", "merge_requests": {"assignee": "trigger"}}
    found = drafts(paper.plan(config=configured(staging={"merge_requests": POLICY}, services=[rule])))
    cart, till = found["cart"], found["till"]
    assert (cart.labels, cart.draft, cart.assignees) == (("promobot", "to-staging", "release"), True, ("ann",))
    assert (till.labels, till.draft, till.assignees) == (("promobot", "to-staging"), False, ("trigger",))


def test_what_is_locked_no_rule_says_otherwise(paper: Paper) -> None:
    rule = {"match": "till", "merge_requests": {"assignee": "bob"}}
    config = configured(staging={"merge_requests": POLICY, "lock": ["merge_requests"]}, services=[rule])
    assert drafts(paper.plan(config=config))["till"].assignees == ("ann",)


def test_several_services_have_what_is_said_of_each(paper: Paper) -> None:
    rules = [
        {"match": "cart", "merge_requests": {"labels": ["cart"], "assignee": "ann"}},
        {"match": "till", "merge_requests": {"labels": ["till"], "draft": True, "assignee": "bob"}},
    ]
    draft = drafts(paper.plan(config=configured(services=[*rules, {"match": "*", "group": "shop"}])))["shop"]
    assert (draft.labels[2:], draft.draft, draft.assignees) == (("cart", "till"), True, ("ann", "bob"))


@pytest.mark.parametrize("label", ["", " ", "a,b", "x" * 51])
def test_what_no_forge_takes_for_a_label(label: str) -> None:
    with pytest.raises(ValidationError, match="is no label"):
        configured(staging={"merge_requests": {"labels": [label]}})


# --- branches -------------------------------------------------------------------------------------------


def prefixed(prefix: str, **staging: object) -> Config:
    repository = {"forge": "local", "project": "shop/gitops", "branches": f"{prefix}/{{environment}}/{{unit}}"}
    return configured(staging={"repository": repository, **staging})


def test_branches_are_called_as_the_repository_wants_them(paper: Paper) -> None:
    config = prefixed("ops-12/promobot")
    plan = paper.plan(config=config)
    pushed = [action.branch for step in plan.steps for action in step.actions if isinstance(action, PushBranch)]
    assert pushed == ["ops-12/promobot/staging/cart", "ops-12/promobot/staging/till"]
    assert drafts(plan)["cart"].source_branch == pushed[0]
    for verdict in plan.verdicts:
        paper.carry_out(verdict)
    assert paper.plan(config=config).steps == ()


def test_together_too(paper: Paper) -> None:
    config = prefixed("ops")
    intent = Intent(("cart", "till"), together="+spring")
    plan = paper.plan(intent=intent, config=config)
    (verdict,) = plan.verdicts
    paper.carry_out(verdict)
    assert drafts(plan)["+spring"].source_branch == "ops/staging/+spring"
    again = paper.plan(config=config)
    assert [verdict.unit.name for verdict in again.verdicts] == ["+spring"]
    assert again.steps == ()


def test_what_nothing_stands_behind_is_found_by_its_name(paper: Paper) -> None:
    for branch in ("ops/staging/gone", "promobot/staging/gone"):
        paper.heads[branch] = branch
        paper.ahead["m1", branch] = (commit(branch, Promotion="staging/gone"),)
    ends = "main", "head", RequestState.OPEN, "url", "promobot"
    paper.opened = tuple(
        MergeRequest(number, "t", "b", branch, *ends, ours=True)
        for number, branch in enumerate(("ops/staging/gone", "promobot/staging/gone"), 1)
    )
    (item,) = paper.plan(config=prefixed("ops")).upkeep
    assert item.step is not None
    close, delete = item.step.actions
    assert isinstance(close, CloseRequest)
    assert isinstance(delete, DeleteBranch)
    assert (close.number, delete.branch) == (1, "ops/staging/gone")


@pytest.mark.parametrize("prefix", ["/x", "x/", "a..b", "a b", "a+b", ""])
def test_what_no_branch_can_begin_with(prefix: str) -> None:
    with pytest.raises(ValidationError, match=r"no branch can be called|no plus"):
        prefixed(prefix)


def test_people_are_told_where_branches_would_be_taken_for_another_environments() -> None:
    given: dict[str, Any] = configured().model_dump(by_alias=True, exclude_unset=True)
    staging = given["environments"][1]
    repository = {**staging["repository"], "branches": "promobot/staging/{environment}/{unit}"}
    prod = {**staging, "name": "prod", "paths": ["apps/{service}/prod/values.yaml"], "repository": repository}
    config = Config.model_validate({**given, "environments": [*given["environments"], prod]})
    ((place, words),) = broken_references(config)
    assert place == ("environments", 2, "repository", "branches")
    assert words == (
        "branches called promobot/staging/prod/… could be promotions of environment staging, "
        "which are called promobot/staging/…"
    )
