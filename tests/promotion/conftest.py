"""Companies for tests to work in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.promotion.shops import SHOPS, Shop


@pytest.fixture
def company(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Company:
    """One service, inventory."""
    return Company.found(tmp_path / "company", e2e_registry, prod_registry, ["inventory"])


@pytest.fixture(params=["gitlab", "github"])
def forge(request: pytest.FixtureRequest) -> str:
    """Each forge that has a server."""
    return str(request.param)


@pytest.fixture
def shop(forge: str, company: Company) -> Iterator[Shop]:
    """The company on it."""
    with SHOPS[forge](company) as shop:
        yield shop


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is tried again a little later; promobot as a process of its own waits as it does for users."""
    monkeypatch.setattr("bot.network.retry._FIRST", 0.05)
    monkeypatch.setattr("bot.forges.github.dialect._A_WHILE", 1.0)
