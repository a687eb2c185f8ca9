"""One writer at a time for each clone, and nothing left behind by a writer that was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot import locks
from bot.errors import GitError


@contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[int]:
    """Hold the lock of this file; gives the descriptor that holds it.

    Raises GitError if it isn't free within `timeout` seconds.
    """
    with ExitStack() as held:
        try:
            descriptor = held.enter_context(locks.locked(path, timeout=timeout))
        except TimeoutError as error:
            raise GitError(
                str(error), hint="another promobot uses this clone: wait until it ends, then run again"
            ) from None
        except OSError as error:
            raise GitError(
                f"cannot keep a clone at {path.parent}: {error.strerror}",
                hint="choose a folder that can be written (PROMOBOT_CACHE)",
            ) from error
        yield descriptor


def remove_stale_locks(directory: Path) -> None:
    """Remove git's own lock files. Only for who holds the clone's lock: no git writes there, so all are left-overs."""
    for folder in (directory, directory / "objects" / "info"):
        for lock in folder.glob("*.lock"):
            lock.unlink(missing_ok=True)
    for lock in (directory / "refs").rglob("*.lock"):
        lock.unlink(missing_ok=True)
