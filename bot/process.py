"""The one place that starts programs: every one has a time limit, a minimal environment, and dies with us."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import BotError

_log = logging.getLogger(__name__)

# What a program may see of our environment unless its caller adds to it: where things are, no credentials of ours.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY")


class ProgramMissingError(BotError):
    """A program that promobot needs is not installed."""


class NotStartedError(BotError):
    """The system could not start a program: no more open files, processes or memory, or too long a command."""


class TimedOutError(BotError):
    """A program did not end within its time limit and was killed."""


@dataclass(frozen=True)
class Completed:
    """How a program ended. `stderr` is for people: undecodable bytes are replaced."""

    returncode: int
    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
    cwd: Path | None = None,
) -> Completed:
    """Run a program to its end and return what it said, whatever its exit status.

    `timeout` is in seconds; `env` is added to the minimal environment. Secrets belong in `stdin`, `env` or a
    passed file descriptor, never in `argv`: any local user can read that. Raises ProgramMissingError, NotStartedError
    and TimedOutError.
    """
    program = _program(argv[0])
    _log.debug("run: %s", " ".join(argv))
    try:
        process = subprocess.Popen(
            [*_dies_with_parent(), program, *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(env or {}),
            pass_fds=tuple(pass_fds),
            cwd=cwd,
            start_new_session=True,  # so that whatever it started can be ended with it
        )
    except OSError as error:
        raise NotStartedError(f"{argv[0]} could not be started: {error.strerror}", hint="see ulimit -a") from error
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TimedOutError(f"{argv[0]} did not end within {timeout:g} s: {' '.join(argv)}") from None
    finally:
        _end(process)
    return Completed(process.returncode, stdout, stderr.decode(errors="replace"))


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
        _end(self._process)


def start(
    argv: Sequence[str], *, output: Path, env: Mapping[str, str] | None = None, detach: bool = False
) -> Background:
    """Start a program and come back at once; what it says is appended to the file `output`.

    It dies with the thread that called this, unless `detach` lets it outlive us. Raises ProgramMissingError.
    """
    program = _program(argv[0])
    _log.debug("start: %s", " ".join(argv))
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [*([] if detach else _dies_with_parent()), program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=_environment(env or {}),
            start_new_session=True,
        )
    if detach:
        # It may end while we live, and is ours to reap then; if it outlives us, nobody waits for this thread.
        threading.Thread(target=process.wait, daemon=True).start()
    return Background(process)


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise ProgramMissingError(f"{name} is not installed", hint=f"install it, on Debian: apt-get install {name}")
    return program


def _dies_with_parent() -> list[str]:
    """The prefix that makes the kernel kill the program when we die, even by SIGKILL (prctl(2), PR_SET_PDEATHSIG).

    If we died before it took effect, nobody would tell the program: so the shell looks whether we are still its
    parent before it becomes the program. setpriv comes with util-linux, which Debian cannot be without. Doing
    this in `preexec_fn` is not safe with threads.
    """
    setpriv, shell = shutil.which("setpriv"), shutil.which("sh")
    if setpriv is None or shell is None:
        return []
    alive = 'test "$PPID" -eq "$0" && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", "--", shell, "-c", alive, str(os.getpid())]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **extra}


def _end(process: subprocess.Popen[bytes]) -> None:
    """After a time limit or an interrupt, leave no part of the process group behind."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
