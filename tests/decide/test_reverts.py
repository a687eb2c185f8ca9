"""What people took back on the target's branch after a promotion is a no, as if they had closed it."""

from __future__ import annotations

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.errors import GitError
from bot.plan import Standing, Verdict
from bot.questions import Answer, Landed, MergedBy, Question, Unknown
from tests.paper import Paper, configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

AUTO = configured(staging={"promote": "auto", "merge": "auto", "approvers": {}})


def run(desk: Desk, config: Config = AUTO, *, reopen: bool = False) -> Verdict:
    intent = Intent(("a",), reopen=reopen) if reopen else Intent()
    plan = desk.paper.plan(config=config, intent=intent)
    desk.carry_out(plan)
    (verdict,) = plan.verdicts
    return verdict


def promoted(*, squash: bool = False) -> Desk:
    """2.0.0 of `a` was promoted to staging, where 1.0.0 was."""
    desk = desk_with("a")
    run(desk)
    desk.merge(1, squash=squash)
    assert run(desk).standing is Standing.CURRENT
    return desk


def refused(verdict: Verdict) -> str:
    assert verdict.blocked is not None, verdict
    assert verdict.standing is Standing.BLOCKED
    return verdict.blocked.reason


def test_what_a_person_reverted_is_not_proposed_again() -> None:
    desk = promoted()
    commit = desk.commit(staging("a", "1.0.0"))
    for _ in range(2):
        verdict = run(desk)
        assert refused(verdict) == f"commit {commit} took staging back from 2.0.0 of a to 1.0.0"
        assert verdict.blocked is not None
        assert "`promobot promote a --to staging --reopen` proposes this one again" in verdict.blocked.remedy
    assert desk.paper.opened == ()


def test_the_merge_request_that_took_it_back_is_named() -> None:
    desk = promoted()
    number = desk.propose("revert-1", staging("a", "1.0.0")).number
    desk.merge(number)
    assert refused(run(desk)).startswith(f"!{number} by ann (commit m")


def test_a_squashed_merge_has_no_trailers_and_is_known_all_the_same() -> None:
    desk = promoted(squash=True)
    desk.commit(staging("a", "1.0.0"))
    assert "took staging back" in refused(run(desk))


def test_a_newer_image_is_proposed() -> None:
    desk = promoted()
    desk.commit(staging("a", "1.0.0"))
    desk.commit(e2e("a", "3.0.0"))
    assert run(desk).standing is Standing.DUE
    desk.merge(2)
    assert run(desk).standing is Standing.CURRENT


def test_it_stays_a_no_when_something_else_came_after_it() -> None:
    desk = promoted()
    desk.commit(staging("a", "1.0.0"))
    desk.commit(staging("a", "0.9.0"))
    assert "to 1.0.0" in refused(run(desk))


def test_reopen_proposes_it_again_for_people_to_merge() -> None:
    desk = promoted()
    commit = desk.commit(staging("a", "1.0.0"))
    assert run(desk, reopen=True).standing is Standing.DUE
    (request,) = desk.paper.opened
    assert f"- `staging` had `2.0.0` of `a` before, which commit `{commit}` took back\n" in request.body
    for reopen in (False, True, False):
        verdict = run(desk, reopen=reopen)
        assert verdict.standing is Standing.PROPOSED
        assert verdict.step is None, "never merged by itself, and its text stays as it is"
    desk.merge(request.number)
    assert run(desk).standing is Standing.CURRENT


def test_what_was_reopened_and_taken_back_again_is_a_no_again() -> None:
    desk = promoted()
    desk.commit(staging("a", "1.0.0"))
    run(desk, reopen=True)
    desk.merge(desk.paper.opened[0].number)
    commit = desk.commit(staging("a", "1.0.0"))
    assert refused(run(desk)).startswith(f"commit {commit} ")


def test_a_branch_that_a_squashed_merge_left_says_that_it_is_proposed_again() -> None:
    desk = promoted(squash=True)
    desk.paper.heads["promobot/staging/a"] = "b1"
    desk.commit(staging("a", "1.0.0"))
    run(desk, reopen=True)
    assert "took back" in desk.paper.opened[0].body
    assert run(desk).step is None


def test_what_a_person_promotes_by_hand_counts_again() -> None:
    """The newest word counts: after it nothing is due, and a later change of mind is no revert of ours."""
    desk = promoted()
    desk.commit(staging("a", "1.0.0"))
    desk.commit(staging("a", "2.0.0"))
    assert run(desk).standing is Standing.CURRENT
    desk.commit(staging("a", "3.0.0"))
    desk.commit(e2e("a", "4.0.0"))
    assert run(desk).standing is Standing.DUE


def test_a_way_forward_is_no_way_back() -> None:
    """The source goes back to what the target had before: that is a downgrade, and nobody's no."""
    desk = promoted()
    desk.commit(staging("a", "3.0.0"))
    assert "would be a downgrade" in refused(run(desk))


def test_a_downgrade_to_what_was_never_there_is_no_revert() -> None:
    desk = promoted()
    desk.commit(staging("a", "1.5.0"))
    assert run(desk).standing is Standing.DUE


def test_what_a_person_tried_and_took_back_was_no_promotion() -> None:
    desk = desk_with("a")
    desk.commit(staging("a", "2.0.0"))
    desk.commit(staging("a", "1.0.0"))
    assert run(desk).standing is Standing.DUE


@pytest.mark.parametrize("squash", [False, True])
def test_what_promobot_itself_took_back_is_proposed_again(*, squash: bool) -> None:
    """The source went back and forth, and both were promoted."""
    desk = desk_with("a")
    config = configured(staging={"tag": "same"})
    place = ("e2e", "shop/a")
    desk.paper.tags |= {(*place, "main-1"): digest(7), (*place, "main-2"): digest(8)}
    for number, tag in enumerate(("main-1", "main-2", "main-1"), 1):
        desk.commit(e2e("a", tag))
        run(desk, config)
        desk.merge(number, squash=squash)
        desk.paper.heads.pop("promobot/staging/a", None)
    desk.commit(e2e("a", "main-2"))
    verdict = run(desk, config)
    assert verdict.standing is Standing.DUE, verdict.blocked


def test_of_a_group_the_others_go() -> None:
    desk, config = desk_with("a", "b"), configured(services=[{"match": "*", "group": "shop"}])
    desk.carry_out(desk.paper.plan(config=config))
    desk.merge(1)
    desk.commit(staging("a", "1.0.0"))
    desk.commit(e2e("b", "3.0.0"))
    plan = desk.paper.plan(config=config)
    assert {verdict.unit.services: verdict.standing for verdict in plan.verdicts} == {
        ("a",): Standing.BLOCKED,
        ("b",): Standing.DUE,
    }


def test_nothing_is_asked_where_nothing_is_due_or_it_is_proposed() -> None:
    desk = promoted()
    desk.paper.asked.clear()
    run(desk)
    desk.commit(e2e("a", "3.0.0"))
    run(desk)
    desk.paper.asked = []
    run(desk)
    assert not any(isinstance(question, Landed | MergedBy) for question in desk.paper.asked)


def test_a_history_that_cannot_be_read_is_no_no_and_no_yes() -> None:
    class Lost(Paper):
        def answer(self, question: Question[object]) -> Answer[object]:
            lost = isinstance(question, Landed)
            return Unknown(GitError("cannot fetch 3 files", hint="try again")) if lost else super().answer(question)

    desk = desk_with("a")
    desk.paper = Lost(**vars(desk.paper))
    assert refused(run(desk)) == "cannot fetch 3 files"
    assert desk.paper.opened == ()
