"""`promote --wait`: until people have decided."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.apply import StepResult
from bot.cli.promote import _Answer
from bot.cli.waiting import Patience, Waiting, code_of, open_requests, wait
from bot.errors import ExitCode, ForgeError
from bot.forges.local import LocalForge, create_project
from bot.git import Clone, Identity
from bot.plan import Blocked, Done, OpenRequest, Plan, Standing, Step, Verdict
from bot.promotion import Unit
from bot.reconcile import Pass
from bot.repositories import FileChange, MergeRequest, Repository, RequestDraft, RequestState, Reviewers
from bot.world import World
from tests.cli.registries import Shop, shop
from tests.company import PROJECT
from tests.paper import configured

__all__ = ["shop"]

ANN = Identity("Ann", "ann@example.com")
PROMOTE = ("promote", "inventory", "--to", "staging", "--wait", "--interval", "1s", "--timeout", "1m")


@dataclass
class Clock:
    """Time passes only while somebody sleeps, and then something may happen."""

    meanwhile: Iterator[Callable[[], object]]
    now: float = 0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        next(self.meanwhile, lambda: None)()

    def patience(self, timeout: float = 100, interval: float = 10) -> Patience:
        return Patience(timeout, interval, lambda: self.now, self.sleep)


@dataclass(frozen=True)
class Desk:
    """A forge with two merge requests, and who waits for them."""

    folder: Path
    world: World
    forge: LocalForge
    waiting: list[Waiting]
    told: list[str]

    def merge(self, number: int) -> None:
        self.forge.merge("a/b", number, head=self.forge.get("a/b", number).head, by="ann")

    def close(self, number: int, by: str = "ann") -> None:
        self.forge.close("a/b", number, reason="not now", by=by)

    def vanish(self) -> None:
        (self.folder / "git").rename(self.folder / "away")

    def return_(self) -> None:
        (self.folder / "away").rename(self.folder / "git")

    def wait(self, patience: Patience) -> list[RequestState]:
        ended = wait(self.world, self.waiting, patience, lambda one: self.told.append(one.name))
        return [one.request.state for one in ended]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    root = tmp_path / "git"
    create_project(root, "a/b", {"x": b"1"}, who=ANN, when=datetime.now(UTC))
    config = configured()
    config = config.model_copy(update={"forges": {"f": config.forges["local"].model_copy(update={"path": root})}})
    world = World(config, {}, tmp_path / "cache")
    clone = Clone(world.forge("f").git_url("a/b"), tmp_path / "clone.git", ANN)
    base = clone.heads(["main"])["main"]
    forge = LocalForge(root)
    waiting = []
    for name in ("one", "two"):
        clone.push(name, clone.commit(base, [FileChange(name, b"2")], name, datetime.now(UTC)), None)
        opened = forge.open("a/b", RequestDraft(name, "main", name, "", Reviewers(), ()))
        waiting.append(Waiting(Unit(name, (name,)), "prod", Repository("f", "a/b"), opened.request))
    return Desk(tmp_path, world, forge, waiting, [])


def opened(desk: Desk) -> list[str]:
    """What there is to wait for after a pass that opened both of them."""
    config = configured(staging={"repository": {"forge": "f", "project": "a/b"}})
    world = World(config.model_copy(update={"forges": desk.world.config.forges}), {}, desk.folder / "cache")
    verdicts, results = [], []
    for one in desk.waiting:
        draft = RequestDraft(one.unit.name, "main", "", "", Reviewers(), ())
        opening = OpenRequest(one.repository, draft)
        step = Step(one.unit, "staging", one.repository, one.unit.name, None, (), (opening,))
        verdicts.append(Verdict(one.unit, "staging", Standing.DUE, step=step))
        results.append(StepResult(step, (Done(opening),)))
    return [one.name for one in open_requests(world, Pass(Plan(tuple(verdicts)), tuple(results)))]


def test_what_was_opened_is_found_without_all_that_there_ever_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, requests = [], LocalForge.requests

    def count(forge: LocalForge, project: str, state: RequestState | None = None) -> tuple[MergeRequest, ...]:
        listed.append(state)
        return requests(forge, project, state)

    monkeypatch.setattr(LocalForge, "requests", count)
    assert opened(desk) == ["a/b!1", "a/b!2"]
    assert listed == [RequestState.OPEN]
    desk.merge(1)
    assert opened(desk) == ["a/b!1", "a/b!2"]
    assert listed[1:] == [RequestState.OPEN, None]


def test_what_was_waited_for_is_named_though_what_comes_next_is_blocked(desk: Desk) -> None:
    """It was merged, and something newer may not go yet."""
    one, url = desk.waiting[0], "https://forge.example.com/1"
    merged = replace(one, request=replace(one.request, state=RequestState.MERGED, url=url))
    due = Verdict(one.unit, "staging", Standing.DUE)
    newer = replace(due, standing=Standing.BLOCKED, blocked=Blocked("it soaks", ""))
    answer = _Answer(Pass(Plan((due,))), (replace(merged, target="staging"),), Pass(Plan((newer,))))
    (service,) = one.unit.services
    assert list(answer.variables()) == [(("staging", service, "merge_request_url"), url)]


def test_it_waits_until_the_last_one_has_ended(desk: Desk) -> None:
    clock = Clock(iter([lambda: desk.merge(2), lambda: None, lambda: desk.close(1)]))
    assert desk.wait(clock.patience()) == [RequestState.CLOSED, RequestState.MERGED]
    assert desk.told == ["a/b!2", "a/b!1"], "each is told once, when it ends"
    assert len(clock.slept) == 3
    assert all(8 <= seconds <= 12 for seconds in clock.slept), "about as often as was asked for"


def test_the_time_is_kept_and_what_is_open_then_is_open(desk: Desk) -> None:
    clock = Clock(iter([lambda: desk.merge(1)]))
    assert desk.wait(clock.patience(timeout=25)) == [RequestState.MERGED, RequestState.OPEN]
    assert clock.now == 25


def test_what_ended_in_the_very_last_moment_counts(desk: Desk) -> None:
    def both() -> None:
        desk.merge(1)
        desk.merge(2)

    clock = Clock(iter([both]))
    assert desk.wait(clock.patience(timeout=1)) == [RequestState.MERGED, RequestState.MERGED]


def test_a_forge_that_fails_for_a_while_is_asked_again(desk: Desk) -> None:
    happens = [desk.vanish, *[lambda: None] * 8, desk.return_, lambda: desk.merge(1), lambda: desk.merge(2)]
    assert desk.wait(Clock(iter(happens)).patience(timeout=1000)) == [RequestState.MERGED, RequestState.MERGED]


@pytest.mark.parametrize(("timeout", "times"), [(1000, 10), (35, 3)], ids=["again and again", "at the very end"])
def test_not_to_know_is_a_failure(desk: Desk, timeout: float, times: int) -> None:
    clock = Clock(iter([desk.vanish]))
    with pytest.raises(ForgeError):
        desk.wait(clock.patience(timeout=timeout))
    assert times <= len(clock.slept) <= times + 2


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda desk: desk.merge(1), ExitCode.DONE),
        (lambda desk: desk.close(1), ExitCode.CONFLICT),
        (lambda desk: desk.close(1, by="promobot"), ExitCode.DONE),
        (lambda _: None, ExitCode.BLOCKED),
    ],
    ids=["merged", "closed by a person", "closed by promobot", "open"],
)
def test_how_it_ended_is_the_exit_code(desk: Desk, end: Callable[[Desk], None], code: ExitCode) -> None:
    end(desk)
    ended = wait(desk.world, desk.waiting[:1], Clock(iter([])).patience(timeout=1), lambda _: None)
    assert code_of(ended[0]) is code


# --- the command ----------------------------------------------------------------------------------------


def once_open(shop: Shop, do: Callable[[MergeRequest], object]) -> threading.Thread:
    """Somebody who does something as soon as a merge request is open."""

    def watch() -> None:
        for _ in range(600):
            if requests := shop.company.requests():
                do(requests[0])
                return
            pause.wait(0.1)

    pause = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_what_is_merged_ends_well_and_the_answer_says_so(shop: Shop) -> None:
    forge = shop.company.forge
    person = once_open(shop, lambda request: forge.merge(PROJECT, request.number, head=request.head, by="ann"))
    file = shop.company.folder / "out.env"
    said = shop.company.promobot(*PROMOTE, "-o", "json", "--output-file", str(file))
    person.join()
    assert said == ExitCode.DONE
    url = f"{shop.company.forge.git_url(PROJECT)}#merge-request-1"
    assert f"PROMOBOT_STAGING_INVENTORY_MERGE_REQUEST_URL={url}\n" in file.read_text(encoding="utf-8")
    assert "PROMOBOT_EXIT_CODE=0\n" in file.read_text(encoding="utf-8")


def test_what_a_person_closes_is_a_conflict(shop: Shop) -> None:
    forge = shop.company.forge
    person = once_open(shop, lambda one: forge.close(PROJECT, one.number, reason="not on Friday", by="ann"))
    said = shop.run(*PROMOTE)
    person.join()
    assert said.code == ExitCode.CONFLICT
    assert f"✗ staging/inventory: {PROJECT}!1 was closed by ann: not on Friday" in said.err
    assert "waiting for" in said.err


def test_what_nobody_decides_is_blocked_when_the_time_is_up(shop: Shop) -> None:
    said = shop.run(*PROMOTE, "--timeout", "1s", "-o", "json")
    assert said.code == ExitCode.BLOCKED
    assert f"{PROJECT}!1 is still open" in said.err
    (waited,) = said.data["waited"]
    assert (waited["state"], waited["number"]) == ("open", 1)
    assert said.data["verdicts"][0]["merge_request"] == waited["url"]


def test_an_interrupt_ends_the_waiting_without_a_trace(shop: Shop) -> None:
    command = [sys.executable, "-m", "bot", *PROMOTE, "-o", "json"]
    environ = {**shop.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True) as process:
        assert process.stderr is not None
        assert "waiting for" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, "")
    assert err == "promobot: interrupted; run it again to go on from here\n"
    assert len(shop.company.requests()) == 1


def test_nothing_to_wait_for_is_no_wait(shop: Shop) -> None:
    path = "apps/inventory/staging/helmrelease.yaml"
    shop.company.commit("main", path, shop.company.manifest("inventory", "staging", "1.1.3"))
    said = shop.run(*PROMOTE)  # the image is copied, and no merge request is needed for it
    assert said.code == ExitCode.DONE
    assert "nothing to wait for" in said.err


def test_what_holds_up_the_blocked_is_said_not_to_be_waited_for(shop: Shop) -> None:
    assert shop.run(*PROMOTE[:4]).code == ExitCode.DONE
    (request,) = shop.company.requests()
    path = "apps/inventory/staging/helmrelease.yaml"
    shop.company.commit(request.source_branch, path, shop.company.manifest("inventory", "staging", "9.9.9"))
    said = shop.run(*PROMOTE)
    assert said.code == ExitCode.CONFLICT
    assert "nothing to wait for: what is blocked isn't proposed, and what is open (!1) is something else" in said.err
