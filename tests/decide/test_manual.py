"""An automatic pass over services that go together, some of which go only where somebody names them."""

from __future__ import annotations

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.plan import Plan, SetStatus, Standing, Verdict
from bot.repositories import StatusState
from tests.paper import configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

AUTO = Intent(automatic=True)
BY_HAND = {"match": "b", "promote": "manual"}
GROUPED = configured(staging={"promote": "auto"}, services=[{"match": "*", "group": "shop"}, BY_HAND])
CHOSEN = configured(staging={"promote": "auto"}, services=[BY_HAND])


@pytest.fixture
def desk() -> Desk:
    """Two services, due for 2.0.0; `b` is promoted by name alone."""
    return desk_with("a", "b")


@pytest.fixture(params=["shop", "+spring"])
def unit(request: pytest.FixtureRequest) -> str:
    """A group, and what a command chose."""
    return str(request.param)


def config_of(unit: str) -> Config:
    return GROUPED if unit == "shop" else CHOSEN


def by_name(desk: Desk, unit: str) -> None:
    intent = Intent(("shop",)) if unit == "shop" else Intent(("a", "b"), together=unit)
    desk.carry_out(desk.paper.plan(intent=intent, config=config_of(unit)))


def automatic(desk: Desk, unit: str) -> Plan:
    plan = desk.paper.plan(intent=AUTO, config=config_of(unit))
    desk.carry_out(plan)
    return plan


def only(plan: Plan) -> Verdict:
    assert plan.upkeep == ()
    (verdict,) = plan.verdicts
    return verdict


def proposed(desk: Desk, unit: str) -> str:
    return desk.request(f"promobot/staging/{unit}").title


BOTH = "a 1.0.0 → 2.0.0, b 1.0.0 → 2.0.0 to staging"


def test_what_a_person_proposed_stays_as_it_is(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    before = desk.request(f"promobot/staging/{unit}")
    verdict = only(automatic(desk, unit))
    assert (verdict.standing, verdict.unit.services, verdict.step) == (Standing.PROPOSED, ("a", "b"), None)
    assert desk.request(f"promobot/staging/{unit}") == before
    assert before.title.endswith(BOTH)


def test_what_goes_by_itself_is_kept_current_beside_it(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.commit(e2e("a", "3.0.0"))
    automatic(desk, unit)
    assert proposed(desk, unit).endswith("a 1.0.0 → 3.0.0, b 1.0.0 → 2.0.0 to staging")


def test_nothing_is_made_of_it_that_nobody_named(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.commit({**e2e("a", "3.0.0"), **e2e("b", "3.0.0")})
    verdict = only(automatic(desk, unit))
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    assert "b is `promote: manual`, and e2e now runs b 3.0.0 (" in verdict.blocked.reason
    assert "!1 proposes b too, so it isn't updated" in verdict.blocked.reason
    command = "promote shop --to staging`" if unit == "shop" else "promote a b --to staging --together +spring`"
    assert command in verdict.blocked.remedy
    assert verdict.outdated == "!1 proposes a 2.0.0, b 2.0.0, which isn't what runs in e2e now"
    assert proposed(desk, unit).endswith(BOTH)
    by_name(desk, unit)
    assert proposed(desk, unit).endswith("a 1.0.0 → 3.0.0, b 1.0.0 → 3.0.0 to staging")


def test_it_is_not_pushed_out_because_it_is_blocked(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(9)
    desk.commit(e2e("a", "3.0.0"))
    plan = automatic(desk, unit)
    (verdict,) = plan.verdicts
    assert verdict.blocked is not None
    assert verdict.blocked.reason.startswith(f"{unit} waits for b: version taken")
    (step,) = plan.steps
    assert [action.status.state for action in step.actions if isinstance(action, SetStatus)] == [StatusState.FAILURE]
    assert proposed(desk, unit).endswith(BOTH)


def test_what_was_merged_by_hand_waits_for_nobody(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.commit({**e2e("b", "3.0.0"), **staging("b", "3.0.0")})
    desk.paper.tags["staging", "shop/b", "3.0.0"] = digest(2)
    automatic(desk, unit)
    assert proposed(desk, unit).endswith("a 1.0.0 → 2.0.0 to staging")


def test_a_service_that_is_gone_waits_for_nobody(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.commit(e2e("a", "3.0.0"))
    desk.commit(dict.fromkeys(staging("b", ""), None))
    automatic(desk, unit)
    assert "a 1.0.0 → 3.0.0" in proposed(desk, unit)


def test_what_is_all_done_is_closed(desk: Desk, unit: str) -> None:
    by_name(desk, unit)
    desk.commit({**staging("a", "2.0.0"), **staging("b", "2.0.0")})
    automatic(desk, unit)
    assert desk.paper.opened == ()


@pytest.mark.parametrize("closed", [False, True])
def test_an_automatic_pass_proposes_nothing_of_it(desk: Desk, *, closed: bool) -> None:
    if closed:
        by_name(desk, "shop")
        desk.close(1)
        desk.commit(e2e("a", "3.0.0"))
    automatic(desk, "shop")
    assert "b" not in proposed(desk, "shop").split()
    plan = automatic(desk, "shop")
    assert only(plan).unit.services == ("a",)
    assert plan.steps == ()


def test_what_only_a_person_promotes_is_left_to_them_altogether(desk: Desk) -> None:
    config = configured(staging={"promote": "auto"}, services=[{"match": "*", "promote": "manual", "group": "shop"}])
    desk.carry_out(desk.paper.plan(intent=Intent(("shop",)), config=config))
    desk.commit(e2e("a", "3.0.0"))
    assert desk.paper.plan(intent=AUTO, config=config).verdicts == ()
