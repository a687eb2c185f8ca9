"""What the configuration's patterns find, and that finding nothing is never taken for having nothing to do."""

from __future__ import annotations

import pytest

from bot.cli.targets import checked_intent
from bot.config import Config
from bot.errors import ExitCode, UsageError
from bot.plan import Standing
from tests.paper import CONFIG, E2E, STAGING, Paper, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"


@pytest.fixture
def paper() -> Paper:
    """One service: e2e runs 1.1.3-rc2, staging 1.1.2."""
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2)},
    )


def with_paths(*paths: list[str]) -> Config:
    """The configuration with other patterns for e2e and staging."""
    data = CONFIG.model_dump(by_alias=True)
    for environment, patterns in zip(data["environments"], paths, strict=True):
        environment["paths"] = patterns
    return Config.model_validate(data)


@pytest.mark.parametrize(("gone", "name"), [(E2E_FILE, "e2e"), (STAGING_FILE, "staging")])
def test_an_environment_whose_patterns_find_nothing_is_an_error(paper: Paper, gone: str, name: str) -> None:
    del paper.trees["m1"][gone]
    (verdict,) = paper.plan().verdicts
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    assert f"apps/{{service}}/{name}/values.yaml matches no file" in verdict.blocked.reason
    assert verdict.blocked.code is ExitCode.USAGE


def test_a_file_that_two_patterns_find_counts_once(paper: Paper) -> None:
    config = with_paths(
        ["apps/{service}/e2e/*.yaml", "apps/{service}/e2e/values.yaml"],
        ["apps/{service}/staging/*.yaml", "apps/{service}/staging/values.yaml"],
    )
    (verdict,) = paper.plan("api", config=config).verdicts
    assert verdict.promotion is not None
    assert len(verdict.promotion.moves) == 1


def test_a_file_that_two_environments_share_is_refused(paper: Paper) -> None:
    paper.trees["m1"] = {"apps/api/base/values.yaml": values(E2E, "1.1.3-rc2")}
    config = with_paths(["apps/{service}/base/values.yaml"], ["apps/{service}/base/values.yaml"])
    (verdict,) = paper.plan("api", config=config).verdicts
    assert verdict.step is None
    assert verdict.blocked is not None
    assert "apps/api/base/values.yaml is the manifest of api in both e2e and staging" in verdict.blocked.reason


@pytest.mark.parametrize("name", ["a..b", "a.lock"])
def test_a_service_that_no_branch_can_be_named_after_holds_nobody_else(paper: Paper, name: str) -> None:
    for environment, registry in (("e2e", E2E), ("staging", STAGING)):
        paper.trees["m1"][f"apps/{name}/{environment}/values.yaml"] = values(registry, "1.0.0")
    found = {verdict.unit.name: verdict for verdict in paper.plan().verdicts}
    assert found["api"].standing is Standing.DUE
    blocked = found[name].blocked
    assert blocked is not None
    assert "can't be part of a branch's name" in blocked.reason
    assert not [question for question in paper.asked if name in getattr(question, "branch", "")]


def test_reconcile_refuses_what_it_would_never_do() -> None:
    with pytest.raises(UsageError, match="staging doesn't say `promote: auto`"):
        checked_intent(CONFIG, (), ["staging"], automatic=True)
    with pytest.raises(UsageError, match="no environment says `promote: auto`"):
        checked_intent(CONFIG, (), [], automatic=True)
