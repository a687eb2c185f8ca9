"""The command line: parse, run one command, turn every error into one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from bot.cli.call import Call, Watch
from bot.cli.parser import make_parser
from bot.errors import BotError, ExitCode

# Imported when called: `--help` must not wait for libraries that only a promotion needs.
_COMMANDS = {
    "check": "bot.cli.check",
    "demo": "bot.cli.demo",
    "mr": "bot.cli.mr",
    "plan": "bot.cli.plan",
    "promote": "bot.cli.promote",
    "reconcile": "bot.cli.promote",
    "status": "bot.cli.status",
}
_WRITE = {"mr", "promote", "reconcile"}
INTERRUPTED = 130


def main(argv: Sequence[str], *, environ: Mapping[str, str] = os.environ, watch: Watch | None = None) -> int:
    """Run one command and return its exit code. `watch` sees every effect on the world before and after it happens."""
    args = make_parser().parse_args(argv)
    logging.basicConfig(level=max(logging.WARNING - 10 * args.verbose, logging.DEBUG), format="%(name)s: %(message)s")
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        command = importlib.import_module(_COMMANDS[args.command])
        return int(command.main(Call(args, environ, watch or _nobody_watches)))
    except BotError as error:
        sys.stderr.write(_lines(error))
        return int(error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`promobot status | head`); nothing is left to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except KeyboardInterrupt:
        again = "; run it again to go on from here" if args.command in _WRITE else ""
        sys.stderr.write(f"promobot: interrupted{again}\n")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)


def _lines(error: BotError) -> str:
    hint = f"  → {error.hint}\n" if error.hint else ""
    return f"promobot: {error.message}\n{hint}"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _nobody_watches(_event: object) -> None:
    pass
