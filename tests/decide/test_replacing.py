"""A version tag that is taken: when it may be moved, and what shows that it may not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.errors import ExitCode
from bot.plan import CopyImage, MoveTag, OpenRequest, PushBranch, SetStatus, Standing
from bot.questions import Landed, Location
from bot.repositories import Landing, MergeRequest, RequestState
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

PROD = "registry-prod.example.com"
E2E_FILE, STAGING_FILE, PROD_FILE = (f"apps/api/{name}/values.yaml" for name in ("e2e", "staging", "prod"))
TAKEN, NEW = digest(1), digest(2)
AT = datetime(2026, 11, 1, tzinfo=UTC)
VERSION = f"{STAGING}/shop/api:1.1.3"


def chain(*, replace: bool = True, prod_tag: str = "same") -> Config:
    """e2e, staging and prod; staging may replace what prod never had."""
    two = configured(staging={"replace_unreleased": replace}).model_dump(by_alias=True, exclude_unset=True)
    prod = {
        "name": "prod",
        "from": ("staging",),
        "repository": {"forge": "local", "project": "shop/gitops"},
        "paths": ("apps/{service}/prod/values.yaml",),
        "registry": "prod",
        "tag": prod_tag,
    }
    two["registries"]["prod"] = {"url": PROD}
    return Config.model_validate({**two, "environments": (*two["environments"], prod)})


CHAIN = chain()


@pytest.fixture
def paper() -> Paper:
    """e2e runs another 1.1.3-rc2 than the one that became staging's 1.1.3; staging runs 1.1.2 again, prod 1.1.1."""
    return Paper(
        trees={
            "m1": {
                E2E_FILE: values(E2E, "1.1.3-rc2"),
                STAGING_FILE: values(STAGING, "1.1.2"),
                PROD_FILE: values(PROD, "1.1.1"),
            }
        },
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.3"): TAKEN},
    )


def refused(paper: Paper, config: Config = CHAIN) -> tuple[str, str]:
    verdict = next(v for v in paper.plan(config=config).verdicts if v.target == "staging")
    assert (verdict.standing, verdict.step) == (Standing.BLOCKED, None)
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.BLOCKED
    reason = verdict.blocked.reason
    assert reason.startswith(f"version taken: tag {VERSION} already points to {TAKEN.short}, but e2e runs {NEW.short}")
    return reason, verdict.blocked.remedy


def actions(paper: Paper, config: Config = CHAIN) -> tuple[object, ...]:
    verdict = next(v for v in paper.plan(config=config).verdicts if v.target == "staging")
    assert verdict.step is not None, verdict
    return verdict.step.actions


def test_what_nobody_further_on_has_had_is_replaced_before_the_merge_request(paper: Paper) -> None:
    push, copy, move, _, request = actions(paper)
    assert isinstance(push, PushBranch)
    assert copy == CopyImage(Location("e2e", "shop/api"), NEW, Location("staging", "shop/api"), None)
    assert move == MoveTag(Location("staging", "shop/api"), "1.1.3", TAKEN, NEW)
    assert isinstance(request, OpenRequest)


def test_an_image_that_is_there_is_not_brought_again(paper: Paper) -> None:
    paper.tags["staging", "shop/api", "1.1.3-again"] = NEW
    assert [type(action) for action in actions(paper)] == [PushBranch, MoveTag, SetStatus, OpenRequest]


def test_without_leave_it_is_refused_and_nothing_more_is_asked(paper: Paper) -> None:
    reason, remedy = refused(paper, chain(replace=False))
    assert ";" not in reason
    assert "set `replace_unreleased: true` for staging" in remedy
    paper.asked.clear()
    paper.plan(config=chain(replace=False), intent=Intent(targets=("staging",)))
    assert not [question for question in paper.asked if isinstance(question, Landed) and question.path == PROD_FILE]


@pytest.mark.parametrize(
    ("landed", "words"),
    [
        ([values(PROD, "1.1.3")], f"prod has named it, in {PROD_FILE} at c0"),
        ([values(PROD, "1.1.1"), values(PROD, "1.1.3"), values(PROD, "1.1.0")], "prod has named it"),
        ([values(STAGING, "1.1.3")], "prod has named it"),
        ([b"image: [1.1.3\n"], "prod has named it"),
        ([values(PROD, "1.1.1")] * 100, "whether prod ever named it isn't known"),
        ([values(PROD, "1.1.1"), None, values("elsewhere.example.com", "1.1.3")], None),
    ],
)
def test_what_a_later_environments_branch_ever_named_stays(
    paper: Paper, landed: list[bytes | None], words: str | None
) -> None:
    paper.landed[PROD_FILE] = tuple(Landing(f"c{n}", AT, content) for n, content in enumerate(landed))
    if words is None:
        assert actions(paper)
    else:
        assert words in refused(paper)[0]


def test_a_service_that_a_later_environment_no_longer_has_counts_too(paper: Paper) -> None:
    del paper.trees["m1"][PROD_FILE]
    assert actions(paper)
    paper.landed[PROD_FILE] = (Landing("c1", AT, None), Landing("c0", AT, values(PROD, "1.1.3")))
    assert "prod has named it" in refused(paper)[0]


def test_a_later_environment_may_call_it_otherwise(paper: Paper) -> None:
    config = chain(prod_tag="{major}.{minor}")
    paper.landed[PROD_FILE] = (Landing("c0", AT, values(PROD, "1.1")),)
    assert "prod has named it" in refused(paper, config)[0]


def test_a_promotion_that_was_recorded_counts(paper: Paper) -> None:
    paper.history[PROD_FILE] = (
        commit("h1", Promoted_Image=f"{PROD}/shop/api:x@{TAKEN}", Promoted_From=f"staging@c {VERSION}"),
    )
    assert "it was promoted to prod" in refused(paper)[0]


@pytest.mark.parametrize("unit", ["api", "+spring"])
def test_one_that_is_proposed_counts(paper: Paper, unit: str) -> None:
    ours = commit(
        "b1",
        Promotion=f"prod/{unit}",
        Promoted_Image=f"{PROD}/shop/api:1.1.3@{TAKEN}",
        Promoted_From=f"s@c {VERSION}",
        Promoted_Together="api",
    )
    branch = f"promobot/prod/{unit}"
    paper.heads[branch] = "b1"
    paper.ahead["m1", "b1"] = (ours,)
    paper.opened = (MergeRequest(1, "t", "b", branch, "main", "b1", RequestState.OPEN, "url", "promobot", ours=True),)
    assert "it is proposed to prod" in refused(paper)[0]


@pytest.mark.parametrize("service", ["api", "web"])
def test_a_tag_that_the_target_names_without_a_digest_stays_since_nobody_would_be_asked(
    paper: Paper, service: str
) -> None:
    path = f"apps/{service}/staging/values.yaml"
    paper.trees["m1"][path] = values(STAGING, "1.1.3")
    reason, remedy = refused(paper)
    assert f"{path} names it without a digest" in reason
    assert "write the digest beside the tag" in remedy
    paper.trees["m1"][path] = values(STAGING, "1.1.3", extra=f"  digest: {TAKEN}\n")
    assert any(isinstance(action, MoveTag) for action in actions(paper))


def test_what_is_not_known_is_not_no(paper: Paper) -> None:
    two = CHAIN.environment("prod").repository.model_copy(update={"branch": "gone"})
    prod = CHAIN.environment("prod").model_copy(update={"repository": two})
    config = CHAIN.model_copy(update={"environments": (*CHAIN.environments[:2], prod)})
    verdict = next(v for v in paper.plan(config=config).verdicts if v.target == "staging")
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.GIT
