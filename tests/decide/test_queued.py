"""promobot's status on a merge queue's own commits: when it is green, and that it is said once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from bot.cli.actions import action_text
from bot.config import Config, GitHubForge, GitLabForge
from bot.decide import Intent
from bot.errors import ExitCode, RegistryError
from bot.plan import Guard, SetStatus
from bot.questions import Branches, BranchHead, Found, Unknown
from bot.repositories import Commit, CommitStatus, StatusState
from tests.paper import E2E, SHOP, STAGING, Paper, commit, configured, digest, values
from tests.paperwork import Desk, desk_with, staging

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
PENDING, SUCCESS, FAILURE = StatusState.PENDING, StatusState.SUCCESS, StatusState.FAILURE
GREEN = CommitStatus(SUCCESS, "1 image found in registry staging")
RED = CommitStatus(FAILURE, "shop/api:1.2.0 is not in registry staging: promote it, or push it there")
NOTHING = CommitStatus(SUCCESS, "it changes no image that promobot looks after")
SHA = "0" * 40


def on(forge: GitHubForge | GitLabForge, config: Config) -> Config:
    return config.model_copy(update={"forges": {"local": forge}})


GITHUB = GitHubForge(type="github", token_env="T")
CONFIG = on(GITHUB, configured(staging={"approvers": {"groups": ["team"], "required": 0}}))
MANUAL = on(GITHUB, configured(staging={"promote": "manual"}))
DOWNGRADE = CommitStatus(
    FAILURE, "merge request !1: would be a downgrade: staging runs 2.5.0, which is newer than 2.0.0"
)


@pytest.fixture
def desk() -> Desk:
    """e2e and staging run 1.1.2, and staging's registry has 1.2.0 besides."""
    paper = Paper(trees={"m1": {E2E_FILE: values(E2E, "1.1.2"), STAGING_FILE: values(STAGING, "1.1.2")}})
    for registry in ("e2e", "staging"):
        paper.tags[registry, "shop/api", "1.1.2"] = digest(1)
    paper.tags["staging", "shop/api", "1.2.0"] = digest(2)
    return Desk(paper)


def theirs(desk: Desk, files: dict[str, bytes] | None = None) -> int:
    """A person's merge request, by its number."""
    return desk.propose(f"ann/{len(desk.paper.opened)}", files or {STAGING_FILE: values(STAGING, "1.2.0")}).number


def queue(desk: Desk, *numbers: int) -> list[str]:
    """They are in the queue, in this order; the commits that it has made."""
    paper, main = desk.paper, desk.paper.heads["main"]
    heads: list[str] = []
    before: tuple[Commit, ...] = ()
    tree = paper.trees[main]
    for request in (next(one for one in paper.opened if one.number == number) for number in numbers):
        head, theirs = f"q{request.number}", paper.trees[request.head]
        changed = {path: text for path, text in theirs.items() if paper.trees[main].get(path) != text}
        tree = paper.trees[head] = {**tree, **changed}
        merge = replace(commit(head, email="github@example.com"), paths=tuple(changed), parents=("a", "b"))
        before = paper.ahead[main, head] = (merge, *paper.ahead[main, request.head], *before)
        paper.heads[branch(request.number)] = head
        heads.append(head)
    return heads


def branch(number: int) -> str:
    return f"gh-readonly-queue/main/pr-{number}-{SHA}"


def said(desk: Desk, *services: str, config: Config = CONFIG, intent: Intent | None = None) -> dict[str, CommitStatus]:
    """What a pass would say of the queue's commits."""
    plan = desk.paper.plan(*services, config=config, intent=intent)
    actions = [action for step in plan.steps for action in step.actions]
    return {a.commit or "": a.status for a in actions if isinstance(a, SetStatus) and a.queued}


def settled(desk: Desk, *heads: str, config: Config = CONFIG, intent: Intent | None = None) -> list[CommitStatus]:
    """What stands there after a pass; the next pass says nothing more."""
    desk.carry_out(desk.paper.plan(config=config, intent=intent))
    assert said(desk, config=config, intent=intent) == {}
    return [desk.paper.statuses[head] for head in heads]


def test_green_while_its_images_are_there(desk: Desk) -> None:
    heads = queue(desk, theirs(desk))
    assert said(desk) == {"q1": GREEN}
    assert settled(desk, *heads) == [GREEN]
    del desk.paper.tags["staging", "shop/api", "1.2.0"]
    assert settled(desk, *heads) == [RED]


def test_what_is_said_and_of_what_is_plain_to_people(desk: Desk) -> None:
    queue(desk, theirs(desk))
    (item,) = (item for item in desk.paper.plan(config=CONFIG).upkeep if item.unit.name != "!1")
    assert item.step is not None
    (say,) = item.step.actions
    assert (item.unit.name, item.environment, item.step.branch) == ("!1 in the merge queue", "staging", branch(1))
    words = "set the status on !1 in the merge queue: success, 1 image found in registry staging"
    assert action_text(say) == words
    assert item.step.guards == (Guard(BranchHead(SHOP, branch(1)), Found("q1")),)


def test_the_content_of_all_that_is_before_it_counts(desk: Desk) -> None:
    """Each is well by itself, and what they come to together isn't."""
    other = "apps/web/staging/values.yaml"
    desk.commit({other: values(STAGING, "1.1.2", repository="shop/web")})
    desk.paper.tags["staging", "shop/web", "1.1.2"] = digest(3)
    one, two = theirs(desk), theirs(desk, {other: values(STAGING, "3.0.0", repository="shop/web")})
    desk.paper.tags["staging", "shop/web", "3.0.0"] = digest(4)
    heads = queue(desk, two, one)
    assert settled(desk, *heads) == [GREEN, CommitStatus(SUCCESS, "2 images found in registry staging")]
    del desk.paper.tags["staging", "shop/web", "3.0.0"]
    first, second = settled(desk, *heads)
    assert (first.state, second) == (FAILURE, first)


def test_what_changes_no_manifest_gets_it_too_as_it_is_required(desk: Desk) -> None:
    heads = queue(desk, theirs(desk, {"README.md": b"x"}))
    assert settled(desk, *heads) == [NOTHING]


def test_of_what_another_configuration_judges_nothing_is_said(desk: Desk) -> None:
    (head,) = queue(desk, theirs(desk, {"README.md": b"x"}))
    desk.paper.statuses[head] = RED
    assert said(desk) == {}


def test_what_another_configuration_is_against_is_not_green_either(desk: Desk) -> None:
    """Though the commit has something of ours, by what is before it."""
    one, two = theirs(desk), theirs(desk, {"README.md": b"x"})
    heads = queue(desk, one, two)
    desk.paper.statuses[desk.paper.opened[1].head] = RED
    assert settled(desk, *heads) == [GREEN, CommitStatus(FAILURE, f"merge request !2: {RED.description}")]


def test_what_the_target_has_by_now_needs_nothing(desk: Desk) -> None:
    queue(desk, theirs(desk))
    desk.paper.ahead["m1", "q1"] = ()
    assert said(desk) == {}


# --- the merge request itself ---------------------------------------------------------------------------


def promoted(desk: Desk) -> str:
    """2.0.0 is proposed to staging by promobot, and in the queue."""
    desk.carry_out(desk.paper.plan(config=CONFIG))
    (head,) = queue(desk, 1)
    assert settled(desk, head) == [GREEN]
    return head


def test_ours_is_red_while_a_rule_is_against_it() -> None:
    desk = desk_with("api")
    head = promoted(desk)
    desk.commit(staging("api", "2.5.0"))
    assert settled(desk, head) == [DOWNGRADE]
    desk.commit(staging("api", "1.0.0"))
    assert settled(desk, head) == [GREEN]


def test_ours_is_red_until_it_is_known_that_the_rule_is_kept() -> None:
    """As its own status is."""
    desk = desk_with("api")
    head = promoted(desk)
    desk.commit(staging("api", "2.5.0"))
    assert settled(desk, head) == [DOWNGRADE]
    desk.commit(staging("api", "1.0.0"))
    desk.paper.unreachable = frozenset({"e2e"})
    assert settled(desk, head) == [DOWNGRADE]


def test_ours_is_not_green_while_its_tag_leads_elsewhere() -> None:
    desk = desk_with("api")
    head = promoted(desk)
    desk.paper.tags["staging", "shop/api", "2.0.0"] = digest(9)
    (status,) = settled(desk, head)
    assert status == CommitStatus(
        FAILURE, "merge request !1: shop/api:2.0.0 is no longer the image that this was made for"
    )


def test_what_waits_for_approvals_waits_there_too() -> None:
    desk = desk_with("api")
    config = on(GITHUB, configured(staging={"approvers": {"users": ["ann"], "required": 1}}))
    desk.carry_out(desk.paper.plan(config=config))
    desk.paper.approvals[1] = ("ann",)
    desk.carry_out(desk.paper.plan(config=config))
    (head,) = queue(desk, 1)
    assert settled(desk, head, config=config) == [GREEN]
    desk.paper.approvals.clear()
    waits = CommitStatus(PENDING, "merge request !1: 0 of 1 approval of ann")
    assert settled(desk, head, config=config) == [waits]


def test_what_goes_first_and_may_not_be_merged_is_waited_for(desk: Desk) -> None:
    """A queue may merge what failed together with what passed behind it."""
    one, two = theirs(desk), theirs(desk, {"README.md": b"x"})
    first, second = queue(desk, one, two)
    desk.close(one)
    gone = "it is not among those that are open"
    assert settled(desk, first, second) == [
        CommitStatus(PENDING, f"merge request !1: {gone}"),
        CommitStatus(PENDING, f"merge request !1, which goes first: {gone}"),
    ]


def test_what_is_behind_is_not_waited_for(desk: Desk) -> None:
    one, two = theirs(desk), theirs(desk, {E2E_FILE: values(E2E, "7.0.0")})
    first, second = settled(desk, *queue(desk, one, two))
    assert (first, second.state) == (GREEN, FAILURE)


# --- what isn't known -----------------------------------------------------------------------------------


def test_while_the_registry_is_silent_it_waits(desk: Desk) -> None:
    heads = queue(desk, theirs(desk))
    desk.paper.unreachable = frozenset({"staging"})
    (status,) = settled(desk, *heads)
    assert (status.state, "connection refused" in status.description) == (PENDING, True)


def test_what_isn_t_known_is_said_once_whatever_seconds_it_has(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(desk, theirs(desk), theirs(desk, {"README.md": b"x"}))
    seconds = count(1)

    def limited(*_: object) -> Unknown:
        return Unknown(RegistryError(f"registry staging wants {next(seconds)} s without any request", hint="later"))

    monkeypatch.setattr(Paper, "_of_registry", limited)
    assert [status.state for status in said(desk).values()] == [PENDING, PENDING]
    desk.carry_out(desk.paper.plan(config=CONFIG))
    assert said(desk) == {}


def test_a_commit_that_can_t_be_read_waits_and_says_so(desk: Desk) -> None:
    heads = queue(desk, theirs(desk))
    assert settled(desk, *heads) == [GREEN]
    desk.paper.lost = frozenset(heads)
    assert settled(desk, *heads) == [CommitStatus(PENDING, "cannot fetch m1")]


def test_a_merge_request_that_can_t_be_read_waits_and_says_so(desk: Desk) -> None:
    number = theirs(desk)
    heads = queue(desk, number)
    desk.paper.lost = frozenset({desk.paper.opened[0].head})
    assert settled(desk, *heads) == [CommitStatus(PENDING, "merge request !1: cannot fetch m1")]


@pytest.mark.parametrize("what", ["its commit", "the merge request", "that it is open"])
def test_what_is_about_nothing_of_ours_is_not_left_waiting(desk: Desk, what: str) -> None:
    """No later pass would take that back: another configuration may have said it."""
    heads = queue(desk, theirs(desk, {"README.md": b"x"}))
    opened = desk.paper.opened
    match what:
        case "its commit":
            desk.paper.lost = frozenset(heads)
        case "the merge request":
            desk.paper.lost = frozenset({opened[0].head})
        case _:
            desk.paper.opened = ()
    desk.carry_out(desk.paper.plan(config=CONFIG))
    desk.paper.lost, desk.paper.opened = frozenset(), opened
    assert settled(desk, *heads) == [NOTHING]


def test_a_status_that_can_t_be_read_is_said(desk: Desk) -> None:
    queue(desk, theirs(desk))
    desk.paper.mute = True
    items = {item.unit.name: item.blocked for item in desk.paper.plan(config=CONFIG).upkeep}
    blocked = items["!1 in the merge queue"]
    assert blocked is not None
    assert blocked.code is ExitCode.FORGE


# --- whose branches these are ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "gh-readonly-queue/main/x",
        f"gh-readonly-queue/main/pr-1-{SHA}/x",
        f"gh-readonly-queue/next/pr-1-{SHA}",
        f"gh-readonly-queue/main/pr-x-{SHA}",
        "gh-readonly-queue/main/pr-1-x",
        f"gh-readonly-queue/mainly/pr-1-{SHA}",
    ],
)
def test_other_branches_are_none_of_the_queue_s(desk: Desk, name: str) -> None:
    queue(desk, theirs(desk))
    desk.paper.heads[name] = desk.paper.heads.pop(branch(1))
    assert said(desk) == {}


def test_who_calls_the_head_of_a_merge_request_so_gets_no_other_status_for_it() -> None:
    """Of content alone ours would be green, whatever the rules say."""
    desk = desk_with("api")
    desk.carry_out(desk.paper.plan(config=CONFIG))
    (ours,) = desk.paper.opened
    desk.paper.heads[branch(theirs(desk, {"README.md": b"x"}))] = ours.head
    desk.commit(staging("api", "2.5.0"))
    desk.carry_out(desk.paper.plan(config=CONFIG))
    assert desk.paper.statuses[ours.head].state is FAILURE
    assert desk.paper.plan(config=CONFIG).steps == ()


def test_a_target_s_name_may_have_parts(desk: Desk) -> None:
    repository = {"repository": {"forge": "local", "project": "shop/gitops", "branch": "release/1"}}
    queue(desk, theirs(desk))
    desk.paper.heads["release/1"] = desk.paper.heads["main"]
    desk.paper.heads[f"gh-readonly-queue/release/1/pr-1-{SHA}"] = desk.paper.heads.pop(branch(1))
    desk.change(1, target_branch="release/1")
    assert said(desk, config=on(GITHUB, configured(e2e=repository, staging=repository))) == {"q1": GREEN}


@pytest.mark.parametrize("config", [configured(), on(GitLabForge(type="gitlab", token_env="T"), configured())])
def test_a_forge_without_such_a_queue_is_asked_for_nothing(desk: Desk, config: Config) -> None:
    queue(desk, theirs(desk))
    assert said(desk, config=config) == {}
    assert {q.prefix for q in desk.paper.asked if isinstance(q, Branches)} <= {"promobot/staging/"}


def test_without_a_queue_its_branches_are_all_that_is_asked_for_and_at_once(desk: Desk) -> None:
    def asked(config: Config) -> list[object]:
        desk.paper.asked.clear()
        desk.paper.plan(config=config)
        return [question for question in desk.paper.asked if not isinstance(question, Branches)]

    assert asked(CONFIG) == asked(configured())
    asked(CONFIG)
    first = [question for question in desk.paper.asked if isinstance(question, BranchHead | Branches)]
    assert Branches(SHOP, "gh-readonly-queue/main/", passing=True) in first[:3]


def test_it_is_looked_at_whoever_promotes_the_service(desk: Desk) -> None:
    heads = queue(desk, theirs(desk))
    assert settled(desk, *heads, config=MANUAL, intent=Intent(automatic=True)) == [GREEN]


def test_for_named_services_only_what_is_about_them(desk: Desk) -> None:
    web = {f"apps/web/{env}/values.yaml": values(reg, "1.1.2") for env, reg in (("e2e", E2E), ("staging", STAGING))}
    desk.commit(web)
    queue(desk, theirs(desk), theirs(desk, {"README.md": b"x"}))
    assert said(desk, "web") == {}
    assert list(said(desk, "api")) == ["q1", "q2"]


def test_many_are_looked_at_in_the_same_rounds(desk: Desk) -> None:
    queue(desk, theirs(desk))
    said(desk)
    rounds = desk.paper.rounds
    numbers = [theirs(desk, {f"apps/a{n}/staging/values.yaml": values(STAGING, "1.2.0")}) for n in range(20)]
    assert len(said(desk)) == 1
    queue(desk, 1, *numbers)
    assert len(said(desk)) == 21
    assert desk.paper.rounds == rounds <= 6


def test_nothing_else_is_done_about_them(desk: Desk) -> None:
    queue(desk, theirs(desk))
    for _ in range(2):
        plan = desk.paper.plan(config=CONFIG)
        assert all(isinstance(action, SetStatus) for step in plan.steps for action in step.actions)
        desk.carry_out(plan)
    assert desk.paper.heads[branch(1)] == "q1"
