"""Runs promobot in processes of their own and counts every boundary of an effect on the world; may die at one of them.

A boundary is: an action of `apply` begins or ends, a program was started, or has ended. (Right before a program is
started, the world is as at the boundary before.) Each is one line in the order's `log`. At boundary number `kill_at`
(from 1; 0: never) the process kills itself with SIGKILL. Nothing in here knows an action or a program by name, so what
is added later is covered too.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypedDict

from bot.apply import Ended, Event, Progressing, Started
from bot.cli import main as promobot

# What a promotion imports on its way: loaded once, before the first fork.
PRELOAD = ("bot.cli.promote", "bot.configfile", "bot.world", "jinja2.sandbox", "rich.console", "rich.status")


class Order(TypedDict):
    """One run: a command, its environment, where to log boundaries and output, and where to die.

    Boundaries are counted from the first whose name begins with `counted_from`: what is read before an action begins
    is read by several threads, and may take a program more or less.
    """

    argv: list[str]
    environ: dict[str, str]
    log: str
    said: str
    kill_at: int
    counted_from: str


class Boundaries:
    """Numbers the boundaries as they are reached."""

    def __init__(self, order: Order) -> None:
        self._log, self._kill_at, self._counted_from = Path(order["log"]), order["kill_at"], order["counted_from"]
        self._count = 0
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Note a boundary, and die here if it is the one."""
        with self._lock:
            if self._count or name.startswith(self._counted_from):
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
            super().__init__(argv, *args, **kwargs)
            boundaries.reach(f"started {self._named}")

        def communicate(self, *args: Any, **kwargs: Any) -> Any:
            result = super().communicate(*args, **kwargs)
            boundaries.reach(f"ended {self._named}")
            return result

    subprocess.Popen = Watched  # type: ignore[misc, assignment]


def run(order: Order) -> int:
    """Run one command under watch; whatever it says goes to the order's `said`."""
    boundaries = Boundaries(order)
    watch_programs(boundaries)

    def watch(event: Event) -> None:
        match event:
            case Started(_, action):
                boundaries.reach(f"begin {type(action).__name__}")
            case Ended(_, outcome):
                boundaries.reach(f"end {type(outcome).__name__}")
            case Progressing():
                pass

    os.environ.clear()
    os.environ.update(order["environ"])
    with Path(order["said"]).open("w", encoding="utf-8") as said, redirect_stdout(said), redirect_stderr(said):
        return promobot(order["argv"], watch=watch)


def serve() -> None:
    """Carry out one order after the other, each in a process of its own; answer with its exit status.

    Forking from here saves each run the second that importing everything takes.
    """
    for name in PRELOAD:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                status = run(json.loads(line))
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
