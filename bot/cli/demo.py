"""`promobot demo`: tells the story, or starts and stops a world that it left."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.cli import main as run_command
from bot.cli.call import Call
from bot.errors import ExitCode, UsageError


def main(call: Call) -> ExitCode:
    """Tell the story, unless only a kept world's registries are meant."""
    try:
        from bot.demo import story, world  # noqa: PLC0415  needs the packages of the extra `demo`
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the demo needs the Python package {error.name}", hint="pip install 'promobot[demo]', or ./run demo"
        ) from None
    if call.args.stop:
        stopped = world.stop(Path(call.args.stop))
        call.terminal().say(f"{stopped} registries stopped; start them again with --start {call.args.stop}")
        return ExitCode.DONE
    if call.args.start:
        hosts = world.start_again(Path(call.args.start))
        call.terminal().say(f"registries run at {', '.join(hosts)}; stop them with --stop {call.args.start}")
        return ExitCode.DONE
    terminal = call.terminal()
    console = terminal.console
    keep = Path(call.args.keep) if call.args.keep else None
    pause = story.default_pause(console, fast=call.args.fast)
    code = story.Story(console, _run, pause).tell(keep)
    if keep is not None:
        sys.stdout.write(_next_steps(keep, call.environ.get("PROMOBOT_COMMAND", "promobot")) + "\n")
    return code


def _run(line: list[str], environ: dict[str, str]) -> int:
    sys.stdout.flush()
    return run_command(line, environ=environ)


def _next_steps(keep: Path, command: str) -> str:
    return f"""\
It is yours to play with; its registries run on loopback until you stop them.

  export PROMOBOT_CONFIG={keep.resolve()}/promobot.yaml
  {command} status
  {command} plan storefront --to staging
  {command} promote storefront notifications --to staging
  {command} mr list
  {command} mr merge platform/gitops!2 --as you
  {command} reconcile
  {command} demo --stop {keep.resolve()}"""
