"""Programs that run beside us."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.process.starting import dies_with_parent, environment, kill_group, program

_log = logging.getLogger(__name__)


class Background:
    """A program that runs beside us; `stop` ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is no longer running."""
        return self._process.poll() is not None

    def stop(self, *, grace: float = 5.0) -> None:
        """End it by SIGTERM, and with all it started by SIGKILL if it still runs after `grace` seconds."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        if not self.ended:
            kill_group(self.pid)
            self._process.communicate()


def start(
    argv: Sequence[str], *, output: Path, env: Mapping[str, str] | None = None, detach: bool = False
) -> Background:
    """Start a program and come back at once; what it says is appended to the file `output`.

    It dies with the thread that called this, unless `detach` lets it outlive us. Raises ProgramMissingError.
    """
    found = program(argv[0])
    _log.debug("start: %s", " ".join(argv))
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [*([] if detach else dies_with_parent()), found, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment(env or {}),
            start_new_session=True,
        )
    if detach:
        # It may end while we live, and is ours to reap then; if it outlives us, nobody waits for this thread.
        threading.Thread(target=process.wait, daemon=True).start()
    return Background(process)
