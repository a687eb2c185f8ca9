"""Killed at each request that a promotion sends: nothing runs on, no tag is wrong, the next run ends it."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.promotion.held import PROMOTE, is_promoted, started
from tests.promotion.test_kill import left_running, secrets_on_disk
from tests.proxy import Kind, Pause, Seen, Silence, start_proxy
from tests.registry.copies import wait_until

# Each way to be held; the one in mid-body is for what has one.
WAYS: dict[str, Kind] = {"before": Silence(), "midway": Pause(), "after": Silence(passed=True)}
SIZE = 1 << 17
SHARDS = 4


@dataclass
class Held:
    """A gate that numbers the requests to both registries and holds one of them, if it can be held that way."""

    number: int
    kind: Kind
    reached: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, request: Seen) -> Kind | None:
        self.seen.append(str(request))
        if next(self._count) != self.number:
            return None
        self.reached.set()
        return self.kind


@contextmanager
def by_way_of(company: Company, gate: Held) -> Iterator[None]:
    with ExitStack() as stack:
        proxies = {
            side: stack.enter_context(start_proxy(getattr(company, side), gate=gate)) for side in ("e2e", "staging")
        }
        company.connect(**proxies)
        stack.callback(company.connect)
        yield


def half_done(company: Company) -> list[Path]:
    """Files that a run makes on its way to another."""
    drafts = [file for kind in ("*.draft", "*.new") for file in (company.folder / "cache").rglob(kind)]
    return [*(company.folder / "tmp").iterdir(), *(company.folder / "home").rglob("*"), *drafts]


@dataclass(frozen=True)
class Killing:
    """What is to be killed, and how many requests it sends when it isn't."""

    registries: tuple[RunningRegistry, RunningRegistry]
    folder: Path
    requests: int

    def kill_and_run_again(self, number: int, way: str) -> bool:
        """Whether it was killed: where skopeo sends two requests at once, the order and number of them differ."""
        company = Company.found(self.folder / f"{way}-{number}", *self.registries, ["inventory"], size=SIZE)
        gate = Held(number, WAYS[way])
        with by_way_of(company, gate), started(company, *PROMOTE) as process:
            wait_until(lambda: gate.reached.is_set() or process.poll() is not None)
            assert secrets_on_disk(company) == []
            process.kill()
            killed = process.wait() == -signal.SIGKILL
            assert left_running(company) == [], gate.seen[-1]
        assert secrets_on_disk(company) == []
        assert company.staging_digest("inventory", "1.1.3") in {None, company.e2e_digest("inventory", "1.1.3-rc2")}
        assert company.promobot(*PROMOTE) == 0, gate.seen[-1]
        assert is_promoted(company), gate.seen[-1]
        assert half_done(company) == []
        return killed


@pytest.fixture
def killing(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Killing:
    company = Company.found(tmp_path / "undisturbed", e2e_registry, prod_registry, ["inventory"], size=SIZE)
    gate = Held(0, Silence())
    with by_way_of(company, gate):
        assert company.promobot(*PROMOTE) == 0
    return Killing((e2e_registry, prod_registry), tmp_path, len(gate.seen))


def test_killed_at_some_of_its_requests_and_run_again(killing: Killing) -> None:
    """In the middle of what skopeo sends, in each way."""
    middle = killing.requests // 2
    assert [killing.kill_and_run_again(middle + 3 * n, way) for n, way in enumerate(WAYS)] == [True, True, True]


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("way", WAYS)
def test_killed_at_every_request_and_run_again(killing: Killing, way: str, shard: int) -> None:
    numbers = range(1 + shard, killing.requests + 1, SHARDS)
    killed = [killing.kill_and_run_again(number, way) for number in numbers]
    assert killed.count(True) >= len(killed) - 1
