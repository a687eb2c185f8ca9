"""One writer at a time for each clone, and nothing left behind by a writer that was killed."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import GitError

_POLL = 0.02


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[int]:
    """Hold the lock of this file against processes and threads; gives the descriptor that holds it.

    Raises GitError if it isn't free within `timeout` seconds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise GitError(
            f"cannot keep a clone at {path.parent}: {error.strerror}", hint="choose a folder that can be written"
        ) from error
    try:
        _wait(descriptor, path, timeout)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise GitError(
                    f"{path} was held by another process for {timeout:g} s", hint="wait for the other run to end"
                ) from None
            time.sleep(_POLL)
        else:
            return


def remove_stale_locks(directory: Path) -> None:
    """Remove git's own lock files. Only for who holds the clone's lock: no git writes there, so all are left-overs."""
    for folder in (directory, directory / "objects" / "info"):
        for lock in folder.glob("*.lock"):
            lock.unlink(missing_ok=True)
    for lock in (directory / "refs").rglob("*.lock"):
        lock.unlink(missing_ok=True)
