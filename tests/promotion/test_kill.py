"""Killed anywhere and run again, a promotion ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from bot.images import Digest
from bot.repositories import MergeRequest
from tests.company import Company

ROOT = Path(__file__).parents[2]
COMMAND = ("promote", "inventory", "--to", "staging")
# The boundaries are dealt out to this many tests, so that several processors share them.
SHARDS = 4
# Each image has one layer of this many bytes for each platform: large enough that a copy can be killed midway.
SIZE = 1 << 17


class Driver:
    """Orders runs of promobot and waits for each; see tests/promotion/driver.py."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, company: Company, log: Path, kill_at: int, counted_from: str = "") -> int:
        """One promobot process, killed at a boundary; 0: not killed."""
        said = log.with_suffix(".said")
        order = {
            "argv": COMMAND,
            "environ": company.environ,
            "log": str(log),
            "said": str(said),
            "kill_at": kill_at,
            "counted_from": counted_from,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        assert code in {0, -signal.SIGKILL}, said.read_text(encoding="utf-8")
        return code


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    command = [sys.executable, "-m", "tests.promotion.driver"]
    # Its processes end without telling coverage what they ran, by SIGKILL or `os._exit`: nothing comes of tracing them.
    env = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield Driver(server)
        assert server.stdin is not None
        server.stdin.close()


def end_state(company: Company) -> tuple[object, ...]:
    """Everything that a promotion leaves behind, told so that two companies can be compared."""
    (branch,) = [name for name in company.branches() if name != "main"]
    path = "apps/inventory/staging/helmrelease.yaml"
    requests = [without_names(company, request) for request in company.all_requests()]
    commits = company.git("rev-list", "--count", f"main..{branch}").strip()
    message = company.git("log", "-1", "--format=%B", branch).replace(company.team, "TEAM")
    main = company.git("rev-parse", "main").strip()
    message = message.replace(main, "MAIN")
    content = company.content(branch, path).replace(company.team.encode(), b"TEAM")
    return branch, content, commits, message, requests, copied(company)


def without_names(company: Company, request: MergeRequest) -> tuple[object, ...]:
    main = company.git("rev-parse", "main").strip()
    body = request.body.replace(company.team, "TEAM").replace(main, "MAIN")
    body = "\n".join(line for line in body.splitlines() if not line.startswith("<!-- promobot"))
    return request.number, request.title, body, request.state, request.source_branch, request.reviewers


def copied(company: Company) -> Digest | None:
    return company.staging_digest("inventory", "1.1.3")


def left_running(company: Company) -> list[str]:
    """Processes that work for this company still; a killed process's children get a moment to follow it."""
    deadline = time.monotonic() + 5
    while (found := list(processes_of(company))) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def processes_of(company: Company) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(company.folder).encode() in words or company.team.encode() in words:
            yield words.replace(b"\0", b" ").decode(errors="replace")[:200]


def secrets_on_disk(company: Company) -> list[Path]:
    """Files that hold a password, apart from the one that the configuration names."""
    assert company.e2e.login is not None
    assert company.staging.login is not None
    passwords = [company.e2e.login.password.encode(), company.staging.login.password.encode()]
    allowed = company.folder / "staging-password"
    files = [path for path in company.folder.rglob("*") if path.is_file() and path != allowed]
    return [path for path in files if any(password in path.read_bytes() for password in passwords)]


@dataclass(frozen=True)
class Killing:
    """One undisturbed run, against which killed ones are held."""

    driver: Driver
    registries: tuple[RunningRegistry, RunningRegistry]
    folder: Path
    reads: list[str]
    effects: list[str]
    wanted: tuple[object, ...]

    def kill_and_run_again(self, number: int, counted_from: str) -> int:
        """Die at a boundary, leave nothing behind but what the next run goes on from, and let it."""
        company = Company.found(self.folder / f"killed-{number}", *self.registries, ["inventory"], size=SIZE)
        code = self.driver.run(company, self.folder / f"log-{number}", number, counted_from)
        assert left_running(company) == []
        assert secrets_on_disk(company) == []
        assert self.driver.run(company, self.folder / f"again-{number}", 0) == 0
        assert end_state(company) == self.wanted
        return code


@pytest.fixture
def killing(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, driver: Driver) -> Killing:
    registries = (e2e_registry, prod_registry)
    undisturbed = Company.found(tmp_path / "undisturbed", *registries, ["inventory"], size=SIZE)
    log = tmp_path / "boundaries"
    assert driver.run(undisturbed, log, 0) == 0
    boundaries = log.read_text(encoding="utf-8").splitlines()
    assert {"begin PushBranch", "begin CopyImage", "begin OpenRequest"} <= set(boundaries)
    first = next(index for index, name in enumerate(boundaries) if name.startswith("begin "))
    return Killing(driver, registries, tmp_path, boundaries[:first], boundaries[first:], end_state(undisturbed))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_at_every_boundary_of_an_effect_and_run_again(killing: Killing, shard: int) -> None:
    for number in range(1 + shard, len(killing.effects) + 1, SHARDS):
        assert killing.kill_and_run_again(number, "begin ") == -signal.SIGKILL, killing.effects[number - 1]


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
def test_killed_while_it_reads_and_run_again(killing: Killing, shard: int) -> None:
    """Up to the first action nothing is written but the kept clone."""
    codes = [killing.kill_and_run_again(number, "") for number in range(1 + shard, len(killing.reads) + 1, SHARDS)]
    assert -signal.SIGKILL in codes
