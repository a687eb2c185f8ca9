"""promobot's own status on merge requests that it didn't make: when it is green, and that it is said once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from bot.config import Config
from bot.config.references import broken_references
from bot.decide import Intent, Orders
from bot.decide.text import digest_of, read
from bot.errors import ExitCode, RegistryError
from bot.images import ImageParts
from bot.manifests.source import MAX_BYTES
from bot.plan import CopyImage, HoldMerge, SetStatus, Standing, UpdateRequest
from bot.questions import Answer, Question, Status, Unknown
from bot.repositories import CommitStatus, Landing, MergeRequest, Repository, RequestState, StatusState
from tests.paper import CONFIG, E2E, SHOP, STAGING, Paper, configured, digest, values
from tests.paperwork import Desk, desk_with, e2e, staging

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
MINE = "ann/bump"
OTHER = values(STAGING, "1.2.0")
PENDING, SUCCESS, FAILURE = StatusState.PENDING, StatusState.SUCCESS, StatusState.FAILURE
GREEN = CommitStatus(SUCCESS, "1 image found in registry staging")
RED = CommitStatus(FAILURE, "shop/api:1.2.0 is not in registry staging: promote it, or push it there")
ANY = Intent()
AUTOMATIC, MANUAL = Intent(automatic=True), configured(staging={"promote": "manual"})
NOTHING = CommitStatus(SUCCESS, "it changes no image that promobot looks after")


@pytest.fixture
def desk() -> Desk:
    """e2e and staging run 1.1.2, so that nothing is due."""
    paper = Paper(trees={"m1": {E2E_FILE: values(E2E, "1.1.2"), STAGING_FILE: values(STAGING, "1.1.2")}})
    for registry in ("e2e", "staging"):
        paper.tags[registry, "shop/api", "1.1.2"] = digest(1)
    return Desk(paper)


def said(desk: Desk, *services: str, config: Config = CONFIG) -> dict[str, CommitStatus]:
    """What a pass would say, by the commit."""
    plan = desk.paper.plan(*services, config=config)
    steps = [item.step for item in plan.upkeep if item.step is not None]
    actions = [action for step in steps for action in step.actions]
    assert all(isinstance(action, SetStatus) for action in actions)
    assert len({step.key for step in plan.steps}) == len(plan.steps)
    return {action.commit or "": action.status for action in actions if isinstance(action, SetStatus)}


def settled(desk: Desk, head: str, *, config: Config = CONFIG) -> CommitStatus:
    """What stands there after a pass; the next pass says nothing more."""
    desk.carry_out(desk.paper.plan(config=config))
    assert said(desk, config=config) == {}
    return desk.paper.statuses[head]


def test_red_until_the_image_is_there_then_green(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER})
    assert said(desk) == {theirs.head: RED}
    assert settled(desk, theirs.head) == RED
    desk.paper.tags["staging", "shop/api", "1.2.0"] = digest(2)
    assert settled(desk, theirs.head) == GREEN
    del desk.paper.tags["staging", "shop/api", "1.2.0"]
    assert settled(desk, theirs.head) == RED


def test_by_its_digest_where_one_is_named(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: f"image: {STAGING}/shop/api:1.1.2@{digest(2)}\n".encode()})
    red = settled(desk, theirs.head)
    assert red.state is FAILURE
    assert red.description.startswith(f"shop/api:1.1.2@{digest(2).short} is not in registry staging")
    desk.paper.tags["staging", "shop/api", "any"] = digest(2)
    assert settled(desk, theirs.head) == GREEN


def test_not_knowing_is_never_green_and_never_red(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.paper.unreachable = frozenset({"staging"})
    assert settled(desk, theirs.head) == CommitStatus(PENDING, "registry staging: connection refused")


def test_what_isn_t_known_is_said_once_whatever_seconds_it_has(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forge keeps each status, and GitHub a thousand of a commit at most."""
    desk.propose(MINE, {STAGING_FILE: OTHER})
    seconds = count(1)

    def limited(*_: object) -> Unknown:
        return Unknown(RegistryError(f"registry staging wants {next(seconds)} s without any request", hint="later"))

    monkeypatch.setattr(Paper, "_of_registry", limited)
    assert len(said(desk)) == 1
    desk.carry_out(desk.paper.plan())
    assert said(desk) == {}
    monkeypatch.undo()
    desk.paper.unreachable = frozenset({"staging"})
    assert len(said(desk)) == 1, "it is another reason"


def test_what_is_missing_counts_before_what_is_not_known(desk: Desk) -> None:
    both = f"a: {{image: {STAGING}/shop/api:1.2.0}}\nb: {{image: {STAGING}/shop/job:1.2.0}}\n".encode()
    theirs = desk.propose(MINE, {STAGING_FILE: both, E2E_FILE: values(E2E, "1.2.0")})
    desk.paper.unreachable = frozenset({"e2e"})
    red = settled(desk, theirs.head)
    assert red.state is FAILURE
    assert "shop/api:1.2.0 is not in registry staging (and 1 more)" in red.description


def test_one_status_for_all_environments_of_a_branch(desk: Desk) -> None:
    desk.paper.tags["staging", "shop/api", "1.2.0"] = digest(2)
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER, E2E_FILE: values(E2E, "1.2.0")})
    assert settled(desk, theirs.head).description.startswith("shop/api:1.2.0 is not in registry e2e")
    desk.paper.tags["e2e", "shop/api", "1.2.0"] = digest(2)
    assert settled(desk, theirs.head) == CommitStatus(SUCCESS, "2 images found in registry e2e and staging")


def test_it_is_shown_with_the_environment_that_it_changes(desk: Desk) -> None:
    """The branch's own where it changes none."""
    desk.propose("ann/e2e", {E2E_FILE: values(E2E, "1.2.0")})
    desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.propose("ann/notes", {"notes.md": b"x"})
    shown = {item.unit.name: item.environment for item in desk.paper.plan().upkeep}
    assert shown == {"!1": "e2e", "!2": "staging", "!3": "staging"}


@pytest.mark.parametrize(
    "content",
    [
        values("docker.io", "9.9.9"),  # of another registry
        b"replicas: 3\n",
        b"image: {}\n",
    ],
)
def test_other_registries_images_are_not_ours_to_judge(desk: Desk, content: bytes) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: content})
    assert settled(desk, theirs.head) == NOTHING


def test_what_changes_no_manifest_gets_it_too_as_it_may_be_required(desk: Desk) -> None:
    theirs = desk.propose(MINE, {"README.md": b"hello\n"})
    assert settled(desk, theirs.head) == NOTHING


def test_of_what_another_configuration_judges_nothing_is_said(desk: Desk) -> None:
    theirs = desk.propose(MINE, {"teams/cart/staging/values.yaml": OTHER})
    desk.paper.statuses[theirs.head] = CommitStatus(FAILURE, "shop/cart:2 is not in registry team")
    assert said(desk) == {}


def test_what_came_by_a_merge_of_the_target_is_not_its_doing(desk: Desk) -> None:
    """The image that the target's branch names is missing, and somebody brings their branch up to date with it."""
    desk.commit({STAGING_FILE: values(STAGING, "1.0.0-lost")})
    theirs = desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.0.0-lost"), "README.md": b"x"})
    assert settled(desk, theirs.head) == NOTHING


def test_a_manifest_that_can_t_be_read_is_red_with_its_place(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: b"image: [\n"})
    red = settled(desk, theirs.head)
    assert red.state is FAILURE
    assert red.description.startswith(f"{STAGING_FILE}:")


def test_a_manifest_that_is_too_large_to_be_read_is_red_as_before(desk: Desk) -> None:
    """Who changes it may have put any image there; who comes with it from the target's branch hasn't."""
    large = OTHER + b"#" * MAX_BYTES
    desk.commit({STAGING_FILE: large})
    theirs = desk.propose(MINE, {STAGING_FILE: large.replace(b"1.2.0", b"9.9.9")})
    same = desk.propose("bob/merge", {STAGING_FILE: large, "README.md": b"x"})
    red = settled(desk, theirs.head)
    assert red.state is FAILURE
    assert f"{STAGING_FILE}:1: larger than" in red.description
    assert desk.paper.statuses[same.head] == NOTHING


def test_what_a_status_quotes_is_what_every_forge_takes(desk: Desk) -> None:
    """GitHub refuses characters of four bytes: anybody could make every pass fail by one in a manifest."""
    theirs = desk.propose(MINE, {STAGING_FILE: "image: *\U0001f680\n".encode()})
    red = settled(desk, theirs.head)
    assert red.state is FAILURE
    assert "the alias *? has no anchor" in red.description


def test_a_manifest_that_goes_names_nothing(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER})
    del desk.paper.trees[theirs.head][STAGING_FILE]
    assert settled(desk, theirs.head) == NOTHING


def test_texts_fit_and_say_what_to_do(desk: Desk) -> None:
    long = "deeply/" * 25 + "api"
    theirs = desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.2.0", repository=long)})
    red = settled(desk, theirs.head)
    assert len(red.description) == 140
    assert red.description.startswith("…")
    assert red.description.endswith("/api:1.2.0 is not in registry staging: promote it, or push it there")


@pytest.mark.parametrize("fields", [{"target_branch": "next"}, {"source_branch": "77:bump"}, {"head": ""}], ids=str)
def test_of_what_goes_elsewhere_and_what_the_forge_can_t_judge_nothing_is_said(
    desk: Desk, fields: dict[str, str]
) -> None:
    """The local forge has no forks; where a forge has them, see below."""
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.change(theirs.number, **fields)
    assert said(desk) == {}


def test_what_can_t_be_read_gets_nothing(desk: Desk) -> None:
    theirs = desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.paper.lost = frozenset({theirs.head})
    assert said(desk) == {}


def test_a_status_that_can_t_be_read_is_said(desk: Desk) -> None:
    desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.paper.mute = True
    plan = desk.paper.plan()
    (item,) = plan.upkeep
    assert item.blocked is not None
    assert (item.unit.name, item.blocked.code) == ("!1", ExitCode.FORGE)


def test_where_promobot_only_reads_it_says_nothing() -> None:
    """A repository of a source alone: the token may do no more there than read."""
    config = configured(e2e={"repository": {"forge": "local", "project": "dev/gitops"}})
    paper = Paper(trees={"m1": {E2E_FILE: values(E2E, "1.1.2"), STAGING_FILE: values(STAGING, "1.1.2")}})
    paper.tags["e2e", "shop/api", "1.1.2"] = paper.tags["staging", "shop/api", "1.1.2"] = digest(1)
    desk = Desk(paper)
    desk.propose(MINE, {E2E_FILE: values(E2E, "1.2.0")})
    desk.paper.plan(config=config)
    asked = {question.repository.project for question in desk.paper.asked if isinstance(question, Status)}
    assert asked == {"shop/gitops"}


# --- for some services alone ---


def test_for_named_services_only_what_is_about_them(desk: Desk) -> None:
    web = {f"apps/web/{env}/values.yaml": values(reg, "1.1.2") for env, reg in (("e2e", E2E), ("staging", STAGING))}
    desk.commit(web)
    mine = desk.propose(MINE, {STAGING_FILE: OTHER})
    desk.propose("ann/web", {"apps/web/staging/values.yaml": OTHER})
    desk.propose("ann/readme", {"README.md": b"x"})
    assert list(said(desk, "api")) == [mine.head]
    group = configured(services=[{"match": "api", "group": "shop"}])
    assert list(said(desk, "shop", config=group)) == [mine.head]
    assert len(said(desk)) == 3


# --- ours ---


def due(desk: Desk) -> None:
    desk.commit({E2E_FILE: values(E2E, "1.1.3-rc2")})
    desk.paper.tags["e2e", "shop/api", "1.1.3-rc2"] = digest(3)


def test_ours_has_it_before_it_is_opened_and_no_pass_looks_again(desk: Desk) -> None:
    due(desk)
    verdict = desk.paper.verdict("api")
    assert verdict.step is not None
    assert [type(action).__name__ for action in verdict.step.actions][-3:] == ["CopyImage", "SetStatus", "OpenRequest"]
    desk.carry_out(desk.paper.plan())
    (ours,) = desk.paper.opened
    assert desk.paper.statuses == {ours.head: GREEN}
    desk.paper.asked.clear()
    assert desk.paper.plan().steps == ()
    assert not [question for question in desk.paper.asked if isinstance(question, Status)]


def test_while_an_open_one_gets_a_newer_image_it_is_not_green(desk: Desk) -> None:
    due(desk)
    desk.carry_out(desk.paper.plan())
    desk.commit({E2E_FILE: values(E2E, "1.2.0")})
    desk.paper.tags["e2e", "shop/api", "1.2.0"] = digest(4)
    verdict = desk.paper.verdict("api")
    assert verdict.step is not None
    states = [a.status.state.value if isinstance(a, SetStatus) else type(a).__name__ for a in verdict.step.actions]
    assert states == ["PushBranch", "pending", "CopyImage", "success", "UpdateRequest"]


def test_with_a_persons_commit_on_top_it_is_looked_at(desk: Desk) -> None:
    due(desk)
    desk.carry_out(desk.paper.plan())
    (ours,) = desk.paper.opened
    desk.amend(ours.source_branch, {"apps/api/staging/values.yaml": OTHER})
    (now,) = desk.paper.opened
    assert said(desk) == {now.head: RED}
    assert [item.unit.name for item in desk.paper.plan().upkeep] == ["!1"]


def test_what_the_forge_merges_for_us_is_held_before_it_says_that_a_persons_commit_is_well(desk: Desk) -> None:
    """A forge that goes on after the push merges it as soon as the last status is green."""
    due(desk)
    desk.carry_out(desk.paper.plan())
    desk.change(1, auto_merge_by="promobot")
    assert desk.paper.plan(config=MANUAL, intent=AUTOMATIC).steps == ()
    desk.amend("promobot/staging/api", {"notes.md": b"x"})
    (now,) = desk.paper.opened
    say = SetStatus(SHOP, now.head, now.source_branch, GREEN)
    for config in (configured(), MANUAL):
        (upkeep,) = desk.paper.plan(config=config, intent=AUTOMATIC).upkeep
        assert upkeep.step is not None
        assert upkeep.step.actions == (HoldMerge(SHOP, 1), say)
    desk.change(1, auto_merge_by="ann")
    (upkeep,) = desk.paper.plan(config=MANUAL, intent=AUTOMATIC).upkeep
    assert upkeep.step is not None
    assert upkeep.step.actions == (say,), "what she says is hers to say"


def test_with_a_commit_on_top_in_our_name_it_is_looked_at(desk: Desk) -> None:
    """Of what is proposed by name a pass says nothing else."""
    due(desk)
    desk.carry_out(desk.paper.plan())
    desk.amend("promobot/staging/api", {STAGING_FILE: OTHER}, forged=True)
    (now,) = desk.paper.opened
    plan = desk.paper.plan(intent=AUTOMATIC, config=MANUAL)
    assert [action for step in plan.steps for action in step.actions] == [
        SetStatus(SHOP, now.head, now.source_branch, RED)
    ]


def test_what_a_person_opens_from_our_branch_is_looked_at(desk: Desk) -> None:
    due(desk)
    desk.carry_out(desk.paper.plan())
    desk.change(1, author="ann", ours=False)
    desk.paper.statuses.clear()
    (theirs,) = desk.paper.opened
    assert said(desk) == {theirs.head: GREEN}


def test_an_image_that_this_pass_brings_is_waited_for_and_said_in_the_same_pass(desk: Desk) -> None:
    """A person proposes what is due: promobot brings the image."""
    due(desk)
    theirs = desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.1.3")})
    plan = desk.paper.plan()
    (verdict,) = plan.verdicts
    assert (verdict.standing, verdict.request, plan.upkeep) == (Standing.DUE, theirs, ())
    assert verdict.step is not None
    before, copy, after = verdict.step.actions
    assert isinstance(copy, CopyImage)
    assert before == SetStatus(SHOP, theirs.head, MINE, CommitStatus(PENDING, "promobot copies what it names"))
    assert after == SetStatus(SHOP, theirs.head, MINE, GREEN)
    desk.carry_out(plan)
    assert desk.paper.plan().steps == ()
    assert desk.paper.statuses[theirs.head] == GREEN


def test_what_was_green_waits_while_its_image_is_brought_again(desk: Desk) -> None:
    due(desk)
    theirs = desk.propose(MINE, {STAGING_FILE: values(STAGING, "1.1.3")})
    desk.carry_out(desk.paper.plan())
    del desk.paper.tags["staging", "shop/api", "1.1.3"]
    (step,) = desk.paper.plan().steps
    states = [action.status.state for action in step.actions if isinstance(action, SetStatus)]
    assert states == [PENDING, SUCCESS]
    assert settled(desk, theirs.head) == GREEN


def test_while_other_images_are_missing_too_it_is_red(desk: Desk) -> None:
    due(desk)
    both = values(STAGING, "1.1.3", extra=f"job: {{image: {STAGING}/shop/job:7}}\n")
    theirs = desk.propose(MINE, {STAGING_FILE: both})
    assert settled(desk, theirs.head).description.startswith("shop/job:7 is not in registry staging:")


# --- how much is asked ---


def test_many_are_looked_at_in_the_same_rounds(desk: Desk) -> None:
    desk.propose(MINE, {STAGING_FILE: OTHER})
    assert len(said(desk)) == 1
    rounds = desk.paper.rounds
    for number in range(20):
        desk.propose(f"ann/{number}", {STAGING_FILE: values(STAGING, f"2.0.{number}")})
    assert len(said(desk)) == 21
    assert desk.paper.rounds == rounds <= 6


def test_without_others_merge_requests_nothing_is_asked(desk: Desk) -> None:
    desk.paper.plan(intent=Intent())
    assert not [question for question in desk.paper.asked if isinstance(question, Status)]
    assert all(request.state is RequestState.OPEN for request in desk.paper.opened)


# --- ours, when what it brings is spoiled ----------------------------------------------------------------


SPOILED = CommitStatus(FAILURE, "shop/api:2.0.0 is no longer the image that this was made for")
GONE = CommitStatus(FAILURE, "shop/api:2.0.0 is not in registry staging: promote it, or push it there")
DONE = CommitStatus(SUCCESS, "1 image found in registry staging")


def passed(desk: Desk, intent: Intent = ANY, config: Config = CONFIG) -> CommitStatus:
    """What its status says when passes have nothing more to do."""
    for _ in range(3):
        desk.carry_out(desk.paper.plan(intent=intent, config=config))
    assert desk.paper.plan(intent=intent, config=config).steps == ()
    (request,) = desk.paper.opened
    return desk.paper.statuses[request.head]


@pytest.fixture
def promoted() -> Desk:
    """2.0.0 of a service is proposed to staging."""
    desk = desk_with("api")
    assert passed(desk) == DONE
    return desk


def test_ours_is_red_while_its_tag_leads_elsewhere(promoted: Desk) -> None:
    body = promoted.request("promobot/staging/api").body
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(9)
    assert passed(promoted) == SPOILED
    assert passed(promoted) == SPOILED
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(1)
    assert passed(promoted) == DONE
    assert promoted.request("promobot/staging/api").body == body


def test_what_people_wrote_stays_while_it_is_red(promoted: Desk) -> None:
    said = promoted.request("promobot/staging/api").body.replace("the same bits", "the very same bits")
    promoted.change(1, body=said)
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(9)
    assert passed(promoted) == SPOILED
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(1)
    assert passed(promoted) == DONE
    assert "the very same bits" in promoted.request("promobot/staging/api").body


def test_ours_is_red_while_its_image_is_gone_though_nobody_promotes_it_by_itself(promoted: Desk) -> None:
    del promoted.paper.tags["staging", "shop/api", "2.0.0"]
    assert passed(promoted, AUTOMATIC, MANUAL) == GONE
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(1)
    assert passed(promoted, AUTOMATIC, MANUAL) == DONE
    assert passed(promoted) == DONE


def test_ours_is_brought_again_where_it_goes_by_itself(promoted: Desk) -> None:
    del promoted.paper.tags["staging", "shop/api", "2.0.0"]
    assert passed(promoted) == DONE


def test_what_is_well_is_not_asked_for(promoted: Desk) -> None:
    promoted.paper.asked.clear()
    assert promoted.paper.plan(intent=AUTOMATIC, config=MANUAL).steps == ()
    assert not [question for question in promoted.paper.asked if isinstance(question, Status)]


# --- ours, when the configuration's rules are against it ---------------------------------------------------


SOAK = configured(staging={"gates": {"soak": timedelta(hours=2)}})
DOWNGRADE = CommitStatus(FAILURE, "would be a downgrade: staging runs 2.5.0, which is newer than 2.0.0")


def test_ours_is_red_while_what_it_proposes_would_be_a_downgrade(promoted: Desk) -> None:
    body = promoted.request("promobot/staging/api").body
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted) == DOWNGRADE
    promoted.commit(staging("api", "1.0.0"))
    assert passed(promoted) == DONE
    assert promoted.request("promobot/staging/api").body == body


def test_ours_is_red_too_where_it_is_open_though_its_branch_is_gone(promoted: Desk) -> None:
    promoted.commit(staging("api", "2.5.0"))
    del promoted.paper.heads["promobot/staging/api"]
    plan = promoted.paper.plan(config=MANUAL, intent=AUTOMATIC)
    (step,) = plan.steps
    assert [type(action) for action in step.actions] == [UpdateRequest, SetStatus]
    assert step.head is None, "else the text isn't written, as the branch is elsewhere"
    promoted.carry_out(plan)
    assert promoted.paper.plan(config=MANUAL, intent=AUTOMATIC).steps == ()


def test_ours_is_red_while_what_it_proposes_soaks(promoted: Desk) -> None:
    path, at = "apps/api/e2e/values.yaml", promoted.paper.now
    exact = e2e("api", "2.0.0", extra=f"  digest: {digest(1)}\n")
    promoted.commit(exact)
    assert passed(promoted) == DONE
    promoted.paper.landed[path] = (Landing("c", at, exact[path]),)
    told = passed(promoted, config=SOAK)
    assert (told.state, told.description) == (
        FAILURE,
        f"api 2.0.0 ({digest(1).short}) soaks in e2e until 2026-11-21 14:00 UTC",
    )
    promoted.paper.now += timedelta(hours=2)
    assert passed(promoted, config=SOAK) == DONE


@pytest.mark.parametrize(("proven", "red"), [(True, [FAILURE, SUCCESS]), (False, [SUCCESS, SUCCESS])])
def test_what_somebody_gave_by_hand_soaks_once_the_source_runs_it(*, proven: bool, red: list[StatusState]) -> None:
    """As the same command would be refused from then on; who said that it goes unproven said that of this, too."""
    path = "apps/api/e2e/values.yaml"
    desk = desk_with("api")
    exact = {
        tag: e2e("api", tag, extra=f"  digest: {digest(number)}\n") for number, tag in ((1, "2.0.0"), (2, "3.0.0"))
    }
    if proven:
        desk.commit(exact["2.0.0"])
    desk.commit(exact["3.0.0"])
    desk.paper.landed[path] = desk.paper.landed[path][: 1 + proven]
    orders = Orders(ImageParts.parse(f":2.0.0@{digest(1)}"), unproven="" if proven else "because")
    desk.carry_out(desk.paper.plan(intent=Intent(("api",), orders=orders), config=SOAK))
    (request,) = desk.paper.opened
    assert "the soak of 2h was skipped" in request.body
    assert passed(desk, config=SOAK) == DONE
    desk.commit(exact["2.0.0"])
    states = [passed(desk, config=SOAK).state]
    desk.paper.now += timedelta(hours=2)
    assert [*states, passed(desk, config=SOAK).state] == red


def test_what_is_older_is_well_while_what_is_newer_soaks(promoted: Desk) -> None:
    promoted.commit(e2e("api", "3.0.0"))
    assert passed(promoted, config=SOAK) == DONE
    assert promoted.paper.verdict("api", config=SOAK).standing is Standing.BLOCKED


def test_what_is_not_known_makes_nothing_red(promoted: Desk) -> None:
    promoted.paper.unreachable = frozenset({"e2e"})
    assert passed(promoted) == DONE
    assert promoted.paper.verdict("api").standing is Standing.BLOCKED


def test_with_a_person_s_commit_on_top_the_rules_hold_too(promoted: Desk) -> None:
    promoted.amend("promobot/staging/api", {"notes.md": b"a note"})
    assert passed(promoted) == DONE
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted) == DOWNGRADE


def test_what_a_person_put_in_its_place_is_a_person_s(promoted: Desk) -> None:
    promoted.paper.tags["staging", "shop/api", "2.6.0"] = digest(6)
    promoted.amend("promobot/staging/api", staging("api", "2.6.0"))
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted) == DONE


def test_an_image_that_is_gone_is_told_first(promoted: Desk) -> None:
    promoted.commit(staging("api", "2.5.0"))
    del promoted.paper.tags["staging", "shop/api", "2.0.0"]
    assert passed(promoted) == GONE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda desk: desk.commit(staging("api", "2.5.0")),
        lambda desk: desk.paper.tags.update({("staging", "shop/api", "2.0.0"): digest(9)}),
    ],
    ids=["a rule", "an image"],
)
@pytest.mark.parametrize("approved", [False, True], ids=["", "approved"])
@pytest.mark.parametrize("killed", [False, True], ids=["", "killed in between"])
def test_what_is_well_again_is_not_looked_at_any_more_though_nobody_promotes_it_by_itself(
    promoted: Desk, spoil: Callable[[Desk], object], *, approved: bool, killed: bool
) -> None:
    (request,) = promoted.paper.opened
    promoted.paper.approvals[1] = ("ann",) if approved else ()
    spoil(promoted)
    assert passed(promoted, AUTOMATIC, MANUAL).state is FAILURE
    red = promoted.request("promobot/staging/api").body
    assert red != request.body
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(1)
    lifted(promoted)
    (step,) = promoted.paper.plan(config=MANUAL, intent=AUTOMATIC).steps
    assert [type(action) for action in step.actions] == [SetStatus, UpdateRequest]
    assert passed(promoted, AUTOMATIC, MANUAL) == DONE
    if killed:
        promoted.change(1, body=red)
        assert passed(promoted, AUTOMATIC, MANUAL) == DONE
    assert promoted.paper.opened == (request,)
    promoted.paper.asked.clear()
    assert promoted.paper.plan(intent=AUTOMATIC, config=MANUAL).steps == ()
    assert Status not in map(type, promoted.paper.asked)


@pytest.mark.parametrize("body", ["", "mine", "mine\n"])
def test_what_is_well_again_is_not_looked_at_any_more_whatever_people_made_of_its_text(
    promoted: Desk, body: str
) -> None:
    promoted.change(1, body=body)
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted, AUTOMATIC, MANUAL).state is FAILURE
    lifted(promoted)
    assert passed(promoted, AUTOMATIC, MANUAL) == DONE
    assert "promobot-waits" not in promoted.paper.opened[0].body
    promoted.paper.asked.clear()
    assert promoted.paper.plan(intent=AUTOMATIC, config=MANUAL).steps == ()
    assert Status not in map(type, promoted.paper.asked)


def test_what_it_says_and_that_it_is_red_are_one_edit(promoted: Desk) -> None:
    """The note says that something newer can't come yet, and the image of what is open was replaced."""
    promoted.commit(e2e("api", "3.0.0"))
    for tag in ("2.0.0", "3.0.0"):
        promoted.paper.tags["staging", "shop/api", tag] = digest(9)
    promoted.carry_out(promoted.paper.plan())
    assert promoted.paper.plan().steps == ()
    (request,) = promoted.paper.opened
    assert promoted.paper.statuses[request.head] == SPOILED
    assert read(request.title, request.body).note == digest_of(promoted.paper.notes[1])
    assert "promobot-waits" in request.body


def test_what_it_says_and_that_it_is_well_again_are_one_edit(promoted: Desk) -> None:
    promoted.paper.tags["staging", "shop/api", "2.0.0"] = digest(9)
    assert passed(promoted) == SPOILED
    promoted.commit(e2e("api", "3.0.0"))
    promoted.paper.tags |= {("staging", "shop/api", tag): digest(bits) for tag, bits in (("2.0.0", 1), ("3.0.0", 9))}
    promoted.carry_out(promoted.paper.plan())
    assert promoted.paper.plan().steps == ()
    (request,) = promoted.paper.opened
    assert promoted.paper.statuses[request.head] == DONE
    assert read(request.title, request.body).note == digest_of(promoted.paper.notes[1])
    assert "promobot-waits" not in request.body


def test_of_what_nobody_promotes_by_itself_the_rules_hold_too(promoted: Desk) -> None:
    body = promoted.request("promobot/staging/api").body
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted, AUTOMATIC, MANUAL) == DOWNGRADE
    plan = promoted.paper.plan(intent=AUTOMATIC, config=MANUAL)
    assert plan.verdicts == ()
    promoted.commit(e2e("api", "3.0.0"))
    assert passed(promoted, AUTOMATIC, MANUAL) == DOWNGRADE, "3.0.0 may come, and 2.0.0 is proposed"
    promoted.commit({**staging("api", "1.0.0"), **e2e("api", "2.0.0")})
    assert passed(promoted, AUTOMATIC, MANUAL) == DONE
    assert passed(promoted) == DONE
    assert promoted.request("promobot/staging/api").body == body


def _with_qa() -> Config:
    """Another environment on the same branch."""
    said = CONFIG.model_dump(by_alias=True, exclude_unset=True)
    qa = {**said["environments"][1], "name": "qa", "paths": ["apps/{service}/qa/values.yaml"]}
    return Config.model_validate({**said, "environments": [*said["environments"], qa]})


WITH_QA = _with_qa()


def lifted(desk: Desk) -> None:
    """What let it be a downgrade is gone."""
    desk.commit(staging("api", "1.0.0"))


@pytest.mark.parametrize(
    ("e2e_runs", "config", "intent", "unreachable"),
    [
        ("3.0.0", SOAK, ANY, ()),
        ("3.0.0", configured(staging={"supersede": "wait"}), ANY, ()),
        ("2.0.0", CONFIG, ANY, ("e2e",)),
        ("2.0.0", WITH_QA, Intent(targets=("qa",)), ()),
    ],
    ids=["newer soaks", "newer waits", "not known", "another environment"],
)
def test_what_is_red_by_a_rule_stays_red_until_it_is_known_that_the_rule_is_kept(
    promoted: Desk, e2e_runs: str, config: Config, intent: Intent, unreachable: tuple[str, ...]
) -> None:
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted) == DOWNGRADE
    promoted.commit(e2e("api", e2e_runs))
    promoted.paper.unreachable = frozenset(unreachable)
    (request,) = promoted.paper.opened
    for _ in range(2):
        promoted.carry_out(promoted.paper.plan(intent=intent, config=config))
        assert promoted.paper.statuses[request.head] == DOWNGRADE
    promoted.paper.unreachable = frozenset()
    promoted.commit({**e2e("api", "2.0.0"), **staging("api", "1.0.0")})
    assert passed(promoted) == DONE


@pytest.mark.parametrize(("config", "intent"), [(CONFIG, ANY), (MANUAL, AUTOMATIC)], ids=["auto", "manual"])
def test_what_lost_its_mark_gets_it_back_while_it_is_red(promoted: Desk, config: Config, intent: Intent) -> None:
    body = promoted.request("promobot/staging/api").body
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted, intent, config) == DOWNGRADE
    promoted.change(1, body=body)
    assert passed(promoted, intent, config) == DOWNGRADE
    lifted(promoted)
    assert passed(promoted, intent, config) == DONE


def test_since_when_something_runs_that_nobody_knows_turns_nothing_red(promoted: Desk) -> None:
    path = "apps/api/e2e/values.yaml"
    promoted.paper.landed[path] = (Landing("c", promoted.paper.now, e2e("api", "2.0.0")[path]),)
    assert promoted.paper.verdict("api", config=SOAK).standing is Standing.BLOCKED
    assert passed(promoted, config=SOAK) == DONE


def test_what_is_promoted_by_name_costs_no_look_for_its_text(promoted: Desk) -> None:
    promoted.paper.asked.clear()
    assert promoted.paper.plan(intent=AUTOMATIC, config=MANUAL).steps == ()
    kinds = {type(question).__name__ for question in promoted.paper.asked}
    assert kinds.isdisjoint({"Status", "MergedBy", "Approvals"})


# --- branches of one name in two repositories ---------------------------------------------------------------

PROD, PRODS = "registry-prod.example.com", Repository("local", "shop/prod")


def in_two_repositories() -> Config:
    """e2e is promoted to staging and to prod, which is in another repository, by branches of the same names."""

    def called(project: str) -> dict[str, str]:
        return {"forge": "local", "project": project, "branches": "ops/{unit}"}

    two = configured(staging={"repository": called(SHOP.project)}).model_dump(by_alias=True, exclude_unset=True)
    paths = ["apps/{service}/prod/values.yaml"]
    prod = {"name": "prod", "from": ["e2e"], "repository": called(PRODS.project), "paths": paths, "registry": "prod"}
    registries = {**two["registries"], "prod": {"url": PROD}}
    config = Config.model_validate({**two, "registries": registries, "environments": [*two["environments"], prod]})
    assert not [*broken_references(config)]
    return config


def test_a_branch_is_not_taken_for_one_of_the_same_name_in_another_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is against what goes to prod, and that says nothing of what goes to staging."""
    desk, config = desk_with("api"), in_two_repositories()
    prod = Paper(trees={"m1": {"apps/api/prod/values.yaml": values(PROD, "2.0.0", repository="shop/api")}})
    answer, desk.paper.tags["prod", "shop/api", "2.0.0"] = desk.paper.answer, digest(1)

    def answered(question: Question[Any]) -> Answer[Any]:
        rev = getattr(question, "rev", None)
        repository = rev.repository if rev is not None else getattr(question, "repository", None)
        return prod.answer(question) if repository == PRODS else answer(question)

    monkeypatch.setattr(desk.paper, "answer", answered)
    assert passed(desk, config=config) == DONE
    desk.commit(staging("api", "2.5.0"))
    assert passed(desk, config=config) == DOWNGRADE


# --- one commit that several merge requests propose ---------------------------------------------------------


def beside(desk: Desk, request: MergeRequest, branch: str, target: str = "main") -> int:
    """A person opens another one for the same commit."""
    number = next(desk.numbers)
    other = replace(request, number=number, source_branch=branch, target_branch=target, author="ann", ours=False)
    desk.paper.heads[branch] = request.head
    desk.paper.opened = (*desk.paper.opened, other)
    return number


def stands(desk: Desk, head: str, config: Config = CONFIG) -> CommitStatus:
    """What is said of a commit when passes have nothing more to do."""
    for _ in range(3):
        desk.carry_out(desk.paper.plan(config=config))
    assert desk.paper.plan(config=config).steps == ()
    return desk.paper.statuses[head]


def test_nobody_turns_ours_green_by_another_of_the_same_commit(promoted: Desk) -> None:
    ours = promoted.request("promobot/staging/api")
    promoted.commit(staging("api", "2.5.0"))
    assert passed(promoted) == DOWNGRADE
    other = beside(promoted, ours, "ann/same")
    assert stands(promoted, ours.head) == DOWNGRADE
    promoted.close(other)
    assert stands(promoted, ours.head) == DOWNGRADE
    promoted.commit(staging("api", "1.0.0"))
    assert stands(promoted, ours.head) == DONE


PROD_FILE = "apps/api/prod/values.yaml"
TWO_BRANCHES = configured(
    further=[
        {
            "name": "prod",
            "from": "staging",
            "repository": {"forge": "local", "project": "shop/gitops", "branch": "prod"},
            "paths": ["apps/{service}/prod/values.yaml"],
            "registry": "staging",
            "promote": "manual",
        }
    ]
)


def also_to_prod(desk: Desk, head: str, tag: str) -> None:
    """Merged into prod's branch, what a commit has would change prod's manifest."""
    desk.paper.heads["prod"], desk.paper.trees["p0"] = "p0", {PROD_FILE: values(STAGING, "1.1.2")}
    desk.paper.trees[head] |= {PROD_FILE: values(STAGING, tag)}
    (made,) = desk.paper.ahead[desk.paper.heads["main"], head]
    desk.paper.ahead["p0", head] = (replace(made, paths=(PROD_FILE,)),)


def test_a_commit_for_two_branches_is_red_while_it_is_for_one(desk: Desk) -> None:
    """Else the last one that looks would say green over the other's red."""
    desk.paper.tags["staging", "shop/api", "1.2.0"] = digest(2)
    mine = desk.propose(MINE, {STAGING_FILE: OTHER})
    also_to_prod(desk, mine.head, "1.3.0")
    assert stands(desk, mine.head, TWO_BRANCHES) == GREEN
    number = beside(desk, mine, "ann/prod", "prod")
    assert stands(desk, mine.head, TWO_BRANCHES).description.startswith("shop/api:1.3.0 is not in registry staging")
    desk.paper.tags["staging", "shop/api", "1.3.0"] = digest(3)
    assert stands(desk, mine.head, TWO_BRANCHES) == GREEN
    desk.close(number)
    assert stands(desk, mine.head, TWO_BRANCHES) == GREEN


def test_what_is_not_known_of_the_other_is_waited_for(desk: Desk) -> None:
    desk.paper.tags["staging", "shop/api", "1.2.0"] = digest(2)
    mine = desk.propose(MINE, {STAGING_FILE: OTHER})
    also_to_prod(desk, mine.head, "1.2.0")
    number = beside(desk, mine, "ann/prod", "prod")
    assert stands(desk, mine.head, TWO_BRANCHES) == GREEN
    desk.paper.lost = frozenset({"p0"})
    assert stands(desk, mine.head, TWO_BRANCHES) == CommitStatus(PENDING, "cannot fetch p0")
    desk.close(number)
    assert stands(desk, mine.head, TWO_BRANCHES) == GREEN


@pytest.mark.parametrize("lost", [frozenset[str](), frozenset({"p0"})])
def test_ours_is_looked_at_again_when_the_other_one_is_gone(promoted: Desk, lost: frozenset[str]) -> None:
    """Of ours alone nothing is asked, so that it has to be told by its text that something is to be taken back."""
    ours, body = promoted.request("promobot/staging/api"), promoted.request("promobot/staging/api").body
    also_to_prod(promoted, ours.head, "9.9.9")
    promoted.paper.lost = lost
    number = beside(promoted, ours, "ann/prod", "prod")
    assert stands(promoted, ours.head, TWO_BRANCHES).state is (PENDING if lost else FAILURE)
    promoted.close(number)
    assert stands(promoted, ours.head, TWO_BRANCHES) == DONE
    assert promoted.request("promobot/staging/api").body == body
    promoted.paper.asked.clear()
    assert promoted.paper.plan(config=TWO_BRANCHES, intent=AUTOMATIC).steps == ()
    assert not [question for question in promoted.paper.asked if isinstance(question, Status)]


def test_what_stands_for_ours_is_green_again(promoted: Desk) -> None:
    """No pass knows what the rules say of a branch that is called otherwise, and ours is closed for it by then."""
    ours = promoted.request("promobot/staging/api")
    beside(promoted, ours, "ann/same")
    promoted.commit(staging("api", "2.5.0"))
    assert stands(promoted, ours.head) == DOWNGRADE
    promoted.commit(staging("api", "1.0.0"))
    assert stands(promoted, ours.head) == DONE
    assert [one.source_branch for one in promoted.paper.opened] == ["ann/same"]


def test_what_is_opened_again_does_not_turn_another_green(promoted: Desk) -> None:
    ours = promoted.request("promobot/staging/api")
    also_to_prod(promoted, ours.head, "9.9.9")
    other = beside(promoted, ours, "ann/prod", "prod")
    promoted.close(ours.number)
    red = stands(promoted, ours.head, TWO_BRANCHES)
    assert red.state is FAILURE
    promoted.carry_out(promoted.paper.plan("api", config=TWO_BRANCHES, intent=Intent(reopen=True)))
    assert promoted.request("promobot/staging/api").head == ours.head
    assert promoted.paper.statuses[ours.head].state is PENDING
    assert stands(promoted, ours.head, TWO_BRANCHES) == red
    promoted.close(other)
    assert stands(promoted, ours.head, TWO_BRANCHES) == DONE


def test_a_newer_commit_of_ours_is_shared_with_nobody(promoted: Desk) -> None:
    ours = promoted.request("promobot/staging/api")
    also_to_prod(promoted, ours.head, "9.9.9")
    beside(promoted, ours, "ann/prod", "prod")
    assert stands(promoted, ours.head, TWO_BRANCHES).state is FAILURE
    promoted.commit(e2e("api", "3.0.0"))
    promoted.carry_out(promoted.paper.plan(config=TWO_BRANCHES))
    newer = promoted.request("promobot/staging/api")
    assert newer.head != ours.head
    assert promoted.paper.statuses[newer.head] == DONE
    assert "promobot-waits" not in newer.body
    assert promoted.paper.plan(config=TWO_BRANCHES).steps == ()
