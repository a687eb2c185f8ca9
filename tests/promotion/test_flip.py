"""A tag that moves all the time during promotions: what is proposed is what was copied, always."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty

import pytest

from bot.demo.oci import Image, build_index, move_tag
from bot.demo.registries import RunningRegistry
from bot.registry import RegistryAccess
from tests.company import Company
from tests.promotion.forking import forking

ROUNDS = 60
SHARDS = 4
TAG = "1.1.3-rc2"
# Seconds between two moves of the tag; a promotion takes some ten times as long.
PACE = 0.05


def flip(
    registry: RegistryAccess, images: list[Image], wanted: Queue[str | None], began: Event, moves: Synchronized[int]
) -> None:
    """Point the tag of one repository now to one image and now to the other, until the next one is wanted."""
    repository = wanted.get(timeout=60)
    while repository is not None:
        for image in images:
            move_tag(registry, repository, TAG, image)
            moves.value += 1
            time.sleep(PACE)
        began.set()
        with contextlib.suppress(Empty):
            repository = wanted.get_nowait()


@dataclass(frozen=True)
class Flipper:
    """Flips tags in a process of its own, which doesn't wait for this one's."""

    wanted: Queue[str | None]
    began: Event
    moves: Synchronized[int]

    def turn_to(self, repository: str) -> None:
        """Flip this repository's tag from now on; comes back when it has."""
        self.began.clear()
        self.wanted.put(repository)
        # The first `began` may still be about the repository before.
        for _ in range(2):
            assert self.began.wait(30)
            self.began.clear()


@contextmanager
def flipping(company: Company, images: list[Image]) -> Iterator[Flipper]:
    """A process that flips what it is turned to."""
    context = forking(__name__)
    flipper = Flipper(context.Queue(), context.Event(), context.Value("L", 0))
    registry = company.e2e.access("e2e")
    process = context.Process(target=flip, args=(registry, images, flipper.wanted, flipper.began, flipper.moves))
    process.start()
    try:
        yield flipper
    finally:
        flipper.wanted.put(None)
        process.join(30)
    assert process.exitcode == 0


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_proposed_is_what_was_copied(
    tmp_path: Path,
    e2e_registry: RunningRegistry,
    prod_registry: RunningRegistry,
    capsys: pytest.CaptureFixture[str],
    shard: int,
) -> None:
    services = [f"flip-{shard}-{number}" for number in range(ROUNDS // SHARDS)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    images = [build_index("one"), build_index("other")]
    moves = 0
    with flipping(company, images) as flipper:
        for service in services:
            for image in images:
                company.push_e2e(service, TAG, image)
            flipper.turn_to(f"{company.team}/{service}")
            before = flipper.moves.value
            code = company.promobot("promote", service, "--to", "staging")
            moves += flipper.moves.value - before
            assert code == 0, capsys.readouterr()
    assert moves > len(services), "the tag hardly moved during the promotions: this test would prove nothing"
    for service, request in zip(services, company.requests(), strict=True):
        copied = company.staging_digest(service, "1.1.3")
        assert copied in {image.digest for image in images}
        assert f"`{copied}`" in request.body
        message = company.git("log", "-1", "--format=%(trailers:key=Promoted-Image,valueonly)", request.source_branch)
        assert message.strip().endswith(f":1.1.3@{copied}")
