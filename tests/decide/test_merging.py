"""`merge: auto`: what is merged without anybody, and what never is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bot.decide import Orders
from bot.plan import Guard, HoldMerge, Merge, PushBranch, SetStatus, Standing, Verdict
from bot.questions import Approvals, Found, Location, TagDigest
from bot.repositories import Commit, File, StatusState
from tests.paper import commit, configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

BRANCH = "promobot/staging/a"
NOBODY: Mapping[str, object] = {"approvers": {}}
AUTO = configured(staging={"merge": "auto", **NOBODY})


@pytest.fixture
def desk() -> Desk:
    """2.0.0 is proposed, by a pass that does no more than that."""
    desk = desk_with("a")
    (verdict,) = (plan := desk.paper.plan(config=AUTO)).verdicts
    assert "OpenRequest" in did(verdict)
    assert "Merge" not in did(verdict)
    desk.carry_out(plan)
    return desk


def did(verdict: Verdict) -> list[str]:
    return [type(action).__name__ for action in verdict.step.actions] if verdict.step else []


def decided(desk: Desk, config: object = AUTO) -> Verdict:
    (verdict,) = desk.paper.plan(config=config).verdicts  # type: ignore[arg-type]
    return verdict


def test_what_is_whole_is_merged_at_the_head_that_was_verified(desk: Desk) -> None:
    verdict = decided(desk)
    assert verdict.step is not None
    assert verdict.step.actions == (Merge(verdict.step.repository, 1, desk.paper.heads[BRANCH], "main"),)
    assert verdict.standing is Standing.PROPOSED
    there = Guard(TagDigest(Location("staging", "shop/a"), "2.0.0"), Found(digest(1)))
    assert there in verdict.step.guards, "the image is looked for once more"
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert desk.paper.opened == ()


def test_nothing_is_merged_unless_the_environment_says_so(desk: Desk) -> None:
    assert decided(desk, configured()).step is None


def test_a_service_that_its_rule_keeps_from_it_keeps_its_group_from_it() -> None:
    rules = [{"match": "*", "group": "shop"}, {"match": "b", "merge": "never"}]
    desk = desk_with("a", "b")
    config = configured(staging={"merge": "auto", **NOBODY}, services=rules)
    desk.carry_out(desk.paper.plan(config=config))
    assert desk.paper.plan(config=config).steps == ()


NEVER: Mapping[str, Callable[[Desk], object]] = {
    "a draft": lambda desk: desk.change(1, draft=True),
    "unfinished": lambda desk: desk.change(1, unfinished=True),
    "a person's": lambda desk: desk.change(1, ours=False, author="ann"),
    "a person's commit": lambda desk: desk.amend(BRANCH, {"notes.md": b"x"}),
    "another head": lambda desk: desk.change(1, head="elsewhere"),
    "an image that is gone": lambda desk: desk.paper.tags.pop(("staging", "shop/a", "2.0.0")),
    "a registry that is silent": lambda desk: setattr(desk.paper, "unreachable", frozenset({"staging"})),
    "another image there": lambda desk: desk.paper.tags.update({("staging", "shop/a", "2.0.0"): digest(9)}),
    "a newer image": lambda desk: desk.commit(e2e("a", "3.0.0")),
    "a rival": lambda desk: desk.propose("ann/mine", {"apps/a/staging/values.yaml": b"x: 1\n"}),
    "another target": lambda desk: desk.change(1, target_branch="release"),
}


@pytest.mark.parametrize("happens", NEVER.values(), ids=NEVER)
def test_what_is_never_merged(desk: Desk, happens: Callable[[Desk], object]) -> None:
    happens(desk)
    for verdict in desk.paper.plan(config=AUTO).verdicts:
        assert "Merge" not in did(verdict)


def test_what_somebody_let_pass_by_name_is_for_people_to_decide() -> None:
    desk = desk_with("a")
    desk.commit(
        {
            "apps/a/staging/values.yaml": desk.paper.trees[desk.paper.heads["main"]][
                "apps/a/staging/values.yaml"
            ].replace(b"1.0.0", b"3.0.0")
        }
    )
    orders = Orders(drop=True)
    desk.carry_out(desk.paper.plan("a", config=AUTO, orders=orders))
    assert desk.request(BRANCH).number == 1
    assert "Merge" not in did(decided(desk))


def test_as_many_approve_as_the_environment_wants(desk: Desk) -> None:
    config = configured(staging={"merge": "auto", "approvers": {"groups": ["team"], "required": 2}})
    verdict = decided(desk, config)
    assert (verdict.step, verdict.note) == (None, "0 of 2 approvals of team")
    desk.paper.members["team"] = frozenset({"ann", "bob"})
    desk.paper.approvals[1] = ("ann", "ann", "eve")
    assert decided(desk, config).note == "1 of 2 approvals of team"
    desk.paper.approvals[1] = ("ann", "bob")
    assert did(decided(desk, config)) == ["Merge"]


def test_what_a_list_told_of_approvals_may_be_over_by_now(desk: Desk) -> None:
    """What is asked again right before the merge has to be what was judged."""
    config = configured(staging={"merge": "auto", "approvers": {"users": ["ann"]}})
    desk.change(1, approvals=("ann",))
    verdict = decided(desk, config)
    assert (verdict.step, verdict.note) == (None, "0 of 1 approval of ann")
    desk.paper.approvals[1] = ("ann",)
    verdict = decided(desk, config)
    assert did(verdict) == ["Merge"]
    assert verdict.step is not None
    assert Guard(Approvals(verdict.step.repository, 1), Found(("ann",))) in verdict.step.guards


def test_what_the_forge_merges_by_itself_is_left_to_it(desk: Desk) -> None:
    desk.change(1, auto_merge_by="promobot")
    verdict = decided(desk)
    assert (verdict.step, verdict.note) == (None, "which the forge merges as soon as it may")


def test_what_the_forge_merges_by_itself_is_held_when_approvals_are_taken_back(desk: Desk) -> None:
    config = configured(staging={"merge": "auto", "approvers": {"users": ["ann"]}})
    desk.change(1, auto_merge_by="promobot")
    desk.paper.approvals[1] = ("ann",)
    assert decided(desk, config).step is None
    desk.paper.approvals[1] = ()
    verdict = decided(desk, config)
    assert (did(verdict), verdict.note) == (["HoldMerge"], "0 of 1 approval of ann")
    desk.carry_out(desk.paper.plan(config=config))
    assert desk.paper.plan(config=config).steps == ()
    desk.change(1, auto_merge_by="bob")
    assert desk.paper.plan(config=config).steps == (), "what he says is his to say"


def test_what_the_forge_merges_by_itself_is_held_before_anything_is_pushed(desk: Desk) -> None:
    for who in ("promobot", "ann"):
        desk.change(1, auto_merge_by=who)
        desk.commit(e2e("a", "3.0.0"))
        assert did(decided(desk))[:2] == ["HoldMerge", "PushBranch"]


def test_what_the_forge_merges_for_us_is_held_where_its_image_is_gone(desk: Desk) -> None:
    desk.paper.tags.pop(("staging", "shop/a", "2.0.0"))
    desk.change(1, auto_merge_by="promobot")
    assert did(decided(desk))[:2] == ["HoldMerge", "CopyImage"]
    desk.change(1, auto_merge_by="ann")
    assert "HoldMerge" not in did(decided(desk)), "what she says is hers to say"


def test_what_a_person_worked_on_is_held(desk: Desk) -> None:
    desk.change(1, auto_merge_by="promobot")
    desk.amend(BRANCH, {"notes.md": b"x"})
    verdict = decided(desk)
    assert verdict.step is not None
    assert isinstance(verdict.step.actions[0], HoldMerge)
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert desk.paper.plan(config=AUTO).steps == ()
    desk.change(1, auto_merge_by="ann")
    assert desk.paper.plan(config=AUTO).steps == (), "what she says is hers to say"


def test_what_is_blocked_is_held(desk: Desk) -> None:
    desk.change(1, auto_merge_by="promobot")
    desk.commit(e2e("a", "3.0.0"))
    desk.paper.tags["staging", "shop/a", "3.0.0"] = digest(9)
    verdict = decided(desk)
    assert verdict.standing is Standing.BLOCKED
    assert did(verdict)[0] == "HoldMerge"


def test_what_somebody_sent_elsewhere_is_held(desk: Desk) -> None:
    """GitHub goes on with its auto-merge when who may push changes the base."""
    desk.change(1, target_branch="release")
    assert decided(desk).step is None
    desk.change(1, auto_merge_by="promobot")
    verdict = decided(desk)
    assert verdict.standing is Standing.BLOCKED
    assert did(verdict) == ["HoldMerge"]
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert desk.paper.plan(config=AUTO).steps == ()


def test_what_is_left_of_a_person_s_work_is_held_too(desk: Desk) -> None:
    """Nothing is due any more, but there is a merge request that the forge would merge with what they made of it."""
    desk.change(1, auto_merge_by="promobot")
    desk.amend(BRANCH, {"notes.md": b"x"})
    desk.commit(staging("a", "2.0.0"))
    assert did(decided(desk)) == ["HoldMerge"]
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert desk.paper.plan(config=AUTO).steps == ()


def test_a_branch_that_a_person_made_anew_is_held(desk: Desk) -> None:
    desk.change(1, auto_merge_by="promobot")
    theirs = commit("p9", email="ann@example.com")
    desk.paper.heads[BRANCH], desk.paper.trees["p9"] = "p9", desk.paper.trees[desk.paper.heads["main"]]
    desk.paper.ahead[desk.paper.heads["main"], "p9"] = (theirs,)
    desk.change(1, head="p9")
    verdict = decided(desk)
    assert verdict.standing is Standing.BLOCKED
    assert did(verdict) == ["HoldMerge"]


def test_what_has_to_be_rebased_is_made_anew_on_the_target_s_head_and_then_merged(desk: Desk) -> None:
    desk.change(1, needs_rebase=True)
    assert did(decided(desk)) == ["Merge"], "its branch has all that the target's has: that was told of another time"
    for number in range(2):
        head = desk.commit({f"notes-{number}.md": b"x"})
        before = desk.paper.heads[BRANCH]
        plan = desk.paper.plan(config=AUTO)
        (verdict,) = plan.verdicts
        assert verdict.step is not None
        push, status = verdict.step.actions
        assert isinstance(push, PushBranch)
        assert isinstance(status, SetStatus)
        assert (push.base, push.expected, status.status.state) == (head, before, StatusState.SUCCESS)
        desk.carry_out(plan)
        assert did(decided(desk)) == ["Merge"], "whatever the forge says: nothing has moved"
    desk.change(1, needs_rebase=False)
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert desk.paper.opened == ()


def test_what_people_merge_is_not_made_anew(desk: Desk) -> None:
    desk.change(1, needs_rebase=True)
    desk.commit({"notes.md": b"x"})
    assert decided(desk, configured(staging=NOBODY)).step is None


KEPT: Mapping[str, Callable[[Desk], object]] = {
    "a draft": lambda desk: desk.change(1, draft=True),
    "a person's commit": lambda desk: desk.amend(BRANCH, {"README.md": b"x"}),
    "a person's": lambda desk: desk.change(1, ours=False, author="ann"),
    "what ann has the forge merge": lambda desk: desk.change(1, auto_merge_by="ann"),
}


@pytest.mark.parametrize("happens", KEPT.values(), ids=KEPT)
def test_what_promobot_would_not_merge_is_not_made_anew(desk: Desk, happens: Callable[[Desk], object]) -> None:
    desk.change(1, needs_rebase=True)
    desk.commit({"notes.md": b"x"})
    assert did(decided(desk))[0] == "PushBranch"
    happens(desk)
    assert "PushBranch" not in did(decided(desk))


def test_what_lacks_approvals_is_made_anew_when_it_has_them_and_lacks_them_again(desk: Desk) -> None:
    config = configured(staging={"merge": "auto", "approvers": {"users": ["ann"]}})
    desk.carry_out(desk.paper.plan(config=config))
    desk.change(1, needs_rebase=True)
    desk.commit({"notes.md": b"x"})
    assert decided(desk, config).note == "0 of 1 approval of ann"
    assert "PushBranch" not in did(decided(desk, config))
    desk.paper.approvals[1] = ("ann",)
    assert did(decided(desk, config)) == ["PushBranch", "SetStatus"]
    desk.carry_out(desk.paper.plan(config=config))
    desk.paper.approvals[1] = ()
    desk.commit({"more.md": b"x"})
    assert (decided(desk, config).step, decided(desk, config).note) == (None, "0 of 1 approval of ann")


def test_what_the_forge_was_to_merge_for_us_is_held_before_it_is_made_anew(desk: Desk) -> None:
    desk.change(1, needs_rebase=True, auto_merge_by="promobot")
    desk.commit({"notes.md": b"x"})
    assert did(decided(desk)) == ["HoldMerge", "PushBranch", "SetStatus"]


def test_a_forged_body_merges_nothing_else(desk: Desk) -> None:
    head = desk.paper.heads[BRANCH]
    desk.change(1, body="<!-- promobot staging/a 0123456789abcdef -->\n", title="Promote a 9.9.9")
    for _ in range(3):
        plan = desk.paper.plan(config=AUTO)
        merges = [action for step in plan.steps for action in step.actions if isinstance(action, Merge)]
        assert {merge.head for merge in merges} <= {head}
        desk.carry_out(plan)
    main = desk.paper.trees[desk.paper.heads["main"]]
    assert b"tag: 2.0.0" in main["apps/a/staging/values.yaml"]


OTHER = {"apps/b/staging/values.yaml": b"image: evil/evil:1\n"}
# What somebody who may push to the branch makes of our commit there, in our name.
FORGED: Mapping[str, Callable[[Commit], tuple[Commit, ...]]] = {
    "a commit on top": lambda ours: (replace(ours, sha="p9", paths=tuple(OTHER)), ours),
    "another file in it": lambda ours: (replace(ours, paths=(*ours.paths, *OTHER)),),
    "a merge": lambda ours: (replace(ours, parents=("a", "b")),),
    "a symbolic link": lambda ours: (ours,),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_written_in_our_name_is_put_right_and_not_merged(desk: Desk, name: str) -> None:
    main, old = (desk.paper.heads[one] for one in ("main", BRANCH))
    commits = FORGED[name](desk.paper.ahead[main, old][0])
    head = desk.paper.heads[BRANCH] = "forged"
    desk.paper.ahead[main, head] = (replace(commits[0], sha=head), *commits[1:])
    desk.paper.trees[head] = {**desk.paper.trees[old], **OTHER}
    desk.change(1, head=head, auto_merge_by="promobot")
    desk.paper.modes = {f"{head}:apps/a/staging/values.yaml": "120000" if name == "a symbolic link" else "100644"}
    assert did(decided(desk))[:2] == ["HoldMerge", "PushBranch"]
    desk.carry_out(desk.paper.plan(config=AUTO))
    assert did(decided(desk)) == ["Merge"]
    assert desk.paper.trees[desk.paper.heads[BRANCH]].keys().isdisjoint(OTHER)


def test_what_the_target_has_by_now_is_nothing_else() -> None:
    """Somebody made one of two changes by hand: merging what is proposed changes the other alone."""
    config = configured(staging={"merge": "auto", **NOBODY}, services=[{"match": "*", "group": "shop"}])
    desk = desk_with("a", "b")
    desk.carry_out(desk.paper.plan(config=config))
    file = "apps/b/staging/values.yaml"
    desk.commit(staging("b", "2.0.0"))
    main, head = (desk.paper.heads[one] for one in ("main", "promobot/staging/shop"))
    desk.paper.merges[main, head] = (File(file, "100644", b"image: evil/evil:1\n"),)
    assert "PushBranch" in did(decided(desk, config))
    desk.paper.merges[main, head] = (File(file, "100644", desk.paper.trees[main][file]),)
    desk.carry_out(desk.paper.plan(config=config))
    assert did(decided(desk, config)) == ["Merge"]


def test_a_branch_that_moved_is_another_branch(desk: Desk) -> None:
    """The forge's list and git may be of different moments."""
    (request,) = desk.paper.opened
    desk.paper.opened = (replace(request, head=f"{request.head}-older"),)
    assert "Merge" not in did(decided(desk))
