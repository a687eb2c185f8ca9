"""The one place that starts programs: every one has a time limit, a minimal environment, and dies with us."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, cast

from bot.errors import BotError
from bot.hearing import Heard

_log = logging.getLogger(__name__)

# What a program may see of our environment unless its caller adds to it: where things are, no credentials of ours.
_INHERITED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "no_proxy", "https_proxy", "http_proxy"),
)
# Seconds between two looks at a program that is watched.
_GLANCE = 0.2
# Seconds for what a program said last, once it has ended; something that it left running may keep the stream open.
_LAST_WORDS = 5.0
# The process groups of the programs that threads of ours wait for.
_groups: set[int] = set()


class ProgramMissingError(BotError):
    """A program that promobot needs is not installed."""


class NotStartedError(BotError):
    """The system could not start a program: no more open files, processes or memory, or too long a command."""


class TimedOutError(BotError):
    """A program did not end within its time limit and was killed."""


class StalledError(TimedOutError):
    """A program neither read nor wrote a byte for too long and was killed."""


@dataclass(frozen=True)
class Completed:
    """How a program ended. `stderr` is for people: undecodable bytes are replaced, the middle of much is left out."""

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
    with _started(argv, env or {}, pass_fds, cwd) as (process, heard):
        try:
            stdout, _ = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TimedOutError(f"{argv[0]} did not end within {timeout:g} s: {' '.join(argv)}") from None
        return Completed(process.returncode, stdout, heard.text(within=_LAST_WORDS))


@dataclass(frozen=True)
class Limits:
    """When a program is killed, in seconds: `total` after its start, `idle` after the last byte that it moved."""

    total: float
    idle: float = math.inf


@dataclass(frozen=True)
class Glance:
    """What a running program did so far: its standard output, and the bytes that it read and wrote.

    Those are of files, pipes and connections alike; None where the system doesn't tell.
    """

    stdout: bytes
    read: int | None
    written: int | None


def follow(
    argv: Sequence[str],
    *,
    limits: Limits,
    look: Callable[[Glance], None],
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end as `run` does, without input, and `look` at it a few times a second until it ended.

    Nothing that it started outlives it. Raises ProgramMissingError, NotStartedError, TimedOutError and StalledError.
    """
    with _started(argv, env or {}, pass_fds, None) as (process, heard):
        try:
            stdout = _watched(process, limits, look)
        except TimedOutError as error:
            raise type(error)(f"{argv[0]} {error.message}: {' '.join(argv)}") from None
        finally:
            _kill_group(process.pid)
        return Completed(process.returncode, stdout, heard.text(within=_LAST_WORDS))


def _watched(process: subprocess.Popen[bytes], limits: Limits, look: Callable[[Glance], None]) -> bytes:
    """What it wrote to its standard output, once it has ended."""
    begun = moved = time.monotonic()
    last = Glance(b"", 0, 0)
    while True:
        try:
            return process.communicate(timeout=_GLANCE)[0]
        except subprocess.TimeoutExpired as running:  # which has all that was said so far
            now = time.monotonic()
            glance = Glance(running.stdout or b"", *_bytes_moved(process.pid))
            look(glance)
            if glance != last or glance.written is None:
                last, moved = glance, now
            if now - begun > limits.total:
                raise TimedOutError(f"did not end within {limits.total:g} s") from None
            if now - moved > limits.idle:
                raise StalledError(f"moved no byte for {limits.idle:g} s") from None


def _bytes_moved(pid: int) -> tuple[int | None, int | None]:
    """What a process read and wrote, by the kernel's count (proc(5), /proc/pid/io)."""
    try:
        counts = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines())
        return int(counts["rchar"]), int(counts["wchar"])
    except (OSError, ValueError, KeyError):  # another user's, a kernel without it, or it has just ended
        return None, None


def end_all() -> None:
    """Kill what threads of ours wait for, with all that it started: for a process that ends without them."""
    for group in tuple(_groups):
        _kill_group(group)


@contextmanager
def _started(
    argv: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int], cwd: Path | None
) -> Iterator[tuple[subprocess.Popen[bytes], Heard]]:
    """A program that was started, and what it says on its standard error; when the context ends, so does it."""
    program = _program(argv[0])
    _log.debug("run: %s", " ".join(argv))
    try:
        process = subprocess.Popen(
            [*_dies_with_parent(), program, *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(env),
            pass_fds=tuple(pass_fds),
            cwd=cwd,
            start_new_session=True,  # so that whatever it started can be ended with it
        )
    except OSError as error:
        raise NotStartedError(f"{argv[0]} could not be started: {error.strerror}", hint="see ulimit -a") from error
    _groups.add(process.pid)
    try:
        with process:  # which closes the pipes, then waits for the end
            try:
                yield process, _hear(process)
            finally:
                if process.poll() is None:
                    _kill_group(process.pid)
    finally:
        _groups.discard(process.pid)


def _hear(process: subprocess.Popen[bytes]) -> Heard:
    """Take over its standard error, of which `communicate` would keep everything."""
    stream, process.stderr = process.stderr, None
    try:
        return Heard(cast("IO[bytes]", stream))
    except RuntimeError as error:
        raise NotStartedError(f"no thread for a program: {error}", hint="see ulimit -u") from error


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
    parent before it becomes the program. setpriv comes with util-linux, which Debian cannot be without; elsewhere
    promobot works without it, and says so. Doing this in `preexec_fn` is not safe with threads.
    """
    setpriv, shell = shutil.which("setpriv"), shutil.which("sh")
    if setpriv is None or shell is None:
        _warn_of_orphans("sh" if setpriv else "setpriv")
        return []
    alive = 'test "$PPID" -eq "$0" && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", "--", shell, "-c", alive, str(os.getpid())]


@cache
def _warn_of_orphans(missing: str) -> None:
    """Once in a process."""
    _log.warning(
        "%s is not installed: if promobot is killed, git or skopeo may run on for a while (util-linux has setpriv)",
        missing,
    )


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **extra}


def _end(process: subprocess.Popen[bytes]) -> None:
    """After a time limit or an interrupt, leave no part of the process group behind."""
    if process.poll() is None:
        _kill_group(process.pid)
        process.communicate()


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:  # it became another user's, as by sudo
        _log.warning("process group %d belongs to another user now, and could not be ended", group)
