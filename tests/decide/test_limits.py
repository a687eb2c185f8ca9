"""How many merge requests are open at a time, and what ends those that nobody needs any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.config import Config, Limits, ServiceRule
from bot.decide import Intent
from bot.errors import ExitCode
from bot.plan import CloseRequest, DeleteBranch, OpenRequest, Plan, PushBranch, Standing
from bot.questions import Landed
from bot.repositories import CommitStatus, Landing, MergeRequest, RequestState, StatusState
from tests.paper import CONFIG, E2E, STAGING, Paper, commit, configured, digest, values
from tests.paperwork import desk_with

ONE_AT_A_TIME = configured(staging={"limits": Limits(open_requests=1)})
GROUPED = CONFIG.model_copy(update={"services": (ServiceRule(match=("*",), group="shop"),)})


@pytest.fixture
def paper() -> Paper:
    """Three services, each with something due."""
    tree = {}
    for service in ("c", "a", "b"):
        tree[f"apps/{service}/e2e/values.yaml"] = values(E2E, "1.1.3", repository=f"shop/{service}")
        tree[f"apps/{service}/staging/values.yaml"] = values(STAGING, "1.1.2", repository=f"shop/{service}")
    return Paper(trees={"m1": tree}, tags={("e2e", f"shop/{service}", "1.1.3"): digest(2) for service in "abc"})


def request(unit: str, number: int = 1, author: str = "promobot", target: str = "main") -> MergeRequest:
    branch = f"promobot/staging/{unit}"
    return MergeRequest(
        number, "t", "b", branch, target, "b1", RequestState.OPEN, "url", author, ours=author == "promobot"
    )


def opened(plan: Plan) -> list[str]:
    return [step.unit.name for step in plan.steps if any(isinstance(action, OpenRequest) for action in step.actions)]


def waiting(plan: Plan) -> dict[str, str]:
    verdicts = [verdict for verdict in plan.verdicts if verdict.blocked is not None]
    assert all(verdict.standing is Standing.BLOCKED and verdict.step is None for verdict in verdicts)
    assert all(verdict.blocked and verdict.blocked.code is ExitCode.BLOCKED for verdict in verdicts)
    return {verdict.unit.name: verdict.blocked.reason for verdict in verdicts if verdict.blocked}


def on_branch(paper: Paper, unit: str, *above: str, **trailers: str) -> None:
    """Our commit on the unit's branch, and commits by these addresses on top."""
    ours = commit("b1", Promotion=f"staging/{unit}", **trailers)
    commits = (*(commit(f"p{n}", email=email) for n, email in enumerate(above)), ours)
    paper.heads[f"promobot/staging/{unit}"] = commits[0].sha
    paper.trees[commits[0].sha] = paper.trees["m1"]
    paper.ahead["m1", commits[0].sha] = commits


# --- limits ---------------------------------------------------------------------------------------------


WAITS = "waits: {} of promobot in local:shop/gitops"


def test_the_first_by_name_go_first(paper: Paper) -> None:
    plan = paper.plan(config=ONE_AT_A_TIME)
    assert opened(plan) == ["a"]
    assert waiting(plan) == dict.fromkeys(("b", "c"), WAITS.format("1 merge request") + " is open or goes first")
    two = configured(staging={"limits": Limits(open_requests=2)})
    assert waiting(paper.plan(config=two)) == {"c": WAITS.format("2 merge requests") + " are open or go first"}
    assert opened(paper.plan()) == ["a", "b", "c"]


def test_what_failed_in_this_pass_takes_no_place(paper: Paper) -> None:
    failed = {step.key for step in paper.plan(config=ONE_AT_A_TIME).steps}
    plan = paper.plan(config=ONE_AT_A_TIME, intent=Intent(failed=frozenset(failed)))
    assert opened(plan) == ["a", "b"]
    assert waiting(plan) == {"c": WAITS.format("1 merge request") + " is open or goes first"}
    assert [verdict.queued for verdict in plan.verdicts] == [False, False, True]


def test_five_at_a_time_unless_the_configuration_says_otherwise(paper: Paper) -> None:
    tree = paper.trees["m1"]
    for service in "defgh":
        tree[f"apps/{service}/e2e/values.yaml"] = values(E2E, "1.1.3", repository="shop/a")
        tree[f"apps/{service}/staging/values.yaml"] = values(STAGING, "1.1.2", repository="shop/a")
    assert opened(paper.plan()) == ["a", "b", "c", "d", "e"]
    assert len(opened(paper.plan(config=configured(staging={"limits": {"open_requests": None}})))) == 8


def test_who_needs_what_waits_is_told_that_it_is_missing() -> None:
    desk = desk_with("a", "b")
    theirs = desk.propose("ann/mine", {"apps/d/staging/values.yaml": values(STAGING, "2.0.0", repository="shop/b")})
    desk.carry_out(desk.paper.plan(config=ONE_AT_A_TIME))
    assert desk.paper.statuses[theirs.head] == CommitStatus(
        StatusState.FAILURE, "shop/b:2.0.0 is not in registry staging: promote it, or push it there"
    )
    desk.carry_out(desk.paper.plan())
    assert desk.paper.statuses[theirs.head].state is StatusState.SUCCESS


def landed(paper: Paper, service: str, *tags: tuple[int, str]) -> None:
    """The days on which its source came to name tags, newest first."""
    path, repository = f"apps/{service}/e2e/values.yaml", f"shop/{service}"
    paper.landed[path] = tuple(
        Landing(f"{service}{day}", datetime(2026, 11, day, tzinfo=UTC), values(E2E, tag, repository=repository))
        for day, tag in tags
    )


def test_what_is_due_for_longest_goes_first(paper: Paper) -> None:
    """That is since the source came to name the image, whatever else its manifest was changed for, without a break."""
    landed(paper, "a", (20, "1.1.3"), (3, "1.1.2"), (1, "1.1.3"))
    landed(paper, "b", (19, "1.1.3"), (18, "1.1.3"), (2, "1.1.2"))
    landed(paper, "c", (19, "1.1.3"), (2, "1.1.2"))
    assert opened(paper.plan(config=ONE_AT_A_TIME)) == ["b"]
    landed(paper, "c", (20, "1.1.3"), (17, "1.1.3"), (1, "1.1.3"))
    plan = paper.plan(config=configured(staging={"limits": Limits(open_requests=2)}))
    assert opened(plan) == ["b", "c"]
    assert list(waiting(plan)) == ["a"]


def test_what_has_no_history_goes_last(paper: Paper) -> None:
    landed(paper, "c", (20, "1.1.3"), (3, "1.1.2"))
    assert opened(paper.plan(config=ONE_AT_A_TIME)) == ["c"]


def test_no_source_history_is_read_where_all_go_or_none_does(paper: Paper) -> None:
    paper.plan()
    paper.opened = (request("z"),)
    assert opened(paper.plan(config=ONE_AT_A_TIME)) == []
    assert not any(isinstance(question, Landed) and "/e2e/" in question.path for question in paper.asked)


def test_environments_of_one_repository_share_the_limit(paper: Paper) -> None:
    """The environment with more room may still go on when the other one may not."""
    given = ONE_AT_A_TIME.model_dump(by_alias=True, exclude_unset=True)
    staging = given["environments"][1]
    prod = {**staging, "name": "prod", "paths": ["apps/{service}/prod/values.yaml"], "limits": {"open_requests": 2}}
    config = Config.model_validate({**given, "environments": [*given["environments"], prod]})
    for service in "abc":
        path = f"apps/{service}/prod/values.yaml"
        paper.trees["m1"][path] = values(STAGING, "1.1.2", repository=f"shop/{service}")
    plan = paper.plan(config=config)
    assert [(step.target, step.unit.name) for step in plan.steps] == [("staging", "a"), ("prod", "a")]
    words = WAITS.format("2 merge requests") + " are open or go first"
    assert {verdict.blocked.reason for verdict in plan.verdicts if verdict.blocked} == {words}


def test_one_that_is_open_is_updated_and_counts(paper: Paper) -> None:
    paper.opened = (request("c"),)
    plan = paper.plan(config=ONE_AT_A_TIME)
    assert opened(plan) == []
    assert waiting(plan) == dict.fromkeys(("a", "b"), WAITS.format("1 merge request") + " is open")
    (step,) = plan.steps
    assert step.unit.name == "c"
    assert isinstance(step.actions[0], PushBranch)


def test_one_that_an_earlier_run_began_to_open_is_finished(paper: Paper) -> None:
    paper.opened = (replace(request("c"), unfinished=True),)
    assert opened(paper.plan(config=ONE_AT_A_TIME)) == ["c"]


@pytest.mark.parametrize("other", [request("z", author="ann"), replace(request("z"), source_branch="ann/z")])
def test_those_of_people_do_not_count(paper: Paper, other: MergeRequest) -> None:
    paper.opened = (other,)
    assert opened(paper.plan(config=ONE_AT_A_TIME)) == ["a"]


def test_those_of_another_configuration_do_not_count(paper: Paper) -> None:
    paper.opened = (request("z"),)
    on_branch(paper, "z")
    in_files(paper, "z", "apps/z/staging/values.yaml")
    assert opened(paper.plan("a", config=ONE_AT_A_TIME)) == []
    in_files(paper, "z", *THEIRS)
    assert opened(paper.plan("a", config=ONE_AT_A_TIME)) == ["a"]


def test_one_of_which_that_is_not_known_counts(paper: Paper) -> None:
    paper.opened = (request("z"),)
    on_branch(paper, "z")
    paper.lost = frozenset({"b1"})
    assert opened(paper.plan("a", config=ONE_AT_A_TIME)) == []


# --- orphans --------------------------------------------------------------------------------------------


def ended(plan: Plan) -> list[str]:
    """What is closed and deleted."""
    found = []
    for item in plan.upkeep:
        assert item.step is not None
        for action in item.step.actions:
            assert isinstance(action, CloseRequest | DeleteBranch)
            found.append(action.branch if isinstance(action, DeleteBranch) else f"!{action.number}: {action.reason}")
    return found


def links(plan: Plan) -> list[str]:
    """Where it is said that what is closed went."""
    steps = [item.step for item in plan.upkeep if item.step is not None]
    return [action.link for step in steps for action in step.actions if isinstance(action, CloseRequest)]


GONE = "!1: no longer due: there is no service or group named {} any more"


@pytest.mark.parametrize(
    ("unit", "config", "why"),
    [
        ("gone", CONFIG, "there is no service or group named gone any more"),
        ("a", GROUPED, "a goes with group {} now"),
        ("renamed-group", GROUPED, "there is no service or group named renamed-group any more"),
        ("a", configured(services=[{"match": "a", "skip": ["staging"]}]), "by `skip`, a doesn't go to staging"),
    ],
)
def test_a_merge_request_of_nothing_is_closed(paper: Paper, unit: str, config: Config, why: str) -> None:
    paper.opened = (request(unit),)
    on_branch(paper, unit)
    said = f"!1: no longer due: {why.format(config.group('a'))}"
    plan = paper.plan(config=config)
    assert ended(plan) == [said, f"promobot/staging/{unit}"]
    assert links(plan) == [""], "nothing is open in its place"


def test_what_goes_with_a_group_now_leads_to_its_merge_request(paper: Paper) -> None:
    group = replace(request("shop", 2), head="b-shop", url="https://forge/2")
    paper.opened = (request("a"), group)
    on_branch(paper, "a")
    plan = paper.plan(config=GROUPED)
    assert ended(plan)[0].startswith("!1: no longer due: a goes with group")
    assert links(plan) == ["https://forge/2"]
    paper.opened = (request("gone"), group)
    on_branch(paper, "gone")
    assert links(paper.plan(config=GROUPED)) == [""], "what is gone is in none"


def test_who_names_a_service_that_joined_a_group_ends_what_it_had_alone(paper: Paper) -> None:
    grouped = configured(services=[{"match": "[ab]", "group": "shop"}])
    paper.opened = (request("a"), request("b", 2), request("gone", 3))
    for unit in ("a", "b", "gone"):
        on_branch(paper, unit)
        paper.heads[f"promobot/staging/{unit}"] = f"b-{unit}"
        paper.ahead["m1", f"b-{unit}"] = (commit(f"b-{unit}", Promotion=f"staging/{unit}"),)
    plan = paper.plan("a", config=grouped)
    assert [line for line in ended(plan) if line.startswith("!")] == [
        "!1: no longer due: a goes with group shop now",
        "!2: no longer due: b goes with group shop now",
    ]
    assert not any(line.startswith("!") for line in ended(paper.plan("c", config=grouped)))


def test_without_a_branch_the_request_alone_is_closed(paper: Paper) -> None:
    paper.opened = (request("gone"),)
    on_branch(paper, "gone")
    del paper.heads["promobot/staging/gone"]
    assert ended(paper.plan()) == [GONE.format("gone")]


def test_what_the_target_no_longer_has_is_gone_too(paper: Paper) -> None:
    del paper.trees["m1"]["apps/c/staging/values.yaml"]
    paper.opened = (request("c"),)
    on_branch(paper, "c")
    assert ended(paper.plan()) == ["!1: no longer due: staging has no manifest of c any more", "promobot/staging/c"]


def test_nor_is_what_the_source_no_longer_has(paper: Paper) -> None:
    del paper.trees["m1"]["apps/c/e2e/values.yaml"]
    paper.opened = (request("c"),)
    on_branch(paper, "c")
    assert ended(paper.plan())[0] == "!1: no longer due: e2e has no manifest of c any more"


def test_one_that_can_t_be_read_keeps_no_other_from_its_end(paper: Paper) -> None:
    paper.opened = (request("gone"), replace(request("lost", 2), head="x"))
    on_branch(paper, "gone")
    paper.heads["promobot/staging/lost"] = "x"
    paper.lost = frozenset({"x"})
    assert ended(paper.plan()) == [GONE.format("gone"), "promobot/staging/gone"]


# --- another configuration's ----------------------------------------------------------------------------

THEIRS = ("teams/x/a/staging.yaml",)


def in_files(paper: Paper, unit: str, *paths: str) -> None:
    """What our commit on the unit's branch changes."""
    paper.ahead = {
        ends: tuple(replace(one, paths=paths) if unit in str(one.trailers) else one for one in commits)
        for ends, commits in paper.ahead.items()
    }


@pytest.mark.parametrize(
    ("paths", "is_ours"),
    [
        (("apps/gone/staging/values.yaml",), True),
        (("apps/gone/staging/values.yaml", "apps/kustomization.yaml"), True),
        (THEIRS, False),
        (("apps/gone/staging/values.yaml", *THEIRS), False),
        (("apps/gone/prod/values.yaml",), False),
    ],
)
def test_only_what_changes_nothing_but_our_files_is_ours_to_close(
    paper: Paper, paths: tuple[str, ...], *, is_ours: bool
) -> None:
    paper.opened = (request("gone"),)
    on_branch(paper, "gone")
    in_files(paper, "gone", *paths)
    assert ended(paper.plan()) == ([GONE.format("gone"), "promobot/staging/gone"] if is_ours else [])
    excluding = configured(staging={"exclude": ["apps/gone/**"]})
    assert ended(paper.plan(config=excluding)) == []


def test_what_says_nothing_of_itself_is_not_ours_to_close(paper: Paper) -> None:
    paper.opened = (request("gone"),)
    assert paper.plan().upkeep == ()


@pytest.mark.parametrize("current", [False, True])
def test_a_branch_of_another_configuration_is_neither_rewritten_nor_tidied_away(paper: Paper, *, current: bool) -> None:
    paper.opened = (request("a"),)
    on_branch(paper, "a")
    in_files(paper, "a", *THEIRS)
    if current:
        paper.trees["m1"]["apps/a/staging/values.yaml"] = values(STAGING, "1.1.3", repository="shop/a")
        paper.tags["staging", "shop/a", "1.1.3"] = digest(2)
    verdict = paper.verdict("a")
    assert verdict.step is None
    if current:
        assert verdict.standing is Standing.CURRENT
    else:
        assert verdict.blocked is not None
        assert verdict.blocked.code is ExitCode.CONFLICT
        assert f"branch promobot/staging/a changes {THEIRS[0]}" in verdict.blocked.reason
        assert verdict.request == paper.opened[0]


def test_what_another_configuration_has_go_together_holds_nothing(paper: Paper) -> None:
    paper.opened = (request("+spring"),)
    on_branch(paper, "+spring", Promoted_Together="a b")
    in_files(paper, "+spring", *THEIRS)
    plan = paper.plan()
    assert opened(plan) == ["a", "b", "c"]
    assert plan.upkeep == ()


@pytest.mark.parametrize(
    "kept", [request("a"), request("gone", author="ann"), request("gone", target="other"), request("x/y", author="bob")]
)
def test_others_stay(paper: Paper, kept: MergeRequest) -> None:
    paper.opened = (kept,)
    assert paper.plan().upkeep == ()


def test_a_branch_that_a_person_worked_on_stays(paper: Paper) -> None:
    paper.opened = (request("gone"),)
    on_branch(paper, "gone", "ann@example.com")
    assert paper.plan().upkeep == ()


def test_nothing_is_gone_that_could_not_be_read(paper: Paper) -> None:
    paper.opened = (request("gone"),)
    on_branch(paper, "gone")
    paper.lost = frozenset({"m1"})
    assert paper.plan().upkeep == ()


def test_who_names_services_ends_nothing_else(paper: Paper) -> None:
    paper.opened = (request("gone"),)
    assert paper.plan("a").upkeep == ()


def test_what_is_chosen_to_go_together_is_written_down(paper: Paper) -> None:
    plan = paper.plan(intent=Intent(("a", "b"), together="+spring"))
    (push,) = [action for step in plan.steps for action in step.actions if isinstance(action, PushBranch)]
    assert push.message.endswith("\nPromoted-Together: a b\n")
    assert push.branch == "promobot/staging/+spring"
