"""Companies for tests to work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company


@pytest.fixture
def company(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Company:
    """One service, inventory."""
    return Company.found(tmp_path / "company", e2e_registry, prod_registry, ["inventory"])
