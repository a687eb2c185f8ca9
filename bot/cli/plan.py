"""`promobot plan`: what would happen and why not; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.call import Call
from bot.cli.targets import checked_intent
from bot.cli.views import action_text, remedy, verdict_data, verdict_line
from bot.errors import ExitCode
from bot.plan import Plan, Standing, Verdict
from bot.reconcile import exit_code, look

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal
    from bot.config import Config


def main(call: Call) -> ExitCode:
    """Decide and show."""
    world = call.world()
    plan = look(world, call.texts(world.config), checked_intent(world.config, call.args.services, call.args.to))
    show_plan(call, world.config, plan)
    return exit_code(plan, due_is_news=call.args.exit_code)


def show_plan(call: Call, config: Config, plan: Plan) -> None:
    """Print a plan in the form that was asked for."""
    if call.json:
        call.print_json({"verdicts": [verdict_data(verdict) for verdict in plan.verdicts]})
        return
    terminal = call.terminal()
    for target in dict.fromkeys(verdict.target for verdict in plan.verdicts):
        terminal.title(hop(config, target))
        for verdict in plan.verdicts:
            if verdict.target == target and (verdict.standing is not Standing.OUTSIDE or call.args.verbose):
                _show_verdict(terminal, verdict)
    terminal.say(_sum(plan))


def hop(config: Config, target: str) -> str:
    """`source → target`."""
    return f"{', '.join(config.environment(target).from_)} → {target}"


def _show_verdict(terminal: Terminal, verdict: Verdict) -> None:
    terminal.say(verdict_line(verdict), indent=2)
    for warning in verdict.promotion.warnings if verdict.promotion and verdict.standing is Standing.DUE else ():
        terminal.say(Text.assemble(("! ", "yellow"), warning), indent=6)
    if remedy(verdict):
        terminal.say(remedy(verdict), indent=6)
    for warning in verdict.promotion.warnings if verdict.promotion else ():
        terminal.say(f"! {warning}", indent=6)
    if verdict.step is not None:
        for action in verdict.step.actions:
            terminal.say(action_text(action), indent=6)
        terminal.diff(verdict.step.diff, indent=6)


def _sum(plan: Plan) -> str:
    counts = {standing: sum(v.standing is standing for v in plan.verdicts) for standing in Standing}
    words = [f"{count} {standing.value}" for standing, count in counts.items() if count]
    return ", ".join(words) or "nothing to promote: no environment has a `from`"
