"""`python -m bot`, and what the installed command runs."""

from __future__ import annotations

import os
import resource
import sys

from bot.cli import INTERRUPTED, main


def run() -> None:
    """Run the command line and end the process with its exit code."""
    if "_ARGCOMPLETE" in os.environ:  # the shell asks, because somebody pressed TAB
        from bot.cli.completion import answer_shell  # noqa: PLC0415

        answer_shell()
    _open_missing()
    _leave_no_core()
    code = main(sys.argv[1:])
    if code == INTERRUPTED:
        _end_now(code)
    sys.exit(code)


def _end_now(code: int) -> None:
    """An interrupted run's threads may wait for a copy of minutes: what they started ends with us, and before."""
    from bot.process import end_all  # noqa: PLC0415  --help does without

    end_all()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
