"""One at a time, among processes and threads of this machine: by a file's lock, which ends with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL = 0.02


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[int]:
    """Hold the lock of this file, which is made with its folder if absent; gives the descriptor that holds it.

    Raises TimeoutError if it isn't free within `timeout` seconds, and OSError where it can't be opened.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
                raise TimeoutError(f"{path} was held by another process for {timeout:g} s") from None
            time.sleep(_POLL)
        else:
            return
