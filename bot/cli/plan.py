"""`promobot plan`: what would happen and why not; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.call import Call
from bot.cli.targets import checked_intent
from bot.cli.views import (
    action_text,
    outcome_lines,
    remedy,
    upkeep_data,
    upkeep_line,
    verdict_data,
    verdict_line,
    way_out,
)
from bot.errors import ExitCode
from bot.plan import Outcome, Plan, Standing, Verdict
from bot.reconcile import exit_code, look

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal
    from bot.config import Config


def main(call: Call) -> ExitCode:
    """Decide and show."""
    world = call.world()
    intent = checked_intent(world.config, call.args.services, call.args.to)
    plan = look(world, call.texts(world.config), intent, now=datetime.now(UTC))
    show_plan(call, world.config, plan)
    return exit_code(plan, due_is_news=call.args.exit_code)


def show_plan(call: Call, config: Config, plan: Plan) -> None:
    """Print a plan in the form that was asked for."""
    if call.json:
        call.print_json(plan_data(plan))
        return
    terminal = call.terminal()
    for target in dict.fromkeys(verdict.target for verdict in plan.verdicts):
        terminal.title(hop(config, target))
        for verdict in plan.verdicts:
            if verdict.target == target and (verdict.standing is not Standing.OUTSIDE or call.args.verbose):
                _show_verdict(terminal, verdict)
    show_upkeep(terminal, plan, {})
    terminal.say(_sum(plan))


def plan_data(plan: Plan) -> dict[str, object]:
    """A plan as JSON."""
    return {
        "verdicts": [verdict_data(verdict) for verdict in plan.verdicts],
        "upkeep": [upkeep_data(item) for item in plan.upkeep],
    }


def show_upkeep(terminal: Terminal, plan: Plan, outcomes: Mapping[tuple[str, str, str], Sequence[Outcome]]) -> None:
    """What is due beside promotions, each with its outcomes where there are some."""
    if plan.upkeep:
        terminal.title("upkeep")
    for item in plan.upkeep:
        terminal.say(upkeep_line(item), indent=2)
        if item.blocked:
            terminal.say(way_out(item), indent=6)
        if item.step is not None:
            done = outcomes.get(item.step.key)
            lines = map(action_text, item.step.actions) if done is None else chain(*map(outcome_lines, done))
            for line in lines:
                terminal.say(line, indent=6)


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
    if plan.upkeep:
        words.append(f"{len(plan.upkeep)} upkeep")
    return ", ".join(words) or "nothing to promote: no environment has a `from`"
