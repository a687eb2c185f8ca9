"""Merge requests that people opened by hand for what promobot would propose."""

from __future__ import annotations

import pytest

from bot.decide import Intent
from bot.errors import ExitCode
from bot.plan import CloseRequest, CopyImage, DeleteBranch, SetStatus, Standing, Verdict
from tests.paper import E2E, STAGING, Paper, configured, digest, values
from tests.paperwork import Desk

MINE = "ann/bump"
E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEWER = values(STAGING, "1.1.3")


@pytest.fixture
def desk() -> Desk:
    """e2e runs 1.1.3-rc2, staging 1.1.2."""
    paper = Paper(trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}})
    paper.tags["e2e", "shop/api", "1.1.3-rc2"] = digest(2)
    paper.tags["staging", "shop/api", "1.1.2"] = digest(1)
    return Desk(paper)


def verdict(desk: Desk) -> Verdict:
    return desk.paper.verdict("api")


def kinds(verdict: Verdict) -> list[type]:
    return [type(action) for action in verdict.step.actions] if verdict.step else []


def test_for_the_same_image_it_is_the_merge_request_and_gets_its_image(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: NEWER})
    due = verdict(desk)
    assert (due.standing, due.request, kinds(due)) == (Standing.DUE, theirs, [SetStatus, CopyImage, SetStatus])
    desk.carry_out(desk.paper.plan())
    done = verdict(desk)
    assert (done.standing, done.request, done.step) == (Standing.PROPOSED, theirs, None)
    assert desk.paper.opened == (theirs,)
    assert done.promotion is not None
    assert done.promotion.warnings == (f"!{theirs.number} by ann proposes the same, and stands for ours",)


def test_ours_that_is_open_already_gives_way(desk: Desk) -> None:
    desk.carry_out(desk.paper.plan())
    theirs = desk.propose(MINE, {STAGING_FILE: NEWER})
    assert kinds(verdict(desk)) == [CloseRequest, DeleteBranch]
    desk.carry_out(desk.paper.plan())
    assert desk.paper.opened == (theirs,)
    assert desk.paper.closed[0].reason == f"no longer due: !{theirs.number} proposes the same"
    assert desk.replaced == {desk.paper.closed[0].number: theirs.url}


def test_when_it_is_closed_ours_is_proposed(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: NEWER})
    desk.close(theirs.number)
    desk.carry_out(desk.paper.plan())
    assert [request.ours for request in desk.paper.opened] == [True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (values(STAGING, "1.1.4"), f"changes {STAGING}/shop/api:1.1.2 to {STAGING}/shop/api:1.1.4"),
        (
            values(STAGING, "1.1.3").replace(b"shop/api", b"shop/other"),
            f"changes {STAGING}/shop/api:1.1.2 to {STAGING}/shop/other:1.1.3",
        ),
        (
            f"image: {STAGING}/shop/api:1.1.3@{digest(3)}".encode(),
            f"changes {STAGING}/shop/api:1.1.2 to {STAGING}/shop/api:1.1.3@{digest(3)}",
        ),
        (b"image: {}\n", f"changes {STAGING}/shop/api:1.1.2 to something else"),
        (b"image: [\n", "changes what can't be read then"),
    ],
)
def test_for_another_image_ours_waits_and_says_so(desk: Desk, content: bytes, said: str) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: content})
    held = verdict(desk)
    assert held.blocked is not None
    assert held.blocked.reason.startswith(f"!{theirs.number} by ann {said}")
    assert held.blocked.code is ExitCode.CONFLICT
    assert f"merge !{theirs.number}, or close it" in held.blocked.remedy


def test_what_it_changes_besides_images_holds_nothing(desk: Desk) -> None:
    desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.1.2", extra="replicas: 3\n"), "README.md": b"x"})
    desk.carry_out(desk.paper.plan())
    assert len(desk.paper.opened) == 2


def test_what_the_target_changed_since_is_not_its_doing(desk: Desk) -> None:
    desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.1.2", extra="replicas: 3\n")})
    desk.paper.tags["staging", "shop/api", "1.1.2-hotfix"] = digest(4)
    desk.commit({STAGING_FILE: values(STAGING, "1.1.2-hotfix")})
    assert verdict(desk).standing is Standing.DUE
    assert len(kinds(verdict(desk))) == 4


@pytest.mark.parametrize(
    "fields", [{"source_branch": "mallory:bump"}, {"target_branch": "next"}, {"head": "gone"}], ids=str
)
def test_who_may_not_push_here_and_what_goes_elsewhere_hold_nothing(desk: Desk, fields: dict[str, str]) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.1.4")})
    desk.paper.lost = frozenset({"gone"})
    desk.change(theirs.number, **fields)
    assert len(kinds(verdict(desk))) == 4


def test_a_part_of_several_images_is_not_the_same(desk: Desk) -> None:
    def written(registry: str, *tags: str) -> bytes:
        lines = (f"{name}: {{image: {registry}/shop/{name}:{tag}}}\n" for name, tag in zip(both, tags, strict=True))
        return "".join(lines).encode()

    both = ("api", "job")
    for name in both:
        desk.paper.tags["e2e", f"shop/{name}", "2.0.0"] = digest(5)
    desk.commit({E2E_FILE: written(E2E, "2.0.0", "2.0.0"), STAGING_FILE: written(STAGING, "1.0.0", "1.0.0")})
    desk.propose(MINE, {STAGING_FILE: written(STAGING, "2.0.0", "1.0.0")})
    held = verdict(desk)
    assert held.blocked is not None
    assert f"proposes {STAGING}/shop/api:2.0.0 too, without {STAGING}/shop/job:2.0.0" in held.blocked.reason


def test_of_a_group_the_others_go(desk: Desk) -> None:
    config = configured(services=[{"match": ["api", "web"], "group": "shop"}])
    web = {f"apps/web/{env}/values.yaml": values(reg, tag) for env, reg, tag in
           (("e2e", E2E, "1.1.3-rc2"), ("staging", STAGING, "1.1.2"))}  # fmt: skip
    desk.commit(web)
    theirs = desk.propose(MINE, {STAGING_FILE: NEWER})
    plan = desk.paper.plan(config=config, intent=Intent())
    found = {each.unit.services: each for each in plan.verdicts}
    assert found["web",].standing is Standing.DUE
    blocked = found["api",].blocked
    assert blocked is not None
    assert blocked.reason == f"!{theirs.number} by ann proposes it already"


def test_a_manifest_that_both_make_waits(desk: Desk) -> None:
    config = configured(staging={"when_missing": "copy"})
    desk.commit({"apps/new/e2e/values.yaml": values(E2E, "1.1.3-rc2")})
    theirs = desk.propose(MINE, {"apps/new/staging/values.yaml": NEWER})
    held = desk.paper.verdict("new", config=config)
    assert held.blocked is not None
    assert held.blocked.reason == f"!{theirs.number} by ann adds apps/new/staging/values.yaml as well"


def test_many_of_them_are_looked_at_in_the_same_rounds(desk: Desk) -> None:
    desk.propose(MINE, {STAGING_FILE: NEWER})
    verdict(desk)
    rounds = desk.paper.rounds
    for number in range(5):
        desk.propose(f"ann/{number}", {STAGING_FILE: NEWER})
    verdict(desk)
    assert desk.paper.rounds == rounds


@pytest.mark.parametrize(("tag", "blocked"), [("1.1.3", False), ("1.1.4", True)])
def test_ours_of_before_that_a_person_worked_on_is_theirs(desk: Desk, tag: str, *, blocked: bool) -> None:
    """The service went by itself when it was proposed, and goes with a group now."""
    desk.carry_out(desk.paper.plan())
    desk.amend("promobot/staging/api", {STAGING_FILE: values(STAGING, tag)})
    (before,) = desk.paper.opened
    desk.paper.bases[before.head] = desk.paper.heads["main"]
    config = configured(services=[{"match": "api", "group": "shop"}])
    plan = desk.paper.plan(config=config)
    (verdict,) = plan.verdicts
    assert (verdict.blocked is not None) == blocked
    desk.carry_out(plan)
    assert desk.paper.opened == (before,)
    assert verdict.request == before or (verdict.blocked and f"!{before.number} by promobot" in verdict.blocked.reason)
