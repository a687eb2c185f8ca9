from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.git import Clone, Identity
from tests.git.origin import Origin

BOT = Identity("promobot", "promobot@example.com")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "server")


@pytest.fixture
def clone(origin: Origin, tmp_path: Path) -> Clone:
    return Clone(origin.url, tmp_path / "cache" / "clone.git", BOT)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What git was started with since the last call, servers included, noted by a `git` that comes first in PATH."""
    real, log, bin_dir = shutil.which("git"), tmp_path / "argv", tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "git").write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    (bin_dir / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_dir), prepend=":")

    def started() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return started
