"""GitLab's double as tests use it: served, and held to GitLab's own description of itself where that is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.contract.data import present
from tests.doubles.contract.gitlab import watch
from tests.doubles.gitlab.app import GitLab
from tests.doubles.server import Running, serve


@contextmanager
def serve_gitlab(gitlab: GitLab, *, prefix: str = "", tls_in: Path | None = None) -> Iterator[Running]:
    """Run an instance. What isn't as GitLab describes it fails a test; the contract's tests say where it is absent."""
    with serve(gitlab, prefix=prefix, tls_in=tls_in) as running:
        if present():
            running.watchers.append(watch)
        yield running
