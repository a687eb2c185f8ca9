"""What every program gets: where it is, a minimal environment, and an end with ours."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from collections.abc import Collection, Mapping
from functools import cache

from bot.errors import BotError

_log = logging.getLogger(__name__)

# What a program may see of our environment unless its caller adds to it: where things are, no credentials of ours.
_INHERITED = (
    *("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "no_proxy", "https_proxy", "http_proxy"),
)

# Whether the parent of a shell is who started it, as its first argument says.
_ALIVE = 'test "$PPID" -eq "$0"'


class ProgramMissingError(BotError):
    """A program that promobot needs is not installed."""


class NotStartedError(BotError):
    """The system could not start a program: no more open files, processes or memory, or too long a command."""


def program(name: str) -> str:
    """Where it is. Raises ProgramMissingError."""
    found = shutil.which(name)
    if found is None:
        raise ProgramMissingError(f"{name} is not installed", hint=f"install it, on Debian: apt-get install {name}")
    return found


def dies_with_parent() -> list[str]:
    """The prefix that makes the kernel kill the program when we die, even by SIGKILL (prctl(2), PR_SET_PDEATHSIG).

    If we died before it took effect, nobody would tell the program: so the shell looks whether we are still its
    parent before it becomes the program. setpriv comes with util-linux, which Debian cannot be without; elsewhere
    promobot works without it, and says so. Doing this in `preexec_fn` is not safe with threads.
    """
    return _told_of_our_end("KILL", f'{_ALIVE} && exec "$@"')


def dies_with_parent_and_all(fds: Collection[int]) -> list[str]:
    """As `dies_with_parent`, for a program that starts others: the signal is for a child alone, not for theirs.

    git would go, but not its own `remote-http`, which waits for a silent server and has the clone's lock. So the shell
    stays, and ends its process group when it is told. The group has to be its own, and `fds` are those passed on: a
    shell gives what it doesn't wait for at once no standard input but another descriptor's.
    """
    free = next(fd for fd in range(3, 10) if fd not in fds)
    wait = f'exec {free}<&0; "$@" <&{free} {free}<&- & exec <&- {free}<&-; wait "$!"'
    # Whoever has SIGTERM ignored has programs that can't be told by it, as a shell can't trap it then.
    return _told_of_our_end("USR1", f"trap 'kill -KILL 0' TERM USR1; {_ALIVE} || exit; {wait}")


def _told_of_our_end(signal_name: str, script: str) -> list[str]:
    setpriv, shell = shutil.which("setpriv"), shutil.which("sh")
    if setpriv is None or shell is None:
        _warn_of_orphans("sh" if setpriv else "setpriv")
        return []
    return [setpriv, "--pdeathsig", signal_name, "--", shell, "-c", script, str(os.getpid())]


@cache
def _warn_of_orphans(missing: str) -> None:
    """Once in a process."""
    _log.warning(
        "%s is not installed: if promobot is killed, git or skopeo may run on for a while (util-linux has setpriv)",
        missing,
    )


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a program gets: a little of ours, and `extra`."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **extra}


def kill_group(group: int) -> None:
    """End a program with all that it started."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:  # it became another user's, as by sudo
        _log.warning("process group %d belongs to another user now, and could not be ended", group)
