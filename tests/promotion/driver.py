"""Runs promobot in a process of its own and counts every boundary of an effect on the world; may die at one of them.

    python -m tests.promotion.driver LOG KILL_AT ARGS…

A boundary is: an action of `apply` begins or ends, a program is about to be started, was started, or has ended. Each
is one line in LOG. At boundary number KILL_AT (from 1; 0: never) the process kills itself with SIGKILL. Nothing in
here knows an action or a program by name, so what is added later is covered too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


class Boundaries:
    """Numbers the boundaries as they are reached."""

    def __init__(self, log: Path, kill_at: int) -> None:
        self._log, self._kill_at = log, kill_at
        self._count = 0
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Note a boundary, and die here if it is the one."""
        with self._lock:
            self._count += 1
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{name}\n")
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def watch_programs(boundaries: Boundaries) -> None:
    """Make every program that anybody starts a boundary."""
    original = subprocess.Popen

    class Watched(original):  # type: ignore[misc, valid-type]  # a class made to stand in for Popen everywhere
        def __init__(self, argv: Any, *args: Any, **kwargs: Any) -> None:
            self._named = " ".join(str(word) for word in argv)[:300]
            boundaries.reach(f"before {self._named}")
            super().__init__(argv, *args, **kwargs)
            boundaries.reach(f"started {self._named}")

        def communicate(self, *args: Any, **kwargs: Any) -> Any:
            result = super().communicate(*args, **kwargs)
            boundaries.reach(f"ended {self._named}")
            return result

    subprocess.Popen = Watched  # type: ignore[misc, assignment]


def main() -> int:
    """Run one command under watch."""
    log, kill_at, *argv = sys.argv[1:]
    boundaries = Boundaries(Path(log), int(kill_at))
    watch_programs(boundaries)
    from bot.apply import Ended, Event, Started  # noqa: PLC0415  after Popen was replaced
    from bot.cli import main as promobot  # noqa: PLC0415

    def watch(event: Event) -> None:
        match event:
            case Started(_, action):
                boundaries.reach(f"begin {type(action).__name__}")
            case Ended(_, outcome):
                boundaries.reach(f"end {type(outcome).__name__}")

    return promobot(argv, watch=watch)


if __name__ == "__main__":
    sys.exit(main())
