"""Programs that are run to their end, within time limits, and heard."""

from __future__ import annotations

import logging
import math
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from bot.errors import BotError
from bot.process.hearing import Heard
from bot.process.starting import (
    NotStartedError,
    dies_with_parent,
    dies_with_parent_and_all,
    environment,
    kill_group,
    program,
)

_log = logging.getLogger(__name__)

# Seconds between two looks at a program that is watched.
_GLANCE = 0.2
# Seconds for what a program said last, once it has ended; something that it left running may keep the stream open.
_LAST_WORDS = 5.0
# The process groups of the programs that threads of ours wait for.
_groups: set[int] = set()


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
    starts_others: bool = False,
) -> Completed:
    """Run a program to its end and return what it said, whatever its exit status.

    `timeout` is in seconds; `env` is added to the minimal environment. Secrets belong in `stdin`, `env` or a
    passed file descriptor, never in `argv`: any local user can read that. One that `starts_others` takes them along if
    we die; that needs a shell beside it, and what a signal ended has 128 and its number as status then. Raises
    ProgramMissingError, NotStartedError and TimedOutError.
    """
    prefix = dies_with_parent_and_all(pass_fds) if starts_others else dies_with_parent()
    with _started(prefix, argv, env or {}, pass_fds) as (process, heard):
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
    with _started(dies_with_parent(), argv, env or {}, pass_fds) as (process, heard):
        try:
            stdout = _watched(process, limits, look)
        except TimedOutError as error:
            raise type(error)(f"{argv[0]} {error.message}: {' '.join(argv)}") from None
        finally:
            kill_group(process.pid)
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
        kill_group(group)


@contextmanager
def _started(
    prefix: Sequence[str], argv: Sequence[str], env: Mapping[str, str], pass_fds: Sequence[int]
) -> Iterator[tuple[subprocess.Popen[bytes], Heard]]:
    """A program that was started, and what it says on its standard error; when the context ends, so does it."""
    found = program(argv[0])
    _log.debug("run: %s", " ".join(argv))
    try:
        process = subprocess.Popen(
            [*prefix, found, *argv[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
            pass_fds=tuple(pass_fds),
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
                    kill_group(process.pid)
    finally:
        _groups.discard(process.pid)


def _hear(process: subprocess.Popen[bytes]) -> Heard:
    """Take over its standard error, of which `communicate` would keep everything."""
    stream, process.stderr = process.stderr, None
    try:
        return Heard(cast("IO[bytes]", stream))
    except RuntimeError as error:
        raise NotStartedError(f"no thread for a program: {error}", hint="see ulimit -u") from error
