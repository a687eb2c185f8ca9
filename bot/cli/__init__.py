"""The command line: parse, run one command, turn every error into one line and an exit code."""

from __future__ import annotations

import importlib
import io
import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from bot.cli.arguments import make_parser, read_arguments
from bot.cli.call import Call, Watch
from bot.cli.visible import VisibleFormatter, visible
from bot.errors import BotError, ExitCode, UsageError

# Imported when called: `--help` must not wait for libraries that only a promotion needs.
_COMMANDS = {
    "check": "bot.cli.check",
    "completion": "bot.cli.completion",
    "demo": "bot.cli.demo",
    "images": "bot.cli.images",
    "init": "bot.cli.init",
    "inspect": "bot.cli.inspect",
    "mr": "bot.cli.mr",
    "pin": "bot.cli.pin",
    "plan": "bot.cli.plan",
    "promote": "bot.cli.promote",
    "reconcile": "bot.cli.promote",
    "schema": "bot.cli.schema",
    "set-image": "bot.cli.setimage",
    "status": "bot.cli.status",
    "tags": "bot.cli.tags",
}
# How a command ends to which a server doesn't answer.
_NO_ANSWER = {ExitCode.REGISTRY, ExitCode.FORGE, ExitCode.GIT}
_WRITE = {"mr", "pin", "promote", "reconcile", "set-image"}


def main(argv: Sequence[str], *, environ: Mapping[str, str] = os.environ, watch: Watch | None = None) -> int:
    """Run one command and return its exit code. `watch` sees every effect on the world before and after it happens."""
    if not argv:
        make_parser().print_help(sys.stderr)
        return int(ExitCode.USAGE)
    try:
        args = read_arguments(argv)
    except UsageError as error:
        _say(_lines(error))
        return int(error.exit_code)
    _prepare(args.verbose)
    try:
        with _interruptible():
            return _run(args, environ, watch or _nobody_watches)
    except KeyboardInterrupt:
        again = "; run it again to go on from here" if args.command in _WRITE else ""
        _say(f"promobot: interrupted{again}\n")
        return int(ExitCode.INTERRUPTED)


def run_within(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command in the middle of another, which tells it if it is interrupted. Raises UsageError."""
    return _run(read_arguments(argv), environ, _nobody_watches)


def _run(args: Namespace, environ: Mapping[str, str], watch: Watch) -> int:
    code = _outcome(args, environ, watch)
    if code in _NO_ANSWER and hasattr(args, "config"):
        from bot.cli.demo import how_to_start  # noqa: PLC0415

        _say(how_to_start(Call(args, environ, watch)))
    return code


def _outcome(args: Namespace, environ: Mapping[str, str], watch: Watch) -> int:
    try:
        command = importlib.import_module(_COMMANDS[args.command])
        with ExitStack() as closing:
            code = int(command.main(Call(args, environ, watch, closing)))
        sys.stdout.flush()
        return code
    except BotError as error:
        sys.stderr.write(_lines(error))
        return int(error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`promobot status | head`); nothing is left to say it to.
        _drop_output()
        return int(ExitCode.DONE)
    except OSError as error:
        # Each adapter tells its own; what is left is a disk that is full or a folder that can't be written.
        if args.verbose:
            raise
        _drop_output()
        sys.stderr.write(f"promobot: {error}\n  → run it with -v to see where\n")
        return int(ExitCode.UNEXPECTED)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGINT and SIGTERM raise KeyboardInterrupt, once: who sends another meets what was there before us."""
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    previous = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        restore()
        raise KeyboardInterrupt

    try:
        for number in numbers:
            signal.signal(number, interrupt)
        yield
    finally:
        restore()


def _say(text: str) -> None:
    """On a terminal that is gone there is nobody to tell."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _drop_output() -> None:
    """What can't be written would fail again, and loudly, when the interpreter ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lines(error: BotError) -> str:
    hint = f"  → {error.hint}\n" if error.hint else ""
    return visible(f"promobot: {error.message}\n{hint}")


def _prepare(verbose: int) -> None:
    """A locale that lacks an arrow or a tick is no reason to fail; logs go to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(VisibleFormatter("%(name)s: %(message)s"))
    # Its own words repeat the queries of addresses, which can be signatures; ours leave them out.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.basicConfig(level=max(logging.WARNING - 10 * verbose, logging.DEBUG), handlers=[handler])


def _nobody_watches(_event: object) -> None:
    pass
