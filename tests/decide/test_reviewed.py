"""What is open while a unit is blocked is shown, with what it proposes, and left to the people who look at it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.plan import Plan, SetNote, SetStatus, Standing, UpdateRequest, Verdict
from tests.paper import CONFIG, configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

GROUPED = configured(services=[{"match": "*", "group": "shop"}])


@pytest.fixture
def desk() -> Desk:
    """2.0.0 of two services is proposed; then e2e goes on to 3.0.0, which is taken in staging."""
    desk = desk_with("a", "b")
    for service in ("a", "b"):
        desk.paper.tags["staging", f"shop/{service}", "3.0.0"] = digest(9)
    return desk


def proposed(desk: Desk, config: Config = CONFIG) -> None:
    desk.carry_out(desk.paper.plan(config=config))
    desk.commit({**e2e("a", "3.0.0"), **e2e("b", "3.0.0")})


def blocked(plan: Plan, unit: str = "a", *, also: tuple[type, ...] = ()) -> Verdict:
    said = [action for step in plan.steps for action in step.actions]
    assert all(isinstance(action, (SetNote, UpdateRequest, *also)) for action in said), "nothing but that it is so"
    verdict = next(one for one in plan.verdicts if one.unit.name == unit)
    assert verdict.standing is Standing.BLOCKED
    return verdict


def shown(verdict: Verdict) -> tuple[int | None, str]:
    return verdict.request.number if verdict.request else None, verdict.outdated


def test_what_is_older_is_shown_and_stays(desk: Desk) -> None:
    proposed(desk)
    assert shown(blocked(desk.paper.plan())) == (1, "!1 proposes a 2.0.0, which isn't what runs in e2e now")
    assert desk.paper.rounds == 5


def test_what_was_blocked_from_the_beginning_has_none(desk: Desk) -> None:
    desk.commit(e2e("a", "3.0.0"))
    assert shown(blocked(desk.paper.plan("a"))) == (None, "")


def test_other_bits_under_the_same_tag_are_other_bits(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan())
    desk.commit(e2e("a", "2.0.0", extra=f"  digest: {digest(7)}\n"))
    assert shown(blocked(desk.paper.plan())) == (1, "!1 proposes a 2.0.0, which isn't what runs in e2e now")


def test_what_would_be_proposed_now_is_not_outdated(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan())
    desk.paper.unreachable = frozenset({"staging"})
    assert shown(blocked(desk.paper.plan())) == (1, "")


def test_what_the_target_names_already_is_said_so(desk: Desk) -> None:
    proposed(desk)
    desk.commit(staging("a", "2.0.0"))
    assert shown(blocked(desk.paper.plan())) == (1, "!1 proposes a 2.0.0, which staging names already")


def test_of_a_person_s_branch_only_that_it_is_open_is_known(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan())
    branch = "promobot/staging/a"
    desk.paper.ahead[desk.paper.heads["main"], desk.paper.heads[branch]] = ()
    desk.paper.tags["staging", "shop/a", "2.0.0"] = digest(9)
    assert shown(blocked(desk.paper.plan())) == (1, "")


def test_without_the_forge_nothing_of_it_is_known(desk: Desk) -> None:
    proposed(desk)
    desk.paper.deaf = True
    verdict = blocked(desk.paper.plan())
    assert shown(verdict) == (None, "")
    assert verdict.blocked is not None
    assert verdict.blocked.reason == "forge local: 503"


def test_a_manifest_that_can_t_be_read_hides_nothing(desk: Desk) -> None:
    proposed(desk)
    desk.commit({"apps/a/staging/values.yaml": b"a: [\n"})
    assert shown(blocked(desk.paper.plan())) == (1, "!1 proposes a 2.0.0, which isn't what runs in e2e now")
    desk.commit({"apps/a/e2e/values.yaml": b"a: [\n"})
    assert shown(blocked(desk.paper.plan())) == (1, "!1 proposes a 2.0.0, which isn't what runs in e2e now")


def test_a_group_of_which_nothing_can_go_shows_its_own(desk: Desk) -> None:
    proposed(desk, GROUPED)
    verdict = blocked(desk.paper.plan(config=GROUPED), "shop")
    assert shown(verdict) == (1, "!1 proposes a 2.0.0, b 2.0.0, which isn't what runs in e2e now")
    desk.commit(e2e("b", "2.0.0"))
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(9)
    verdict = blocked(desk.paper.plan(config=GROUPED), "shop", also=(SetStatus,))
    assert shown(verdict) == (1, "!1 proposes a 2.0.0, which isn't what runs in e2e now")


def test_what_goes_with_others_shows_theirs(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan(intent=Intent(("a", "b"), together="+spring")))
    assert shown(blocked(desk.paper.plan("a"))) == (1, "")


def test_what_soaks_is_blocked_beside_what_is_older(desk: Desk) -> None:
    proposed(desk)
    config = configured(staging={"gates": {"soak": timedelta(hours=2)}})
    assert shown(blocked(desk.paper.plan(config=config)))[1].startswith("!1 proposes a 2.0.0")
