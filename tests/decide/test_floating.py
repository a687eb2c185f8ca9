"""Floating tags: what they follow, that versions only go forward, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bot.config import Config, ServiceRule
from bot.errors import ExitCode
from bot.images import Digest
from bot.plan import MoveTag, Plan
from bot.questions import Changed, Location, TagDigest
from bot.repositories import Commit
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
PLACE = Location("staging", "shop/api")
OLD, NOW, NEWER = digest(1), digest(2), digest(3)
FLOATING = configured(staging={"floating_tags": ("{major}.{minor}", "{major}", "stable")})


@pytest.fixture
def paper() -> Paper:
    """Staging runs 1.4.2, as e2e does."""
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.4.2"), STAGING_FILE: values(STAGING, "1.4.2")}},
        tags={("e2e", "shop/api", "1.4.2"): NOW, ("staging", "shop/api", "1.4.2"): NOW},
    )


def set_tags(paper: Paper, **tags: Digest) -> None:
    """What staging's registry has: `v1_4` is 1.4."""
    paper.tags.update(
        {("staging", "shop/api", name.removeprefix("v").replace("_", ".")): d for name, d in tags.items()}
    )


def declare(paper: Paper, tag: str, bits: Digest, extra: str = "") -> None:
    """Both environments run this."""
    paper.trees["m1"] = {E2E_FILE: values(E2E, tag), STAGING_FILE: values(STAGING, tag, extra=extra)}
    paper.tags.update({("e2e", "shop/api", tag): bits, ("staging", "shop/api", tag): bits})


def recorded(*pairs: tuple[str, Digest]) -> Commit:
    """A commit that says what these tags of staging were."""
    return commit(
        "h1",
        Promoted_Image=[f"{STAGING}/shop/api:{tag}@{bits}" for tag, bits in pairs],
        Promoted_From=[f"e2e@c {E2E}/shop/api:{tag}" for tag, _ in pairs],
    )


def moves(plan: Plan) -> dict[str, tuple[Digest | None, Digest]]:
    """Every tag that moves: from where, to where."""
    actions = [action for item in plan.upkeep if item.step is not None for action in item.step.actions]
    assert all(isinstance(action, MoveTag) and action.location == PLACE for action in actions)
    return {action.tag: (action.expected, action.digest) for action in actions if isinstance(action, MoveTag)}


def reasons(plan: Plan) -> list[str]:
    return [item.blocked.reason for item in plan.upkeep if item.blocked is not None]


def test_they_are_made_and_moved_to_what_the_branch_names(paper: Paper) -> None:
    set_tags(paper, v1_4=OLD, v1_4_1=OLD, stable=OLD)
    plan = paper.plan(config=FLOATING)
    assert moves(plan) == {"1.4": (OLD, NOW), "1": (None, NOW), "stable": (OLD, NOW)}
    (item,) = plan.upkeep
    assert item.step is not None
    (guard,) = item.step.guards
    assert guard.question == Changed(item.step.repository, "main", "m1", (STAGING_FILE,))


def test_in_their_place_they_cost_one_look_each(paper: Paper) -> None:
    set_tags(paper, v1_4=NOW, v1=NOW, stable=NOW)
    plan = paper.plan(config=FLOATING)
    assert plan.upkeep == ()
    floating = FLOATING.settings("staging", "api").floating_tags
    before = Paper(trees=paper.trees, tags=paper.tags)
    before.plan()
    asked = [question for question in paper.asked if isinstance(question, TagDigest)]
    assert len(asked) == len([q for q in before.asked if isinstance(q, TagDigest)]) + len(floating)


def test_without_any_nothing_is_asked(paper: Paper) -> None:
    paper.plan()
    asked = list(paper.asked)
    paper.asked.clear()
    assert paper.plan(config=configured(staging={"promote": "manual"})).upkeep == ()
    assert paper.asked == asked


@pytest.mark.parametrize(
    ("declared", "leads_to", "moved"),
    [
        ("1.4.2", "1.4.1", {"1.4", "1"}),
        ("1.4.10", "1.4.9", {"1.4", "1"}),
        ("1.4.1", "1.4.2", set()),  # the branch was taken back: the tag stays with the highest
        ("2.0.0", "1.4.2", set()),  # 2.0 and 2 are new; none of 1 moves
        ("1.4.2-rc1", "1.4.1", set()),
        ("main-4f2c", "1.4.1", set()),
        ("v1.4.2", "1.4.1", {"1.4", "1"}),
    ],
)
@pytest.mark.parametrize("known_by", ["record", "registry"])
def test_a_version_only_goes_forward(
    paper: Paper, declared: str, leads_to: str, moved: set[str], known_by: str
) -> None:
    declare(paper, declared, NOW)
    set_tags(paper, v1_4=OLD, v1=OLD)
    if known_by == "record":
        paper.history[STAGING_FILE] = (recorded((leads_to, OLD)),)
    else:
        set_tags(paper, **{f"v{leads_to.replace('.', '_')}": OLD})
    config = configured(staging={"floating_tags": ("{major}.{minor}", "{major}")})
    plan = paper.plan(config=config)
    assert {tag for tag, (was, _) in moves(plan).items() if was is not None} == moved
    assert reasons(plan) == []


def test_what_leads_to_a_version_that_nobody_knows_is_left_alone(paper: Paper) -> None:
    set_tags(paper, v1_4=OLD, v1=NOW, stable=OLD, v1_3_9=OLD)  # 1.3.9 is no 1.4
    plan = paper.plan(config=FLOATING)
    (reason,) = reasons(plan)
    assert "floating tag 1.4 of registry-staging.example.com/shop/api points to" in reason
    assert "isn't known" in reason
    assert set(moves(plan)) == {"stable"}


def test_a_name_follows_the_branch_wherever_it_goes(paper: Paper) -> None:
    declare(paper, "1.3.0-rc1", OLD)
    set_tags(paper, stable=NOW)
    assert moves(paper.plan(config=FLOATING)) == {"stable": (NOW, OLD)}


def test_the_recorded_digest_counts_before_the_tags(paper: Paper) -> None:
    paper.history[STAGING_FILE] = (recorded(("1.4.2", OLD)),)
    set_tags(paper, v1_4_1=OLD)
    plan = paper.plan(config=configured(staging={"floating_tags": ("stable",)}))
    assert moves(plan) == {"stable": (None, OLD)}


def test_the_named_digest_counts_before_the_record(paper: Paper) -> None:
    declare(paper, "1.4.2", NOW, extra=f"  digest: {NEWER}\n")
    set_tags(paper, v1_5_0=NEWER)
    paper.history[STAGING_FILE] = (recorded(("1.4.2", OLD)),)
    assert moves(paper.plan(config=configured(staging={"floating_tags": ("stable",)}))) == {"stable": (None, NEWER)}


@pytest.mark.parametrize("extra", ["", f"  digest: {NEWER}\n"])
def test_an_image_that_is_not_there_yet_moves_nothing(paper: Paper, extra: str) -> None:
    declare(paper, "1.4.2", NOW, extra=extra)
    del paper.tags["staging", "shop/api", "1.4.2"]
    assert paper.plan(config=FLOATING).upkeep == ()


@pytest.mark.parametrize("environment", ["e2e", "staging"])
def test_a_tag_that_a_manifest_names_is_never_moved(paper: Paper, environment: str) -> None:
    path = f"apps/web/{environment}/values.yaml"
    paper.trees["m1"][path] = values(STAGING, "stable")
    config = configured({"registry": "staging"}, {"floating_tags": ("stable",)})
    set_tags(paper, stable=OLD)
    plan = paper.plan("api", config=config)
    assert moves(plan) == {}
    assert [reason for reason in reasons(plan) if path in reason] == reasons(plan) != []


def test_nor_one_that_a_manifest_names_by_another_name_of_the_registry(paper: Paper) -> None:
    path = "apps/web/e2e/values.yaml"
    paper.trees["m1"][path] = values("mirror.example.com", "stable")
    config = configured(
        {"registry": "mirror"},
        {"floating_tags": ("stable",)},
        mirror={"url": "mirror.example.com", "endpoint": STAGING},
    )
    set_tags(paper, stable=OLD)
    plan = paper.plan("api", config=config)
    assert moves(plan) == {}
    assert [reason for reason in reasons(plan) if path in reason] == reasons(plan) != []


def test_two_versions_in_one_environment(paper: Paper) -> None:
    """Versions follow the highest; a name can't follow both."""
    paper.trees["m1"]["apps/web/staging/values.yaml"] = values(STAGING, "1.4.3")
    paper.tags["staging", "shop/api", "1.4.3"] = NEWER
    plan = paper.plan("api", config=FLOATING)
    assert moves(plan) == {"1.4": (None, NEWER), "1": (None, NEWER)}
    (reason,) = reasons(plan)
    assert "stable can't follow both" in reason


def test_a_registry_that_does_not_answer_blocks_and_says_so(paper: Paper) -> None:
    paper.unreachable = frozenset({"staging"})
    plan = paper.plan(config=FLOATING)
    assert moves(plan) == {}
    codes = {item.blocked.code for item in plan.upkeep if item.blocked is not None}
    assert codes == {ExitCode.REGISTRY}


def only(*services: str, environments: Iterable[str] = ()) -> Config:
    rule = ServiceRule(match=services, floating_tags=("stable",), environments=tuple(environments))
    return configured().model_copy(update={"services": (rule,)})


@pytest.mark.parametrize(
    ("config", "named", "moved"),
    [
        (only("api"), (), {"api"}),
        (only("web"), (), {"web"}),
        (only("api", environments=["e2e"]), (), set()),
        (FLOATING, ("api",), {"api"}),
        (FLOATING, (), {"api", "web"}),
    ],
)
def test_they_are_those_of_the_services_that_are_meant(
    paper: Paper, config: Config, named: tuple[str, ...], moved: set[str]
) -> None:
    paper.trees["m1"] |= {
        "apps/web/e2e/values.yaml": values(E2E, "1.0.0", repository="shop/web"),
        "apps/web/staging/values.yaml": values(STAGING, "1.0.0", repository="shop/web"),
    }
    paper.tags["staging", "shop/web", "1.0.0"] = NEWER
    items = paper.plan(*named, config=config).upkeep
    assert {item.unit.name for item in items if item.environment == "staging" and item.step} == moved
