"""From where to where the tests of this folder copy, and by which skopeo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from bot.registry.client import ImageRepository
from bot.registry.copying import Copier
from tests.proxy import FaultProxy, start_proxy
from tests.registry.places import briefly, repository_of

# The one on PATH, and further ones that PROMOBOT_TEST_SKOPEO names, as PATH names folders.
SKOPEOS = ["", *filter(None, os.environ.get("PROMOBOT_TEST_SKOPEO", "").split(":"))]


@pytest.fixture
def source(e2e_registry: RunningRegistry, repository: str) -> Iterator[ImageRepository]:
    with repository_of(e2e_registry.access("e2e"), repository) as place:
        yield place


@pytest.fixture
def destination(prod_registry: RunningRegistry, repository: str) -> Iterator[ImageRepository]:
    with repository_of(prod_registry.access("prod"), f"promoted/{repository}") as place:
        yield place


@pytest.fixture(params=SKOPEOS, ids=[skopeo or "installed" for skopeo in SKOPEOS])
def skopeo(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs once for each skopeo."""
    if request.param:
        monkeypatch.setenv("PATH", f"{Path(request.param).parent}:{os.environ['PATH']}")


@pytest.fixture
def copier(skopeo: None, cache: Path) -> Copier:
    return Copier(cache, sleep=briefly)


@pytest.fixture
def quiet(open_registry: RunningRegistry, repository: str) -> Iterator[tuple[FaultProxy, ImageRepository]]:
    """A proxy, and a destination behind it."""
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("staging"), f"b/{repository}") as place:
        yield proxy, place
