"""From where to where the tests of this folder copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from bot.registry.client import ImageRepository
from bot.registry.copying import Copier
from tests.proxy import FaultProxy, start_proxy
from tests.registry.places import repository_of


@pytest.fixture
def source(e2e_registry: RunningRegistry, repository: str) -> Iterator[ImageRepository]:
    with repository_of(e2e_registry.access("e2e"), repository) as place:
        yield place


@pytest.fixture
def destination(prod_registry: RunningRegistry, repository: str) -> Iterator[ImageRepository]:
    with repository_of(prod_registry.access("prod"), f"promoted/{repository}") as place:
        yield place


@pytest.fixture
def copier(cache: Path) -> Copier:
    return Copier(cache, sleep=lambda _: None)


@pytest.fixture
def quiet(open_registry: RunningRegistry, repository: str) -> Iterator[tuple[FaultProxy, ImageRepository]]:
    """A proxy, and a destination behind it."""
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("staging"), f"b/{repository}") as place:
        yield proxy, place
