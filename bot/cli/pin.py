"""`promobot pin`: propose that an overlay has its images to itself."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from bot.cli.call import Call
from bot.cli.plan import show_plan
from bot.cli.promote import show_pass
from bot.cli.targets import check_environment
from bot.cli.watching import watching
from bot.decide.pin import Pin, decide_pin
from bot.errors import ExitCode
from bot.reconcile import Pass, carry_out, exit_code, settle


def main(call: Call) -> ExitCode:
    """Propose it by a merge request, or show what would be done."""
    world = call.world()
    check_environment(world.config, call.args.service, call.args.env)
    think = partial(decide_pin, world.config, Pin(call.args.service, call.args.env))
    if call.args.dry_run:
        plan = settle(world, think)
        if call.json:
            show_pass(call, world.config, Pass(plan))
        else:
            show_plan(call, world.config, plan)
        return exit_code(plan)
    with watching(call, world) as watch:
        done = carry_out(world, lambda facts, *_: think(facts), clock=lambda: datetime.now(UTC), watch=watch)
    show_pass(call, world.config, done)
    return exit_code(done)
