"""A tag that moves all the time during promotions: what is proposed is what was copied, always."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo.oci import Image, build_index
from bot.demo.registries import RunningRegistry
from tests.company import Company

ROUNDS = 60
SHARDS = 4


@contextmanager
def flipping(company: Company, services: list[str], images: list[Image]) -> Iterator[None]:
    """Point the source tag of every service now to one image and now to the other, as fast as it goes."""
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            for image in images:
                for service in services:
                    if not stop.is_set():
                        company.push_e2e(service, "1.1.3-rc2", image)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_proposed_is_what_was_copied(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, shard: int
) -> None:
    services = [f"flip-{shard}-{number}" for number in range(ROUNDS // SHARDS)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    images = [build_index("one"), build_index("other")]
    for service in services:
        with flipping(company, [service], images):
            assert company.promobot("promote", service, "--to", "staging") == 0
    recorded = set()
    for service, request in zip(services, company.requests(), strict=True):
        copied = company.staging_digest(service, "1.1.3")
        assert copied in {build_index(f"{service} new").digest, *(image.digest for image in images)}
        assert f"`{copied}`" in request.body
        message = company.git("log", "-1", "--format=%(trailers:key=Promoted-Image,valueonly)", request.source_branch)
        assert message.strip().endswith(f":1.1.3@{copied}")
        recorded.add(copied)
    assert len(recorded) > 1, "the tag never moved: this test would prove nothing"
