"""Several processes promote the same service at the same moment: one branch, one merge request, everybody content."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bot.cli import main
from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.promotion.forking import forking
from tests.promotion.shops import ALL_SHOPS, ANN, SHOPS, Shop

PROCESSES = 4
ROUNDS = 20
SERVICES = 20
# What a merge request costs: to open it and to give it its status.
EACH = {"gitlab": 4, "github": 5}
# And when there is nothing to do, while each waits for approvals: what is open, and all statuses; or on GitLab the
# approvals and the status of each, and the project's rules.
WAITING = {"gitlab": 1 + 1 + 2 * SERVICES, "github": 1 + 1}
# Of those that everything runs at: a few in each test, so that several processors share them.
FEW = 5


def promote_in_rounds(
    number: int, services: list[str], environ: dict[str, str], barrier: Barrier, codes: Queue[tuple[str, int, str]]
) -> None:
    """One process: all of them start each round together. Half of the rounds share a cache, half do not."""
    os.environ["PATH"] = environ["PATH"]
    for round_number, service in enumerate(services):
        own = {"PROMOBOT_CACHE": f"{environ['PROMOBOT_CACHE']}-{number}"} if round_number % 2 else {}
        said = io.StringIO()
        barrier.wait(300)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["promote", service, "--to", "staging"], environ={**environ, **own})
        codes.put((service, code, said.getvalue()))


def race(shop: Shop, services: list[str]) -> list[tuple[str, int, str]]:
    """What each process says of each service, all of which start with it at the same moment."""
    context = forking(__name__)
    barrier, codes = context.Barrier(PROCESSES), context.Queue()
    workers = [
        context.Process(target=promote_in_rounds, args=(number, services, dict(shop.environ), barrier, codes))
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    ended = [codes.get(timeout=300) for _ in range(PROCESSES * len(services))]
    for worker in workers:
        worker.join(30)
    return ended


def must_be_promoted(shop: Shop, services: list[str]) -> None:
    """Each by one branch with one commit, and one merge request."""
    company, branches = shop.company, [f"promobot/staging/{service}" for service in services]
    assert sorted(company.branches()) == sorted(["main", *branches])
    assert sorted(request.source for request in shop.open()) == sorted(branches)
    assert {request.target for request in shop.open()} == {"main"}
    for service, branch in zip(services, branches, strict=True):
        path = f"apps/{service}/staging/helmrelease.yaml"
        assert company.content(branch, path) == company.manifest(service, "staging", "1.1.3")
        assert company.git("rev-list", "--count", f"main..{branch}").strip() == "1"
        assert company.git("diff", "--name-only", f"main...{branch}").split() == [path]
        assert company.staging_digest(service, "1.1.3") == company.e2e_digest(service, "1.1.3-rc2")


def parts() -> Iterator[object]:
    for forge in ALL_SHOPS:
        for part in range(ROUNDS // FEW):
            yield pytest.param(forge, part, marks=pytest.mark.long if part else ())


@pytest.mark.parametrize(("forge", "part"), [*parts()])
def test_one_branch_and_one_merge_request(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str, part: int
) -> None:
    services = [f"service-{part}-{number}" for number in range(FEW)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    with ALL_SHOPS[forge](company) as shop:
        ended = race(shop, services)
        assert [(service, said) for service, code, said in ended if code != 0] == []
        must_be_promoted(shop, services)
        # GitLab lets two that ask at once both open one; the one that is too much says so.
        assert {request.ended_by for request in shop.requests() if request.state != "open"} <= {"us"}
        before = shop.requests()
        assert shop.promobot("reconcile") == 0
        assert shop.requests() == before


@pytest.mark.parametrize("forge", SHOPS)
def test_one_note(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str) -> None:
    services = [f"service-{number}" for number in range(FEW)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    with SHOPS[forge](company) as shop:
        assert shop.promobot("promote", *services, "--to", "staging") == 0
        for service in services:
            branch = f"promobot/staging/{service}"
            shop.repository.commit(branch, {f"notes/{service}.md": b"a note\n"}, who=ANN)
        ended = race(shop, services)
        assert [(service, said) for service, code, said in ended if code != 0] == []
        assert [len(request.notes) for request in shop.requests()] == [1] * FEW
        before = shop.requests()
        assert shop.promobot("reconcile") == 0
        assert shop.requests() == before


@pytest.mark.parametrize("forge", SHOPS)
def test_many_services_at_once_in_one_repository(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str
) -> None:
    """A merge request costs what it costs alone, however many there are; what a run reads once it reads once."""
    services = [f"service-{number}" for number in range(SERVICES)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    with SHOPS[forge](company) as shop:
        assert shop.promobot("promote", *services, "--to", "staging") == 0
        must_be_promoted(shop, services)
        assert len(shop.requests()) == SERVICES
        if shop.running:
            assert sum(shop.running.counts().values()) <= EACH[forge] * SERVICES + 6, shop.running.log()
            shop.running.forget()
        assert shop.promobot("reconcile") == 0
        assert shop.writes() == []
        if shop.running:
            assert asked(shop) <= WAITING[forge], shop.running.log()
            shop.running.forget()
            shop.need_no_approvals()
            assert shop.promobot("reconcile") == 0
            shop.running.forget()
            assert shop.promobot("reconcile") == 0
            assert asked(shop) <= 2, shop.running.log()


def asked(shop: Shop) -> int:
    """How many requests of a repository's were sent; who asks is asked once for a forge."""
    assert shop.running
    return sum(number for route, number in shop.running.counts().items() if route != "GET /user")
