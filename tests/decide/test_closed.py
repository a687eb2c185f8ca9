"""A person's no to several services holds for each of their images until it changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config import Config, GroupConfig
from bot.decide import Intent, Orders
from bot.decide.objections import fingerprints
from bot.errors import ExitCode
from bot.images import ImageParts
from bot.plan import CloseRequest, Plan, Standing, Verdict
from bot.questions import ClosedRequests
from tests.paper import configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

SERVICES = ("a", "b")
GROUPED = configured(services=[{"match": "*", "group": "shop"}])
CLOSED = "ann closed !1, which proposed "


@pytest.fixture
def desk() -> Desk:
    """A group of two services was proposed for 2.0.0, and ann closed that."""
    desk = desk_with(*SERVICES)
    run(desk)
    desk.close(1)
    return desk


def run(desk: Desk, config: Config = GROUPED, *, reopen: bool = False) -> Plan:
    intent = Intent(("shop",), reopen=reopen) if reopen else Intent()
    plan = desk.paper.plan(config=config, intent=intent)
    desk.carry_out(plan)
    return plan


def by_unit(plan: Plan) -> dict[str, Verdict]:
    return {verdict.unit.name: verdict for verdict in plan.verdicts}


def reason(verdict: Verdict) -> str:
    assert verdict.blocked is not None, verdict
    assert verdict.standing is Standing.BLOCKED
    return verdict.blocked.reason


def proposed(desk: Desk) -> list[str]:
    return [request.title for request in desk.paper.opened]


def test_it_holds_for_all_of_it(desk: Desk) -> None:
    assert reason(by_unit(run(desk))["shop"]) == CLOSED + "the same change among others"
    assert desk.paper.opened == ()


def test_it_holds_for_the_rest_when_one_is_blocked(desk: Desk) -> None:
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(9)
    run(desk)
    assert desk.paper.opened == ()


def test_it_holds_for_the_rest_when_one_changes_and_as_long_as_that_is_open(desk: Desk) -> None:
    desk.commit(e2e("b", "3.0.0"))
    for _ in range(2):
        found = by_unit(run(desk))
        assert reason(found["a"]) == CLOSED + "the same change among others"
        assert found["shop"].unit.services == ("b",)
        assert proposed(desk) == ["b 1.0.0 → 3.0.0 to staging"]
    desk.commit(e2e("b", "4.0.0"))
    run(desk)
    assert proposed(desk) == ["b 1.0.0 → 4.0.0 to staging"]


def test_it_ends_for_what_changes(desk: Desk) -> None:
    desk.commit({**e2e("a", "3.0.0"), **e2e("b", "3.0.0")})
    run(desk)
    assert proposed(desk) == ["shop: a 1.0.0 → 3.0.0, b 1.0.0 → 3.0.0 to staging"]


def test_it_comes_back_with_the_image(desk: Desk) -> None:
    desk.commit(e2e("b", "3.0.0"))
    run(desk)
    desk.commit(e2e("b", "2.0.0"))
    verdict = by_unit(run(desk))["shop"]
    assert reason(verdict) == CLOSED + "the same change among others"
    assert verdict.request is not None
    assert verdict.outdated == "!2 proposes b 3.0.0, which isn't what runs in e2e now"


def test_it_is_no_no_to_what_stayed_as_it_was() -> None:
    """`b` was in the group when it was closed, but nothing of it was proposed."""
    desk = desk_with(*SERVICES)
    desk.commit(staging("b", "2.0.0"))
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(1)
    run(desk)
    desk.close(1)
    desk.commit(staging("b", "1.0.0"))
    run(desk)
    assert proposed(desk) == ["b 1.0.0 → 2.0.0 to staging"]


def test_where_it_is_all_or_nothing_it_holds_all(desk: Desk) -> None:
    config = GROUPED.model_copy(update={"groups": {"shop": GroupConfig(all_or_nothing=True)}})
    desk.commit(e2e("b", "3.0.0"))
    assert reason(by_unit(run(desk, config))["shop"]) == f"shop waits for a: {CLOSED}the same change among others"


def test_reopen_overrides_it_and_later_passes_leave_that(desk: Desk) -> None:
    run(desk, reopen=True)
    both = "shop: a 1.0.0 → 2.0.0, b 1.0.0 → 2.0.0 to staging"
    assert proposed(desk) == [both]
    assert by_unit(run(desk))["shop"].standing is Standing.PROPOSED
    desk.commit(e2e("b", "3.0.0"))
    run(desk)
    assert proposed(desk) == ["shop: a 1.0.0 → 2.0.0, b 1.0.0 → 3.0.0 to staging"]


def test_an_open_merge_request_is_not_made_what_somebody_closed() -> None:
    """Of one service: 2.0.0 was closed, 3.0.0 is open, and e2e went back to 2.0.0."""
    desk = desk_with("a")
    run(desk, configured())
    desk.close(1)
    desk.commit(e2e("a", "3.0.0"))
    run(desk, configured())
    desk.commit(e2e("a", "2.0.0"))
    assert reason(by_unit(run(desk, configured()))["a"]) == CLOSED + "the same change"
    assert proposed(desk) == ["a 1.0.0 → 3.0.0 to staging"]


def test_what_is_open_and_stays_as_it_is_asks_for_nothing_that_was_closed(desk: Desk) -> None:
    run(desk, reopen=True)
    desk.paper.asked.clear()
    run(desk)
    assert not any(isinstance(question, ClosedRequests) for question in desk.paper.asked)


def test_so_many_that_nobody_looks_at_each_are_said_no_to_as_one() -> None:
    promotion = desk_with("a").paper.verdict("a").promotion
    assert promotion is not None
    moves = [replace(promotion.moves[0], path=str(number)) for number in range(501)]
    assert len(fingerprints("staging", moves[:500])) == 500
    assert len(fingerprints("staging", moves)) == 1
    assert fingerprints("staging", moves) == fingerprints("staging", moves[::-1]) != fingerprints("prod", moves)


def test_a_persons_commit_is_said_what_to_do_about_by_what_is_still_there() -> None:
    """While it is open, and after somebody closed it: then the branch alone is in the way, whatever is reopened."""
    desk = desk_with("a")
    run(desk, configured())
    desk.amend("promobot/staging/a", staging("a", "9.9.9"))
    desk.commit(e2e("a", "3.0.0"))
    delete = "delete the branch, if nobody needs that commit: then promobot proposes again"
    assert remedy(desk) == f"merge !1 if it is as it should be; or {delete}"
    desk.close(1)
    assert remedy(desk) == delete
    assert remedy(desk, reopen=True) == (
        f"{delete}; `--reopen` is for what was closed or taken back, and overwrites nothing"
    )
    del desk.paper.heads["promobot/staging/a"]
    run(desk, configured())
    assert proposed(desk) == ["a 1.0.0 → 3.0.0 to staging"]


def remedy(desk: Desk, *, reopen: bool = False) -> str:
    (verdict,) = desk.paper.plan(config=configured(), intent=Intent(("a",), reopen=reopen)).verdicts
    assert verdict.blocked is not None, verdict
    assert verdict.blocked.code is ExitCode.CONFLICT
    return verdict.blocked.remedy


# --- what promobot closes itself -------------------------------------------------------------------------


def closing(desk: Desk) -> list[str]:
    plan = desk.paper.plan()
    return [action.reason for step in plan.steps for action in step.actions if isinstance(action, CloseRequest)]


def test_what_is_there_by_now_is_why_it_is_closed() -> None:
    desk = desk_with("a")
    desk.carry_out(desk.paper.plan())
    desk.commit(staging("a", "2.0.0"))
    assert closing(desk) == [
        f"no longer due: staging already names what this proposed, as of {desk.paper.heads['main']}"
    ]


def test_a_source_that_went_back_is_why_it_is_closed() -> None:
    desk = desk_with("a")
    desk.carry_out(desk.paper.plan())
    desk.commit(e2e("a", "1.0.0"))
    desk.paper.tags["staging", "shop/a", "1.0.0"] = digest(0)
    (reason,) = closing(desk)
    assert reason.startswith(
        "no longer due: staging already names what e2e has now, which isn't what this proposed, as "
    )


def test_an_image_by_hand_that_is_there_closes_nothing_that_proposes_another() -> None:
    desk = desk_with("a")
    desk.carry_out(desk.paper.plan())
    desk.paper.tags["staging", "shop/a", "1.0.0"] = digest(0)
    auto = configured(staging={"merge": "auto", "approvers": {}})
    orders = Orders(ImageParts.parse(":1.0.0"), "because")
    (verdict,) = desk.paper.plan("a", config=auto, orders=orders).verdicts
    assert (verdict.standing, verdict.step) == (Standing.CURRENT, None)
    assert verdict.note == "!1 proposes something else, and stays open"
