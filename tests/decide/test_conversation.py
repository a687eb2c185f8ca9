"""What an open merge request says, whose words those are, and the one note beside them."""

from __future__ import annotations

import pytest

from bot.decide.notes import OVER
from bot.decide.text import fingerprints_in, read, signed
from bot.plan import PushBranch, SetNote, Standing, UpdateRequest, Verdict
from bot.questions import Approvals
from bot.repositories import MergeRequest
from tests.paper import CONFIG, STAGING, configured, digest, values
from tests.paperwork import Desk, desk_with, e2e, staging

BRANCH = "promobot/staging/a"
WAITING = configured(staging={"supersede": "wait"})


@pytest.fixture
def desk() -> Desk:
    """2.0.0 is proposed."""
    desk = desk_with("a")
    desk.carry_out(desk.paper.plan("a"))
    return desk


def pass_over(desk: Desk, config: object = CONFIG) -> Verdict:
    """A whole pass; another one has nothing to do."""
    (verdict,) = (plan := desk.paper.plan(config=config)).verdicts  # type: ignore[arg-type]
    desk.carry_out(plan)
    assert desk.paper.plan(config=config).steps == ()  # type: ignore[arg-type]
    return verdict


def did(verdict: Verdict) -> list[str]:
    return [type(action).__name__ for action in verdict.step.actions] if verdict.step else []


def request(desk: Desk) -> MergeRequest:
    return desk.request(BRANCH)


def shown(text: str) -> str:
    """What people see of a body."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("<!-- ")).strip()


def newer(desk: Desk) -> None:
    desk.commit(e2e("a", "3.0.0"))


# --- whose words ------------------------------------------------------------------------------------------


def test_what_nobody_changed_is_brought_up_to_date(desk: Desk) -> None:
    newer(desk)
    pass_over(desk)
    now = request(desk)
    assert "3.0.0" in now.title
    assert "| `3.0.0` |" in now.body
    assert "2.0.0" not in shown(now.body).replace("3.0.0", "")
    assert desk.paper.notes == {}


@pytest.mark.parametrize("lines", ["\n", "\r\n"])
def test_what_people_write_around_it_stays(desk: Desk, lines: str) -> None:
    text = f"Ops: after five.\n\n{request(desk).body}\nSee #12.\n".replace("\n", lines)
    desk.change(1, body=text)
    assert pass_over(desk).step is None
    newer(desk)
    pass_over(desk)
    body = request(desk).body
    assert body.startswith("Ops: after five.\n\nFrom `e2e` to `staging`")
    assert body.endswith("\nSee #12.\n")
    assert "| `3.0.0` |" in body
    assert desk.paper.notes == {}


def test_what_people_make_of_it_stays_and_the_note_says_what_is_proposed(desk: Desk) -> None:
    changed = request(desk).body.replace("From `e2e`", "From our dear `e2e`")
    desk.change(1, body=changed)
    assert did(pass_over(desk)) == ["SetNote", "UpdateRequest"]
    assert shown(request(desk).body) == shown(changed)
    assert "Somebody changed the text above" in desk.paper.notes[1]
    newer(desk)
    assert "PushBranch" in did(pass_over(desk))
    assert shown(request(desk).body) == shown(changed)
    assert f"3.0.0`, `{digest(2)}`" in desk.paper.notes[1]


def test_a_person_s_no_counts_whatever_they_made_of_the_text(desk: Desk) -> None:
    desk.change(1, body="mine", title="mine")
    pass_over(desk)
    assert shown(request(desk).body) == "mine"
    desk.close(1)
    assert desk.paper.plan().verdicts[0].standing is Standing.BLOCKED


def test_a_person_s_no_counts_where_nothing_in_the_text_tells_what_it_was(desk: Desk) -> None:
    desk.change(1, body="no, and I never want to see it again")
    desk.close(1)
    (verdict,) = desk.paper.plan().verdicts
    assert verdict.blocked is not None
    assert verdict.blocked.reason == "ann closed !1, which proposed the same change"
    newer(desk)
    assert "OpenRequest" in did(pass_over(desk))


def test_a_title_that_somebody_changed_stays(desk: Desk) -> None:
    desk.change(1, title="URGENT: inventory")
    assert pass_over(desk).step is None
    newer(desk)
    pass_over(desk)
    assert request(desk).title == "URGENT: inventory"
    assert "| `3.0.0` |" in request(desk).body
    assert desk.paper.notes == {}


def test_labels_and_reviewers_are_never_said_again(desk: Desk) -> None:
    desk.change(1, labels=("theirs",), reviewers=("bob",))
    newer(desk)
    pass_over(desk)
    assert (request(desk).labels, request(desk).reviewers) == (("theirs",), ("bob",))


def test_what_is_approved_is_edited_for_another_image_alone(desk: Desk) -> None:
    """The text tells what the source's manifest has besides, and what that is now is no other image."""
    told = request(desk).body
    stale = signed(request(desk).title, read("", told).part.replace("the same bits", "the very same bits"))
    desk.change(1, body=stale)
    desk.paper.approvals[1] = ("ann",)
    assert pass_over(desk).step is None
    desk.paper.approvals[1] = ()
    assert did(pass_over(desk)) == ["UpdateRequest"]
    assert request(desk).body == told
    desk.paper.approvals[1] = ("ann",)
    newer(desk)
    assert "UpdateRequest" in did(pass_over(desk))


def test_what_lists_tell_of_approvals_isn_t_asked_again(desk: Desk) -> None:
    desk.change(1, approvals=("ann",))
    desk.commit(staging("a", "1.1.0"))
    assert "UpdateRequest" not in did(pass_over(desk))
    assert not [question for question in desk.paper.asked if isinstance(question, Approvals)]


def test_an_update_is_of_what_was_seen(desk: Desk) -> None:
    newer(desk)
    (update,) = (
        action for step in desk.paper.plan().steps for action in step.actions if isinstance(action, UpdateRequest)
    )
    assert update.seen == (request(desk).title, request(desk).body)


# --- the note -----------------------------------------------------------------------------------------------


def test_a_person_s_commit_is_noted_once(desk: Desk) -> None:
    desk.amend(BRANCH, {"notes.md": b"hello\n"})
    head = desk.paper.heads[BRANCH]
    verdict = pass_over(desk)
    assert (verdict.standing, did(verdict)) == (Standing.PROPOSED, ["SetNote", "UpdateRequest"])
    assert f"Commit {head} on this branch isn't promobot's" in desk.paper.notes[1]
    assert pass_over(desk).step is None, "the note says so already"
    newer(desk)
    for actions in (["SetNote", "UpdateRequest"], []):
        assert did(pass_over(desk)) == actions
        assert f"Commit {head} on this branch isn't promobot's" in desk.paper.notes[1]
        assert "What promobot pushed here isn't what would be proposed now" in desk.paper.notes[1]
    assert desk.paper.heads[BRANCH] == head


def test_a_person_s_other_image_is_noted_as_what_the_branch_names(desk: Desk) -> None:
    desk.amend(BRANCH, staging("a", "9.9.9"))
    verdict = pass_over(desk)
    assert verdict.standing is Standing.BLOCKED
    note = desk.paper.notes[1]
    assert f"- `{STAGING}/shop/a:9.9.9`" in note
    assert "**Title and text above are about what promobot pushed.**" in note
    assert "would be proposed now" not in note, "it still would"
    assert pass_over(desk).step is None


def test_what_is_over_is_said_to_be_over_and_never_again(desk: Desk) -> None:
    newer(desk)
    desk.paper.tags["staging", "shop/a", "3.0.0"] = digest(9)
    verdict = pass_over(desk)
    assert (verdict.standing, did(verdict)) == (Standing.BLOCKED, ["SetNote", "UpdateRequest"])
    assert "isn't what would be proposed now" in desk.paper.notes[1]
    desk.commit(e2e("a", "2.0.0"))
    assert did(pass_over(desk)) == ["SetNote", "UpdateRequest"]
    assert desk.paper.notes[1] == OVER


def test_what_isn_t_known_is_noted_nowhere(desk: Desk) -> None:
    newer(desk)
    desk.paper.unreachable = frozenset({"e2e", "staging"})
    assert pass_over(desk).step is None


def test_a_person_s_merge_request_has_no_note_of_ours(desk: Desk) -> None:
    desk.change(1, ours=False, author="ann")
    desk.amend(BRANCH, {"notes.md": b"hello\n"})
    newer(desk)
    assert pass_over(desk).step is None


def test_who_takes_the_last_line_away_makes_all_of_it_theirs(desk: Desk) -> None:
    desk.amend(BRANCH, {"notes.md": b"hello\n"})
    pass_over(desk)
    desk.change(1, body=shown(request(desk).body))
    pass_over(desk)
    newer(desk)
    pass_over(desk)
    assert "2.0.0" in shown(request(desk).body)


# --- supersede: wait ----------------------------------------------------------------------------------------


def test_what_is_newer_waits_for_what_is_open(desk: Desk) -> None:
    head, said = desk.paper.heads[BRANCH], shown(request(desk).body)
    newer(desk)
    verdict = pass_over(desk, WAITING)
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    assert verdict.blocked.reason == "a 3.0.0 waits for !1, which is open: staging says `supersede: wait`"
    assert verdict.blocked.remedy == "merge or close !1: the next pass proposes what is newer"
    assert verdict.outdated == "!1 proposes a 2.0.0, which isn't what runs in e2e now"
    assert did(verdict) == ["SetNote", "UpdateRequest"]
    assert desk.paper.notes[1].startswith("e2e runs a 3.0.0 now. This merge request stays as it is meanwhile")
    assert (desk.paper.heads[BRANCH], shown(request(desk).body)) == (head, said)


def test_what_is_even_newer_is_said_in_the_same_note(desk: Desk) -> None:
    newer(desk)
    pass_over(desk, WAITING)
    desk.commit(e2e("a", "4.0.0"))
    assert did(pass_over(desk, WAITING)) == ["SetNote", "UpdateRequest"]
    assert "4.0.0" in desk.paper.notes[1]


def test_after_the_merge_what_waited_is_proposed(desk: Desk) -> None:
    newer(desk)
    pass_over(desk, WAITING)
    desk.merge(1)
    newer(desk)
    assert "OpenRequest" in did(pass_over(desk, WAITING))


def test_when_the_source_goes_back_nothing_waits_any_more(desk: Desk) -> None:
    newer(desk)
    pass_over(desk, WAITING)
    desk.commit(e2e("a", "2.0.0"))
    assert pass_over(desk, WAITING).standing is Standing.PROPOSED
    assert desk.paper.notes[1] == OVER


def test_what_a_run_left_unfinished_is_finished_first(desk: Desk) -> None:
    """Nobody was asked to review it."""
    desk.change(1, unfinished=True)
    newer(desk)
    (verdict,) = desk.paper.plan(config=WAITING).verdicts
    assert {"PushBranch", "OpenRequest"} <= {*did(verdict)}


def test_what_waits_may_be_no_image() -> None:
    config = configured(staging={"supersede": "wait", "also_promote": ["/chart"]})
    desk = desk_with("a")
    there = "apps/a/staging/values.yaml"
    desk.commit(e2e("a", "2.0.0", extra="chart: 2\n"))
    desk.commit({there: values(STAGING, "1.0.0", repository="shop/a", extra="chart: 1\n")})
    pass_over(desk, config)
    desk.commit(e2e("a", "3.0.0", extra="chart: 3\n"))
    desk.commit({there: values(STAGING, "3.0.0", repository="shop/a", extra="chart: 1\n")})
    verdict = pass_over(desk, config)
    assert verdict.blocked is not None
    assert verdict.blocked.reason.startswith("a 3.0.0 waits for !1")


def test_a_draft_is_not_under_review(desk: Desk) -> None:
    desk.change(1, draft=True)
    newer(desk)
    assert "PushBranch" in did(pass_over(desk, WAITING))


def test_what_is_done_by_hand_is_closed_all_the_same(desk: Desk) -> None:
    desk.commit(staging("a", "2.0.0"))
    assert did(pass_over(desk, WAITING)) == ["CloseRequest", "DeleteBranch"]


# --- hints ---------------------------------------------------------------------------------------------------


FORGERIES = {
    "nothing": "",
    "no line of ours": "<!-- promobot staging/a 0123456789abcdef -->\n",
    "another's": f"<!-- promobot prod/b {'1' * 16} -->\n<!-- promobot-text {'1' * 16} {'2' * 16} 9 -->",
    "too long": f"x <!-- promobot-text {'0' * 16} {'1' * 16} 999999 {'2' * 16} -->",
    "many": "<!-- promobot-text 0123456789abcdef 0123456789abcdef 0 -->\n" * 50,
    "ours of nothing": signed("t", ""),
    "ours of something": signed("t", "the same image, believe me\n<!-- promobot staging/a 0123456789abcdef -->\n"),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("title", ["t", "Promote a 9.9.9 to staging"])
def test_whatever_the_body_says_what_is_done_comes_from_git(desk: Desk, forgery: str, title: str) -> None:
    desk.change(1, body=forgery, title=title)
    newer(desk)
    plan = desk.paper.plan()
    (verdict,) = plan.verdicts
    pushes = [action for step in plan.steps for action in step.actions if isinstance(action, PushBranch)]
    assert [one.branch for one in pushes] == [BRANCH]
    assert b"tag: 3.0.0" in pushes[0].files[0].content
    assert verdict.promotion is not None
    assert {move.digest for move in verdict.promotion.moves} == {digest(2)}
    said = [action for step in plan.steps for action in step.actions if isinstance(action, SetNote | UpdateRequest)]
    assert {action.number for action in said} <= {1}
    desk.carry_out(plan)
    assert desk.paper.plan().steps == ()
    assert fingerprints_in(request(desk).body) == set(verdict.promotion.fingerprints)


def test_an_older_text_of_ours_is_no_other(desk: Desk) -> None:
    """Somebody puts the whole body of a former proposal back."""
    former = request(desk)
    newer(desk)
    pass_over(desk)
    desk.change(1, body=former.body, title=former.title)
    pass_over(desk)
    assert "3.0.0" in request(desk).title
    assert "| `3.0.0` |" in request(desk).body


LONG = 1_000_000
MARK = "<!-- promobot staging/a 0123456789abcdef -->"
HOSTILE = {
    "many beginnings": "<!-- promobot-built " * (LONG // 20),
    "lines": "<!-- promobot-built -->\n" * (LONG // 24) + f"x\n{MARK}",
    "fingerprints": f"{MARK} " * (LONG // 46),
    "traces": "<!-- promobot-text 0123456789abcdef " * (LONG // 36),
}


@pytest.mark.parametrize("theirs", HOSTILE.values(), ids=HOSTILE)
def test_what_people_make_of_it_keeps_nobody_busy(theirs: str) -> None:
    made = read("title", theirs).proposing("title", signed("title", f"ours\n\n{MARK}\n"))
    assert made.before.count(MARK) == max(1, theirs.count(MARK))
