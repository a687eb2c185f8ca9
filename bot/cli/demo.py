"""`promobot demo`: tells the story, or starts and stops a world that it left."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from bot.cli import run_within
from bot.cli.call import Call
from bot.errors import ExitCode, UsageError


def main(call: Call) -> int:
    """Tell the story, unless only a kept world's servers are meant."""
    try:
        from bot.demo import servers, story  # noqa: PLC0415  needs the packages of the extra `demo`
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the demo needs the Python package {error.name}", hint="pip install 'promobot[demo]', or ./run demo"
        ) from None
    if call.args.stop:
        stopped = servers.stop(Path(call.args.stop))
        _tell(call, f"{stopped} servers stopped. To start them again:", "--start", call.args.stop)
        return ExitCode.DONE
    if call.args.start:
        started = servers.start_again(Path(call.args.start))
        hosts = ", ".join(f"{name} {host}" for name, host in started.items())
        _tell(call, f"Servers run: {hosts}. To stop them:", "--stop", call.args.start)
        return ExitCode.DONE
    terminal = call.terminal()
    console = terminal.console
    keep = Path(call.args.keep) if call.args.keep else None
    pause = story.default_pause(console, fast=call.args.fast)
    try:
        code = story.Story(console, _run, pause).tell(keep, call.args.forge)
    except KeyboardInterrupt:
        sys.stderr.write(f"promobot: interrupted; {_left(keep)}\n")
        return ExitCode.INTERRUPTED
    if keep is not None:
        sys.stdout.write(_next_steps(keep.resolve(), _command(call), call.args.forge) + "\n")
    return code


def how_to_start(call: Call) -> str:
    """What to do where the configuration is that of a demo whose servers don't run; empty where it isn't."""
    try:
        from bot.demo import servers  # noqa: PLC0415
    except ModuleNotFoundError:
        return ""
    folder = call.config_path.parent
    if not servers.is_stopped(folder):
        return ""
    return f"promobot: this demo's servers don't run\n  → {_command(call)} demo --start {shlex.quote(str(folder))}\n"


def _run(line: list[str], environ: dict[str, str]) -> int:
    sys.stdout.flush()
    return run_within(line, environ)


def _left(keep: Path | None) -> str:
    if keep is None:
        return "nothing was left behind"
    return f"no server was left running; what was made so far is in {keep}"


def _tell(call: Call, what: str, option: str, folder: str) -> None:
    call.terminal().say(what)
    sys.stdout.write(f"  {_command(call)} demo {option} {shlex.quote(folder)}\n")


def _command(call: Call) -> str:
    """How this promobot was called, for the commands that people shall copy."""
    return call.environ.get("PROMOBOT_COMMAND", "promobot")


def _next_steps(keep: Path, command: str, forge: str) -> str:
    """Every line works as printed: quoted where a shell would split it, or take `!2` for a line of its history."""
    merge = f"{command} mr merge 'platform/gitops!2' --as you"
    if forge != "local":
        browser = "a browser, at the address that `promote` told"
        merge = f"# approve in {browser}\n  {command} reconcile\n  # merge there"
    return f"""\
It is yours to play with; its servers run on loopback until you stop them.

  export PROMOBOT_CONFIG={shlex.quote(str(keep / "promobot.yaml"))}
  export PROMOBOT_CACHE={shlex.quote(str(keep / "cache"))}
  {command} status
  {command} plan storefront --to staging
  {command} promote storefront notifications --to staging
  {command} mr list
  {merge}
  {command} reconcile
  {command} demo --stop {shlex.quote(str(keep))}"""
