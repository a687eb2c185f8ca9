"""Two runs want different bits under one version tag at the same moment: one gets it, the other says why not."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from bot.demo.oci import build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.company import Company
from tests.promotion.held import started
from tests.promotion.test_kill import left_running, secrets_on_disk
from tests.proxy import Kind, Seen, start_proxy

SERVICES = ("inventory", "worker")
TAG = "1.1.3"


@pytest.fixture
def company(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Company:
    """Both services run the image of inventory, one rc2 and the other rc3: staging would call either 1.1.3."""
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, SERVICES)
    company.push_e2e("inventory", "1.1.3-rc3", build_index("inventory newest"))
    for environment, tag in (("e2e", "1.1.3-rc3"), ("staging", "1.1.2")):
        path = f"apps/worker/{environment}/helmrelease.yaml"
        company.commit("main", path, company.manifest("inventory", environment, tag))
    return company


class Together:
    """A gate: lets no run write the tag before both have brought what they want to have there.

    A run that is kept from writing by the other sends no such request, so half a second is what it gets for it.
    """

    def __init__(self) -> None:
        self.brought: set[str] = set()
        self.writes = 0
        self._both = threading.Event()

    def __call__(self, request: Seen) -> Kind | None:
        if request.method != "PUT" or "/manifests/" not in request.path:
            return None
        if not request.path.endswith(f"/{TAG}"):
            self.brought.add(request.path)
            if len(self.brought) == 2 * 3:  # an index and its two images, of both
                self._both.set()
            return None
        self.writes += 1
        self._both.wait(30)
        threading.Event().wait(0.5)
        return None


def both(company: Company) -> dict[str, tuple[int, str]]:
    """Promote both services at once, each by a process; their exit codes and what they said."""
    with started(company, *promote(SERVICES[0])) as first, started(company, *promote(SERVICES[1])) as second:
        return {name: ended(process) for name, process in zip(SERVICES, (first, second), strict=True)}


def promote(service: str) -> tuple[str, ...]:
    return "promote", service, "--to", "staging"


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    stdout, stderr = process.communicate(timeout=120)
    assert stderr == b""
    return process.returncode, stdout.decode()


def state(company: Company) -> tuple[object, ...]:
    requests = [(request.number, request.state, request.head) for request in company.all_requests()]
    return company.staging_digest("inventory", TAG), requests, company.branches()


def one_has_it(company: Company, results: dict[str, tuple[int, str]]) -> None:
    """One digest at the tag, and a merge request for who wants that one; the other is told whose the version is."""
    wanted = {
        "inventory": company.e2e_digest("inventory", "1.1.3-rc2"),
        "worker": company.e2e_digest("inventory", "1.1.3-rc3"),
    }
    held = company.staging_digest("inventory", TAG)
    (winner,) = [name for name in SERVICES if wanted[name] == held]
    (loser,) = [name for name in SERVICES if name != winner]
    assert {name: code for name, (code, _) in results.items()} == {winner: ExitCode.DONE, loser: ExitCode.BLOCKED}
    assert "taken" in results[loser][1]
    assert held is not None
    assert held.short in results[loser][1]
    assert [request.source_branch for request in company.all_requests()] == [f"promobot/staging/{winner}"]
    assert sorted(company.branches()) == ["main", f"promobot/staging/{winner}"]


def test_one_digest_wins_and_the_other_run_says_that_the_version_is_taken(company: Company) -> None:
    together = Together()
    with start_proxy(company.staging, gate=together) as proxy:
        company.connect(staging=proxy)
        results = both(company)
        company.connect()
    assert together.writes == 1
    one_has_it(company, results)
    assert left_running(company) == []
    assert secrets_on_disk(company) == []
    before = state(company)
    one_has_it(company, both(company))
    assert state(company) == before


@pytest.mark.long
def test_whenever_they_meet(tmp_path: Path, company: Company) -> None:
    """Nobody is held: twenty versions, each of which two runs want for different bits."""
    for number in range(20):
        for service, candidate in (("inventory", "rc2"), ("worker", "rc3")):
            tag = f"2.0.{number}-{candidate}"
            company.push_e2e("inventory", tag, build_index(tag))
            path = f"apps/{service}/e2e/helmrelease.yaml"
            company.commit("main", path, company.manifest("inventory", "e2e", tag))
        results = both(company)
        held = company.staging_digest("inventory", f"2.0.{number}")
        codes = sorted(code for code, _ in results.values())
        assert codes == [ExitCode.DONE, ExitCode.BLOCKED], results
        assert held in {company.e2e_digest("inventory", f"2.0.{number}-{candidate}") for candidate in ("rc2", "rc3")}
        again = both(company)
        assert {name: code for name, (code, _) in again.items()} == {name: code for name, (code, _) in results.items()}
        assert company.staging_digest("inventory", f"2.0.{number}") == held


@pytest.mark.long
def test_who_comes_later_is_told_the_same_in_json(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*promote("inventory")) == 0
    capsys.readouterr()
    assert company.promobot(*promote("worker"), "-o", "json") == ExitCode.BLOCKED
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["standing"] == "blocked"
    assert "taken" in str(verdict)
