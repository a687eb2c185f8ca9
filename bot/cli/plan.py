"""`promobot plan`: what would happen and why not; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.cli.call import Call
from bot.cli.targets import checked_intent
from bot.cli.views import remedy_line, step_lines, verdict_data, verdict_line
from bot.errors import ExitCode
from bot.promotion import Plan, Standing
from bot.reconcile import exit_code, look

if TYPE_CHECKING:
    from bot.config import Config


def main(call: Call) -> ExitCode:
    """Decide and show."""
    world = call.world()
    plan = look(world, call.texts(), checked_intent(world.config, call.args.services, call.args.to))
    show_plan(call, world.config, plan)
    return exit_code(plan, due_is_news=call.args.exit_code)


def show_plan(call: Call, config: Config, plan: Plan) -> None:
    """Print a plan in the form that was asked for."""
    if call.json:
        call.print_json({"verdicts": [verdict_data(verdict) for verdict in plan.verdicts]})
        return
    console = call.console()
    for target in dict.fromkeys(verdict.target for verdict in plan.verdicts):
        console.print(f"[bold]{config.environment(target).from_} → {target}[/]")
        for verdict in plan.verdicts:
            if verdict.target != target or (verdict.standing is Standing.OUTSIDE and not call.args.verbose):
                continue
            console.print(verdict_line(verdict))
            for line in (remedy_line(verdict), *(step_lines(verdict.step) if verdict.step else ())):
                if line is not None:
                    console.print(line)
    console.print(_sum(plan))


def _sum(plan: Plan) -> str:
    counts = {standing: sum(v.standing is standing for v in plan.verdicts) for standing in Standing}
    words = [f"{count} {standing.value}" for standing, count in counts.items() if count]
    return ", ".join(words) or "nothing to promote: no environment has a `from`"
