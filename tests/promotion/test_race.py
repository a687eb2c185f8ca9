"""Several processes promote the same service at the same moment: one branch, one merge request, everybody content."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bot.cli import main
from bot.demo.registries import RunningRegistry
from tests.company import Company

PROCESSES = 4
ROUNDS = 20


def promote_in_rounds(
    number: int, services: list[str], environ: dict[str, str], barrier: Barrier, codes: Queue[tuple[str, int, str]]
) -> None:
    """One process: all of them start each round together. Half of the rounds share a cache, half do not."""
    os.environ["PATH"] = environ["PATH"]
    for round_number, service in enumerate(services):
        own = {"PROMOBOT_CACHE": f"{environ['PROMOBOT_CACHE']}-{number}"} if round_number % 2 else {}
        said = io.StringIO()
        barrier.wait(60)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["promote", service, "--to", "staging"], environ={**environ, **own})
        codes.put((service, code, said.getvalue()))


@pytest.mark.parametrize("half", [0, 1])
def test_one_branch_and_one_merge_request(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, half: int
) -> None:
    services = [f"service-{half}-{number}" for number in range(ROUNDS // 2)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    spawning = multiprocessing.get_context("spawn")
    barrier, codes = spawning.Barrier(PROCESSES), spawning.Queue()
    workers = [
        spawning.Process(target=promote_in_rounds, args=(number, services, company.environ, barrier, codes))
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    ended = [codes.get(timeout=120) for _ in range(PROCESSES * len(services))]
    for worker in workers:
        worker.join(30)
    assert [(service, said) for service, code, said in ended if code != 0] == []
    assert sorted(company.branches()) == sorted(["main", *(f"promobot/staging/{service}" for service in services)])
    assert sorted(r.source_branch for r in company.all_requests()) == sorted(f"promobot/staging/{s}" for s in services)
    for service in services:
        path = f"apps/{service}/staging/helmrelease.yaml"
        branch = f"promobot/staging/{service}"
        assert company.content(branch, path) == company.manifest(service, "staging", "1.1.3")
        assert company.git("rev-list", "--count", f"main..{branch}").strip() == "1"
        assert company.staging_digest(service, "1.1.3") == company.e2e_digest(service, "1.1.3-rc2")
