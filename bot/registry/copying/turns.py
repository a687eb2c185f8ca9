"""Who may write a tag: registries have no compare-and-set, so promobots that share a cache take turns."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import RegistryError
from bot.registry.errors import Place

# Seconds. A turn is a few requests; each has its own time limit, and is tried three times.
_PATIENCE = 600.0
_POLL = 0.02


@contextmanager
def turn(cache: Path, place: Place) -> Iterator[None]:
    """Be the only one on this machine that looks at the tag and then writes it.

    There are 256 turns for all tags, so that no file stays behind for each. The kernel gives back that of a process
    that was killed. Raises RegistryError.
    """
    name = f"{place.access.endpoint}/{place.repository}:{place.reference}"
    file = cache / "turns" / f"{hashlib.sha256(name.encode()).hexdigest()[:2]}.lock"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RegistryError(
            f"{place}: no turn to write it: {file}: {error.strerror}", hint="is the folder writable, and is there room?"
        ) from error
    try:
        _wait(descriptor, file, place)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, file: Path, place: Place) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{place}: another promobot has held {file} for {_PATIENCE:g} s", hint="wait for it, or end it"
                ) from None
            time.sleep(_POLL)
        else:
            return
