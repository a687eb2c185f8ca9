"""Which services go together, which way each takes through the environments, and what rules change of that."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.errors import ExitCode, RegistryError
from bot.plan import PushBranch, Standing, Verdict
from bot.questions import Answer, Location, Question, TagDigest, Unknown
from bot.repositories import MergeRequest, RequestState
from tests.paper import Paper, commit, digest

SERVICES = ("cart", "pay-api", "pay-web")


def registry(environment: str) -> str:
    return f"registry-{environment}.example.com"


def manifest(environment: str, service: str, tag: str) -> bytes:
    return f"image: {registry(environment)}/shop/{service}:{tag}\n".encode()


def chain(*environments: dict[str, Any], **more: object) -> Config:
    """Environments of one repository, each with a registry of its own, and other keys of the configuration."""
    return Config.model_validate(
        {
            "forges": {"local": {"type": "local", "path": "."}},
            "registries": {env["name"]: {"url": registry(env["name"])} for env in environments},
            "environments": [
                {
                    "repository": {"forge": "local", "project": "shop/gitops"},
                    "paths": [f"apps/{{service}}/{env['name']}.yaml"],
                    "registry": env["name"],
                    **env,
                }
                for env in environments
            ],
            **more,
        }
    )


THREE = ({"name": "e2e"}, {"name": "staging", "from": "e2e"}, {"name": "prod", "from": "staging"})


def world(**tags: str) -> Paper:
    """Every service runs these tags, by environment; all images are where they are named."""
    tree = {
        f"apps/{service}/{env}.yaml": manifest(env, service, tag) for service in SERVICES for env, tag in tags.items()
    }
    there = {(env, f"shop/{service}", tag): digest(1) for service in SERVICES for env, tag in tags.items()}
    return Paper(trees={"m1": tree}, tags=there)


def by_unit(paper: Paper, config: Config, *services: str) -> dict[tuple[str, str], Verdict]:
    return {(v.target, v.unit.name): v for v in paper.plan(*services, config=config).verdicts}


def reason(verdict: Verdict) -> str:
    assert verdict.blocked is not None, verdict
    return verdict.blocked.reason


# --- gaps -----------------------------------------------------------------------------------------------


def test_a_service_that_is_missing_in_the_middle_is_told_of() -> None:
    """Unasked it holds nobody up; who asks for it is refused. What prod alone has is its own affair."""
    paper = world(e2e="3", staging="2", prod="1")
    del paper.trees["m1"]["apps/cart/staging.yaml"]
    paper.trees["m1"]["apps/ingress/prod.yaml"] = manifest("prod", "ingress", "1")
    found = by_unit(paper, chain(*THREE))
    why = "staging has no manifest of cart, so nothing brings it from e2e to prod"
    assert (found["prod", "cart"].standing, found["prod", "cart"].note) == (Standing.OUTSIDE, why)
    assert ("prod", "ingress") not in found
    for intent in (Intent(("cart",), ("prod",)), Intent(("cart",))):
        *_, asked = paper.plan(config=chain(*THREE), intent=intent).verdicts
        assert (asked.standing, reason(asked)) == (Standing.BLOCKED, why)
    (ours,) = [one for one in paper.plan(config=chain(*THREE), intent=Intent(targets=("prod",))).verdicts if one.note]
    assert ours.note == why


def test_what_is_skipped_is_no_gap() -> None:
    paper = world(e2e="3", prod="1")
    config = chain(*THREE, services=[{"match": "*", "skip": ["staging"]}])
    paper.trees["m1"]["apps/x/staging.yaml"] = manifest("staging", "x", "1")
    assert [one.note for one in paper.plan("cart", config=config).verdicts] == [""]


# --- rules ----------------------------------------------------------------------------------------------


def test_a_service_that_skips_an_environment_comes_from_the_one_before() -> None:
    config = chain(*THREE, services=[{"match": "pay-*", "skip": ["staging"]}])
    found = by_unit(world(e2e="3", staging="2", prod="1"), config)
    assert set(found) == {
        ("staging", "cart"),
        ("prod", "cart"),
        ("prod", "pay-api"),
        ("prod", "pay-web"),
    }
    promotion = found["prod", "pay-api"].promotion
    assert promotion is not None
    assert [(move.origin.environment, move.tag) for move in promotion.moves] == [("e2e", "3")]


def test_a_service_has_other_names_in_other_environments() -> None:
    config = chain(*THREE[:2], services=[{"match": "pay-*", "names": {"staging": "{service}-live"}}])
    paper = world(e2e="2")
    for service in ("pay-api", "pay-web"):
        paper.trees["m1"][f"apps/{service}-live/staging.yaml"] = manifest("staging", service, "1")
    found = by_unit(paper, config)
    assert found["staging", "pay-api"].standing is Standing.DUE
    assert found["staging", "cart"].standing is Standing.OUTSIDE
    (only,) = by_unit(paper, config, "pay-web").values()
    assert only.standing is Standing.DUE


@pytest.mark.parametrize(
    "rest", [{}, {"match": "*", "names": {"staging": "{service}-live"}}], ids=["its own", "by rule"]
)
@pytest.mark.parametrize("named", [(), ("cart",)], ids=["all", "by name"])
def test_what_only_could_be_a_service_s_by_its_name_is_left_alone(
    rest: dict[str, object], named: tuple[str, ...]
) -> None:
    """Staging calls it till, so neither `cart` there nor `cart-live` is its manifest."""
    rules = [*([rest] if rest else []), {"match": "cart", "names": {"staging": "till"}}]
    paper = world(e2e="2", staging="1")
    for name in ("till", "cart", "cart-live"):
        paper.trees["m1"][f"apps/{name}/staging.yaml"] = manifest("staging", "cart", "1")
    promotion = by_unit(paper, chain(*THREE[:2], services=rules), *named)["staging", "cart"].promotion
    assert promotion is not None
    assert [move.path for move in promotion.moves] == ["apps/till/staging.yaml"]


def test_the_last_rule_counts_and_a_lock_is_stronger() -> None:
    rules = [
        {"match": "*", "tag": "{major}", "promote": "auto"},
        {"match": "pay-*", "tag": "same"},
        {"match": "pay-web", "environments": ["e2e"], "tag": "{minor}"},
    ]
    config = chain(THREE[0], {**THREE[1], "lock": ["promote"]}, services=rules)
    assert config.settings("staging", "cart").tag.to == "{major}"
    assert config.settings("staging", "pay-web").tag.to == "same"
    assert config.settings("staging", "pay-web").promote == "manual"
    assert config.settings("e2e", "pay-web").promote == "auto"


def test_several_placeholders_make_up_the_name() -> None:
    config = chain(
        {"name": "e2e", "paths": ["e2e/{team}/{service}.yaml"], "exclude": ["e2e/old/**"]},
        {"name": "prod", "from": "e2e", "paths": ["prod/{team}/{service}/{service}.yaml"]},
    )
    paper = world()
    paper.trees["m1"] = {
        "e2e/pay/api.yaml": manifest("e2e", "pay-api", "2"),
        "e2e/old/api.yaml": manifest("e2e", "pay-api", "2"),
        "prod/pay/api/api.yaml": manifest("prod", "pay-api", "1"),
        "prod/pay/api/other.yaml": manifest("prod", "pay-api", "1"),
    }
    paper.tags["e2e", "shop/pay-api", "2"] = digest(1)
    for found in (by_unit(paper, config), by_unit(paper, config, "pay-api")):
        ((key, verdict),) = found.items()
        assert key == ("prod", "pay-api")
        assert verdict.promotion is not None
        assert [move.path for move in verdict.promotion.moves] == ["prod/pay/api/api.yaml"]


# --- several sources ------------------------------------------------------------------------------------

FORK = (
    {"name": "e2e"},
    {"name": "eu", "from": "e2e"},
    {"name": "us", "from": "e2e"},
    {"name": "prod", "from": ["eu", "us"]},
)


def test_of_several_sources_all_must_run_the_same() -> None:
    config = chain(*FORK)
    paper = world(eu="2", us="2", prod="1", e2e="2")
    assert by_unit(paper, config)["prod", "cart"].standing is Standing.DUE
    paper.trees["m1"]["apps/cart/us.yaml"] = manifest("us", "cart", "1")
    paper.tags["us", "shop/cart", "1"] = digest(5)
    found = by_unit(paper, config)
    assert "eu runs cart 2 (" in reason(found["prod", "cart"])
    assert "us runs cart 1 (" in reason(found["prod", "cart"])
    assert found["prod", "pay-api"].standing is Standing.DUE


def test_the_same_tag_with_another_digest_is_not_the_same() -> None:
    paper = world(eu="2", us="2", prod="1", e2e="2")
    paper.tags["us", "shop/cart", "2"] = digest(5)
    assert "but us runs cart 2" in reason(by_unit(paper, chain(*FORK))["prod", "cart"])


def test_a_source_without_the_service_has_no_say() -> None:
    paper = world(eu="2", us="2", prod="1", e2e="2")
    del paper.trees["m1"]["apps/cart/eu.yaml"]
    assert by_unit(paper, chain(*FORK))["prod", "cart"].standing is Standing.DUE


# --- groups ---------------------------------------------------------------------------------------------

GROUP = {"services": [{"match": "pay-*", "group": "pay"}]}


@pytest.mark.parametrize("named", [(), ("pay",), ("pay-web",)])
def test_a_group_is_one_unit_however_it_is_named(named: tuple[str, ...]) -> None:
    found = by_unit(world(e2e="2", staging="1"), chain(*THREE[:2], **GROUP), *named)
    assert set(found) - {("staging", "cart")} == {("staging", "pay")}
    verdict = found["staging", "pay"]
    assert verdict.unit.services == ("pay-api", "pay-web")
    assert verdict.step is not None
    (push,) = [action for action in verdict.step.actions if isinstance(action, PushBranch)]
    assert push.branch == "promobot/staging/pay"
    assert [file.path for file in push.files] == ["apps/pay-api/staging.yaml", "apps/pay-web/staging.yaml"]


@pytest.mark.parametrize("named", [(), ("cart",), ("pay-web",)])
def test_a_service_that_is_called_like_a_group_does_not_join_it(named: tuple[str, ...]) -> None:
    config = chain(*THREE[:2], services=[{"match": "pay-*", "group": "cart"}])
    plan = world(e2e="2", staging="1").plan(*named, config=config)
    (verdict,) = plan.verdicts
    assert plan.steps == ()
    assert verdict.blocked is not None
    assert verdict.blocked.reason.startswith("cart is the name of a group and of a service outside that group")
    assert verdict.blocked.code is ExitCode.USAGE


def test_of_a_group_called_like_a_service_the_others_go_on() -> None:
    rules = [{"match": "pay-api", "group": "cart"}]
    found = by_unit(world(e2e="2", staging="1"), chain(*THREE[:2], services=rules))
    assert found["staging", "pay-web"].standing is Standing.DUE
    assert found["staging", "cart"].standing is Standing.BLOCKED


def test_a_group_may_be_called_like_one_of_its_own() -> None:
    rules = [{"match": ["cart", "pay-*"], "group": "cart"}]
    found = by_unit(world(e2e="2", staging="1"), chain(*THREE[:2], services=rules), "cart")
    assert found["staging", "cart"].unit.services == SERVICES


def taken(paper: Paper) -> Paper:
    """The target has pay-web's version already, with other bits."""
    paper.tags["staging", "shop/pay-web", "2"] = digest(9)
    return paper


def test_one_that_is_blocked_does_not_hold_the_others_of_its_group() -> None:
    found = by_unit(taken(world(e2e="2", staging="1")), chain(*THREE[:2], **GROUP))
    assert found["staging", "pay"].standing is Standing.DUE
    assert found["staging", "pay"].unit.services == ("pay-api",)
    assert found["staging", "pay-web"].standing is Standing.BLOCKED
    assert "version taken" in reason(found["staging", "pay-web"])


def propose(paper: Paper, *services: str) -> None:
    """The group's merge request is open, for version 2 of these."""
    paper.heads["promobot/staging/pay"] = "b1"
    images = [f"{registry('staging')}/shop/{service}:2@{digest(1)}" for service in services]
    sources = [f"e2e@x {registry('e2e')}/shop/{service}:2" for service in services]
    ours = commit("b1", Promotion="staging/pay", Promoted_Image=images, Promoted_From=sources)
    paper.ahead["m1", "b1"] = (ours,)
    paper.trees["b1"] = {f"apps/{service}/staging.yaml": manifest("staging", service, "2") for service in services}
    branch = "promobot/staging/pay"
    paper.opened = (MergeRequest(1, "t", "b", branch, "main", "b1", RequestState.OPEN, "url", "promobot", ours=True),)


class Unsure(Paper):
    """Whether pay-web's image is in e2e's registry can't be found out."""

    def answer(self, question: Question[Any]) -> Answer[Any]:
        match question:
            case TagDigest(Location("e2e", "shop/pay-web"), _):
                return Unknown(RegistryError("registry e2e: 503", hint="try later"))
            case _:
                return super().answer(question)


@pytest.mark.parametrize("merged", [False, True], ids=["due", "merged by hand"])
def test_what_is_proposed_is_not_taken_apart_because_something_is_not_known(*, merged: bool) -> None:
    paper = world(e2e="2", staging="1")
    paper = Unsure(trees=paper.trees, tags=paper.tags)
    propose(paper, "pay-api", "pay-web")
    if merged:
        paper.trees["m1"]["apps/pay-api/staging.yaml"] = manifest("staging", "pay-api", "2")
        paper.tags["staging", "shop/pay-api", "2"] = digest(1)
    found = by_unit(paper, chain(*THREE[:2], **GROUP))
    assert found["staging", "pay"].step is None
    assert reason(found["staging", "pay"]) == "pay waits for pay-web: registry e2e: 503"
    assert ("staging", "pay-web") not in found


@pytest.mark.parametrize("proposed", [(), ("pay-api",)], ids=["nothing", "the other"])
def test_what_is_not_known_holds_nothing_that_it_is_no_part_of(proposed: tuple[str, ...]) -> None:
    paper = world(e2e="2", staging="1")
    paper = Unsure(trees=paper.trees, tags=paper.tags)
    if proposed:
        propose(paper, *proposed)
    found = by_unit(paper, chain(*THREE[:2], **GROUP))
    assert found["staging", "pay"].unit.services == ("pay-api",)
    assert found["staging", "pay"].standing is Standing.DUE
    assert reason(found["staging", "pay-web"]) == "registry e2e: 503"


def test_unless_the_group_is_all_or_nothing() -> None:
    config = chain(*THREE[:2], **GROUP, groups={"pay": {"all_or_nothing": True}})
    found = by_unit(taken(world(e2e="2", staging="1")), config)
    assert found["staging", "pay"].step is None
    assert "pay waits for pay-web: version taken" in reason(found["staging", "pay"])
    assert ("staging", "pay-web") not in found


def test_a_service_that_isn_t_in_the_target_never_holds_its_group() -> None:
    paper = world(e2e="2", staging="1")
    del paper.trees["m1"]["apps/pay-web/staging.yaml"]
    found = by_unit(paper, chain(*THREE[:2], **GROUP, groups={"pay": {"all_or_nothing": True}}))
    assert found["staging", "pay"].standing is Standing.DUE
    assert found["staging", "pay-web"].standing is Standing.OUTSIDE


def test_a_group_of_which_nothing_can_go_says_why() -> None:
    paper = taken(world(e2e="2", staging="1"))
    paper.tags["staging", "shop/pay-api", "2"] = digest(9)
    found = by_unit(paper, chain(*THREE[:2], **GROUP))
    assert "version taken" in reason(found["staging", "pay"])
