"""Runs the double, with every exchange held to GitHub's own descriptions where they are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.contract import github as contract
from tests.doubles.contract.data import present
from tests.doubles.github.hub import GitHub
from tests.doubles.server import Running, serve


@contextmanager
def serve_github(hub: GitHub, *, tls_in: Path | None = None) -> Iterator[Running]:
    """Serve it for as long as the context lasts."""
    with serve(hub, tls_in=tls_in) as running:
        if present():
            running.watchers.append(contract.watch)
        yield running
