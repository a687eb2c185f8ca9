"""What somebody chose to go together stays together: later passes see it by the branch of its open merge request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.errors import ExitCode
from bot.plan import CloseRequest, Plan, PushBranch, Standing, Verdict
from bot.questions import Commits, OpenRequests
from tests.paper import CONFIG, configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

SERVICES = ("a", "b", "c")
SPRING = "promobot/staging/+spring"


@pytest.fixture
def desk() -> Desk:
    """Three services: e2e runs 2.0.0, staging 1.0.0."""
    return desk_with(*SERVICES)


def promote(desk: Desk, *services: str, name: str | None = "+spring", config: Config = CONFIG) -> Plan:
    """Promote by name, together where there is a name for that, and carry it out."""
    plan = desk.paper.plan(intent=Intent(services, together=name), config=config)
    desk.carry_out(plan)
    return plan


def standings(plan: Plan) -> dict[str, tuple[tuple[str, ...], Standing]]:
    found = {verdict.unit.name: (verdict.unit.services, verdict.standing) for verdict in plan.verdicts}
    assert len(found) == len(plan.verdicts)
    return found


def only(plan: Plan) -> Verdict:
    (verdict,) = plan.verdicts
    return verdict


def reason(verdict: Verdict) -> str:
    assert verdict.blocked is not None, verdict
    assert verdict.standing is Standing.BLOCKED
    assert verdict.step is None
    return verdict.blocked.reason


def test_what_allows_it_is_typed_for_all_that_go_together(desk: Desk) -> None:
    desk.commit(staging("a", "3.0.0"))
    refused = promote(desk, "a", "b").verdicts[-1]
    assert refused.blocked is not None
    again = "`promobot promote a b --to staging --together +spring --allow-downgrade`"
    assert again in refused.blocked.remedy


# --- a later pass ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("automatic", [False, True])
def test_a_later_pass_proposes_nothing_of_it_again(desk: Desk, *, automatic: bool) -> None:
    promote(desk, "a", "b")
    config = configured(staging={"promote": "auto"})
    plan = desk.paper.plan(config=config, intent=Intent(automatic=automatic))
    assert standings(plan) == {"+spring": (("a", "b"), Standing.PROPOSED), "c": (("c",), Standing.DUE)}
    assert plan.upkeep == ()


def test_what_was_proposed_alone_is_closed_with_a_link_to_it(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan("a"))
    alone = desk.request("promobot/staging/a")
    promote(desk, "a", "b")
    desk.carry_out(desk.paper.plan())
    together = desk.request(SPRING)
    (closed,) = desk.paper.closed
    said = f"no longer due: a goes together with others now, in !{together.number} (+spring: a, b)"
    assert (closed.number, closed.reason) == (alone.number, said)
    assert desk.replaced == {alone.number: together.url}


def test_a_later_pass_keeps_it_current(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.commit(e2e("a", "3.0.0"))
    desk.carry_out(desk.paper.plan())
    request = desk.request(SPRING)
    assert request.title == "spring: a 1.0.0 → 3.0.0, b 1.0.0 → 2.0.0 to staging"
    assert request.head == desk.paper.heads[SPRING]
    again = desk.paper.plan()
    assert again.steps == ()
    assert standings(again)["+spring"] == (("a", "b"), Standing.PROPOSED)


def test_a_later_pass_closes_what_is_no_longer_due(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.commit({**staging("a", "2.0.0"), **staging("b", "2.0.0")})
    desk.carry_out(desk.paper.plan())
    assert SPRING not in desk.paper.heads
    assert [request.ended_by for request in desk.paper.closed] == ["promobot"]


def test_what_could_not_go_yet_follows_once_it_can(desk: Desk) -> None:
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(9)
    promote(desk, "a", "b")
    assert desk.request(SPRING).title == "a 1.0.0 → 2.0.0 to staging"
    del desk.paper.tags["staging", "shop/b", "2.0.0"]
    desk.carry_out(desk.paper.plan())
    assert desk.request(SPRING).title == "spring: a 1.0.0 → 2.0.0, b 1.0.0 → 2.0.0 to staging"


def test_a_service_that_is_gone_leaves_it_and_an_empty_one_is_closed(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.commit(dict.fromkeys(e2e("b", ""), None))
    plan = desk.paper.plan()
    assert standings(plan)["+spring"] == (("a",), Standing.DUE)
    desk.carry_out(plan)
    assert desk.paper.plan().steps == ()
    desk.commit(dict.fromkeys(e2e("a", ""), None))
    (gone,) = desk.paper.plan().upkeep
    assert gone.step is not None
    assert isinstance(gone.step.actions[0], CloseRequest)


def test_who_names_other_services_changes_what_it_is(desk: Desk) -> None:
    promote(desk, "a", "b")
    promote(desk, "a", "c")
    assert standings(desk.paper.plan()) == {"+spring": (("a", "c"), Standing.PROPOSED), "b": (("b",), Standing.DUE)}


def test_what_leaves_it_is_free_even_where_the_files_stay_as_they_are(desk: Desk) -> None:
    desk.paper.tags["staging", "shop/b", "2.0.0"] = digest(9)
    promote(desk, "a", "b", "c")
    promote(desk, "a", "c")
    assert reason(only(desk.paper.plan("b"))).startswith("version taken")


@pytest.mark.parametrize("squash", [False, True])
def test_once_it_is_merged_each_goes_by_itself_again(desk: Desk, *, squash: bool) -> None:
    promote(desk, "a", "b")
    desk.merge(1, squash=squash)
    desk.commit(e2e("a", "3.0.0"))
    found = standings(desk.paper.plan())
    assert found == {
        "a": (("a",), Standing.DUE),
        "b": (("b",), Standing.CURRENT),
        "c": (("c",), Standing.DUE),
    }


def test_once_a_person_closed_it_each_goes_by_itself_again_and_together_not(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.close(1)
    assert set(standings(desk.paper.plan())) == {"a", "b", "c"}
    assert reason(only(promote(desk, "a", "b"))).startswith("ann closed !1")


def test_sent_to_another_branch_it_holds_nothing(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.change(1, target_branch="other")
    assert set(standings(desk.paper.plan())) == {"a", "b", "c"}


def test_a_person_s_commit_on_it_stays(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.amend(SPRING)
    assert standings(desk.paper.plan())["+spring"] == (("a", "b"), Standing.PROPOSED)
    desk.commit(e2e("a", "3.0.0"))
    found = {verdict.unit.name: verdict for verdict in desk.paper.plan().verdicts}
    assert set(found) == {"+spring", "c"}
    assert found["+spring"].blocked is not None
    assert found["+spring"].blocked.code is ExitCode.CONFLICT


def test_a_merge_request_for_one_of_them_alone_is_closed(desk: Desk) -> None:
    promote(desk, "a", name=None)
    promote(desk, "a", "b")
    desk.carry_out(desk.paper.plan())
    assert [request.source_branch for request in desk.paper.opened] == [SPRING, "promobot/staging/c"]
    (closed,) = desk.paper.closed
    assert (closed.number, closed.ended_by) == (1, "promobot")
    assert desk.paper.plan().steps == ()


# --- what somebody names --------------------------------------------------------------------------------


def test_who_names_one_of_them_is_told_what_it_goes_with(desk: Desk) -> None:
    promote(desk, "a", "b")
    before = dict(desk.paper.heads)
    verdict = only(promote(desk, "a", name=None))
    assert reason(verdict) == "a is proposed together with other services in !1 (+spring: a, b)"
    assert verdict.blocked is not None
    assert "promobot promote a b --to staging --together +spring" in verdict.blocked.remedy
    assert verdict.blocked.code is ExitCode.BLOCKED
    assert desk.paper.heads == before
    assert only(promote(desk, "c", name=None)).standing is Standing.DUE


def test_two_never_share_a_service(desk: Desk) -> None:
    promote(desk, "a", "b")
    assert (
        reason(only(promote(desk, "b", "c", name="+autumn")))
        == "b is proposed together with other services in !1 (+spring: a, b)"
    )
    assert [request.source_branch for request in desk.paper.opened] == [SPRING]


def test_of_two_that_share_a_service_all_the_same_the_older_one_wins(desk: Desk) -> None:
    """They were opened at the same moment, or somebody wrote a trailer by hand."""
    promote(desk, "a", "b")
    desk.change(1, target_branch="hidden")
    promote(desk, "b", "c", name="+autumn")
    desk.change(1, target_branch="main")
    desk.paper.opened = desk.paper.opened[::-1]
    plan = desk.paper.plan()
    found = {verdict.unit.name: verdict for verdict in plan.verdicts}
    assert found["+spring"].standing is Standing.PROPOSED
    assert reason(found["+autumn"]) == "b is proposed together with other services in !1 (+spring: a, b)"
    assert set(found) == {"+spring", "+autumn"}
    assert plan.upkeep == ()


# --- groups ---------------------------------------------------------------------------------------------

GROUP = [{"match": ["a", "b"], "group": "shop"}]


def test_a_group_goes_on_without_what_somebody_took_out(desk: Desk) -> None:
    config = configured(services=GROUP)
    promote(desk, "b", "c", config=config)
    plan = desk.paper.plan(config=config)
    assert standings(plan) == {"+spring": (("b", "c"), Standing.PROPOSED), "shop": (("a",), Standing.DUE)}
    named = {verdict.unit.name: verdict for verdict in desk.paper.plan("shop", config=config).verdicts}
    assert named["shop"].unit.services == ("a",)
    assert reason(named["b"]) == "b is proposed together with other services in !1 (+spring: b, c)"


def test_a_group_that_is_all_or_nothing_waits_for_it(desk: Desk) -> None:
    config = configured(services=GROUP).model_copy(update={"groups": {"shop": all_or_nothing()}})
    promote(desk, "b", "c", config=config)
    found = {verdict.unit.name: verdict for verdict in desk.paper.plan(config=config).verdicts}
    assert reason(found["shop"]) == "shop waits for b: b is proposed together with other services in !1 (+spring: b, c)"


def all_or_nothing() -> object:
    from bot.config import GroupConfig  # noqa: PLC0415

    return GroupConfig(all_or_nothing=True)


# --- what others write ----------------------------------------------------------------------------------


def forge_trailer(desk: Desk, said: str) -> None:
    """Somebody pushes a commit in our name that claims these services."""
    head = desk.paper.heads[SPRING]
    base = desk.paper.heads["main"]
    (ours,) = desk.paper.ahead[base, head]
    trailers = tuple((key, said if key == "Promoted-Together" else text) for key, text in ours.trailers)
    desk.paper.ahead[base, head] = (replace(ours, trailers=trailers),)


def test_a_forged_trailer_only_says_what_waits_for_what(desk: Desk) -> None:
    promote(desk, "a", "b")
    forge_trailer(desk, "a b c ../../x unheard-of")
    plan = desk.paper.plan()
    verdict = only(plan)
    assert verdict.unit.services == ("a", "b", "c")
    assert verdict.promotion is not None
    assert {move.digest for move in verdict.promotion.moves} == {digest(1)}
    assert [
        file.path for action in plan.steps[0].actions if isinstance(action, PushBranch) for file in action.files
    ] == [f"apps/{service}/staging/values.yaml" for service in SERVICES]


def test_a_forged_trailer_moves_nothing_that_an_automatic_pass_must_not_move(desk: Desk) -> None:
    config = configured(staging={"promote": "auto"}, services=[{"match": "c", "promote": "manual"}])
    promote(desk, "a", "b", config=config)
    forge_trailer(desk, "a b c")
    plan = desk.paper.plan(config=config, intent=Intent(automatic=True))
    assert only(plan).unit.services == ("a", "b")


def test_one_that_a_person_opened_from_our_branch_is_not_duplicated(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.change(1, author="ann", ours=False, title="Mine")
    plan = desk.paper.plan()
    assert standings(plan)["+spring"] == (("a", "b"), Standing.PROPOSED)
    desk.carry_out(plan)
    assert [request.source_branch for request in desk.paper.opened] == [SPRING, "promobot/staging/c"]
    assert desk.request(SPRING).title == "Mine"


def test_a_branch_that_somebody_took_away_is_made_again(desk: Desk) -> None:
    promote(desk, "a", "b")
    del desk.paper.heads[SPRING]
    desk.carry_out(desk.paper.plan())
    assert [request.source_branch for request in desk.paper.opened] == [SPRING, "promobot/staging/c"]
    assert SPRING in desk.paper.heads


def test_a_stranger_s_from_another_repository_holds_nothing(desk: Desk) -> None:
    promote(desk, "a", "b")
    del desk.paper.heads[SPRING]
    desk.change(1, author="mallory", ours=False)
    assert set(standings(desk.paper.plan())) == {"a", "b", "c"}


def test_a_branch_without_a_commit_of_ours_holds_nothing(desk: Desk) -> None:
    promote(desk, "a", "b")
    (ours,) = desk.paper.ahead[desk.paper.heads["main"], desk.paper.heads[SPRING]]
    desk.paper.ahead[desk.paper.heads["main"], desk.paper.heads[SPRING]] = (replace(ours, author_email="m@x.example"),)
    assert set(standings(desk.paper.plan())) == {"a", "b", "c"}


# --- questions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "+spring"])
def test_what_is_proposed_takes_no_more_rounds_than_what_is_not(desk: Desk, name: str | None) -> None:
    desk.paper.plan()
    rounds = desk.paper.rounds
    promote(desk, "a", "b", name=name)
    desk.paper.plan()
    desk.commit(e2e("a", "3.0.0"))
    desk.paper.plan()
    assert desk.paper.rounds == rounds == 5, "four times questions, and then the plan"


def test_who_names_one_service_has_no_branch_read_but_those_that_may_hold_it(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.carry_out(desk.paper.plan())
    desk.paper.asked.clear()
    desk.paper.plan("c")
    assert sum(isinstance(question, OpenRequests) for question in desk.paper.asked) == 1
    assert sum(isinstance(question, Commits) for question in desk.paper.asked) == 2


def test_where_the_forge_says_an_older_head_git_is_believed(desk: Desk) -> None:
    promote(desk, "a", "b")
    desk.change(1, head="older")
    assert standings(desk.paper.plan())["+spring"] == (("a", "b"), Standing.PROPOSED)


def test_one_that_is_not_there_is_told(desk: Desk) -> None:
    """Who names services to go together hears of each that doesn't."""
    desk.commit({"apps/b/staging/values.yaml": None})
    plan = desk.paper.plan(intent=Intent(("a", "b"), together="+spring"))
    found = {verdict.unit.name: verdict for verdict in plan.verdicts}
    assert found["+spring"].unit.services == ("a",)
    assert "b has no manifest in staging" in reason(found["b"])
