"""`python -m bot`, and what the installed command runs."""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from types import FrameType

from bot import __version__

# As shells tell it of a program that Ctrl-C ended.
_INTERRUPTED = 130


def run() -> None:
    """Run the command line and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as shells have it for what they start in the background
            signal.signal(number, _end_at_once)
    if "_ARGCOMPLETE" in os.environ:  # the shell asks, because somebody pressed TAB
        from bot.cli.completion import answer_shell  # noqa: PLC0415

        answer_shell()
    _open_missing()
    if sys.argv[1:] == ["--version"]:  # pipelines ask it before anything else, and loading the commands takes longer
        sys.stdout.write(f"promobot {__version__}\n")
        return
    from bot.cli import main  # noqa: PLC0415  Ctrl-C may come while it loads

    _leave_no_core()
    code = main(sys.argv[1:])
    if code == _INTERRUPTED:
        _end_now(code)
    sys.exit(code)


def _end_at_once(_signal: int, _frame: FrameType | None) -> None:
    """Interrupted before there was anything to end, or again by somebody who does not want to wait for that.

    Any line of ours may be half done: so nothing is imported, and no stream is touched.
    """
    os.write(2, b"promobot: interrupted\n")
    _end_programs()
    os._exit(_INTERRUPTED)


def _end_now(code: int) -> None:
    """An interrupted run's threads may wait for a copy of minutes: what they started ends with us, and before."""
    _end_programs()
    with suppress(OSError):  # who reads it is gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _end_programs() -> None:
    """Where the module isn't loaded, or not all of it, no program was started."""
    end_all = getattr(sys.modules.get("bot.process"), "end_all", None)
    if end_all is not None:
        end_all()


def _leave_no_core() -> None:
    """A dump of our memory would be a file with passwords in it; what we start inherits the limit (setrlimit(2))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open_missing() -> None:
    """Started without stdin, stdout or stderr: else the next file that is opened becomes it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    run()
