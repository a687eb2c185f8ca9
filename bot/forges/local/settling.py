"""Changes to a project beside others who change it: whoever comes second looks again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.errors import ForgeError
from bot.forges.local.store import Change, Snapshot, read, transact
from bot.git.command import GitDirectory

T = TypeVar("T")

# Longer than it takes until the lock file of a killed git counts as left over.
_PATIENCE = 30.0
_LONGEST_PAUSE = 0.5


@dataclass(frozen=True)
class Wanted(Generic[T]):
    """What somebody wants to come to, and the refs that have to change for it."""

    value: T
    changes: Sequence[Change] = ()


def settle(
    git: GitDirectory,
    project: str,
    think: Callable[[Snapshot], Wanted[T]],
    numbers: Collection[int] | None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[T, bool]:
    """Read, think, compare-and-set; again from the start for as long as somebody else is quicker.

    `numbers` are the merge requests that are read (None: all). Returns whether anything was changed, too.
    """
    deadline = time.monotonic() + _PATIENCE
    pause = 0.005
    while True:
        wanted = think(read(git, numbers))
        trouble = transact(git, wanted.changes) if wanted.changes else None
        if trouble is None:
            return wanted.value, bool(wanted.changes)
        if time.monotonic() > deadline:
            raise ForgeError(f"{project} did not come to rest in {_PATIENCE:g} s: {trouble}", hint="run again")
        pause = min(pause * 2, _LONGEST_PAUSE)
        sleep(random.uniform(0, pause))  # noqa: S311  (no secret: it keeps rivals apart)
