"""How verdicts are told."""

from __future__ import annotations

import pytest

from bot.cli.plan import sum_text
from bot.cli.status import _request
from bot.cli.views import name_width, unit_text, upkeep_line, verdict_line
from bot.decide import EVERYTHING
from bot.plan import Blocked, Standing, Upkeep, Verdict
from bot.promotion import Unit
from bot.repositories import MergeRequest, RequestState
from tests.paper import configured

BLOCKED = Blocked("local:shop/gitops has no branch mian", "push the branch")
OUTSIDE = Verdict(Unit("web", ("web",)), "staging", Standing.OUTSIDE)
WHOLE = Verdict(EVERYTHING, "staging", Standing.BLOCKED, blocked=BLOCKED)


@pytest.mark.parametrize(("told", "said"), [(False, "1 left out (-v says why)"), (True, "1 left out")])
def test_a_plan_ends_with_numbers_of_what_it_has(told: bool, said: str) -> None:  # noqa: FBT001
    assert sum_text([OUTSIDE, WHOLE], 2, told=told).plain == f"1 blocked, 2 of upkeep, {said}"
    assert sum_text([]).plain.startswith("nothing to promote")


def test_what_is_said_of_a_whole_environment_is_said_of_every_service() -> None:
    width = name_width([WHOLE])
    assert verdict_line(WHOLE, width).plain.split("  ")[0] == "✗ every service"
    assert unit_text(EVERYTHING) == "every service"
    assert "every service" in upkeep_line(Upkeep(EVERYTHING, "staging", blocked=BLOCKED)).plain


@pytest.mark.parametrize(("project", "said"), [("shop/gitops", "!7"), ("sre/gitops", "sre/gitops!7")])
def test_a_number_that_another_project_may_have_too_is_told_with_its_project(project: str, said: str) -> None:
    config = configured(staging={"repository": {"forge": "local", "project": project}})
    request = MergeRequest(7, "t", "", "b", "main", "h", RequestState.OPEN, "url", "promobot", ours=True)
    verdict = Verdict(Unit("api", ("api",)), "staging", Standing.PROPOSED, request=request)
    assert verdict_line(verdict, config=config).plain.endswith(f"proposed: {said}")


def test_status_says_what_an_open_merge_request_waits_for() -> None:
    request = MergeRequest(7, "t", "", "b", "main", "h", RequestState.OPEN, "url", "promobot", ours=True)
    unit = Unit("api", ("api",))
    verdict = Verdict(unit, "staging", Standing.PROPOSED, request=request, note="0 of 1 approvals")
    assert "api to staging: shop/gitops!7, 0 of 1 approvals  " in _request(configured(), verdict).plain
