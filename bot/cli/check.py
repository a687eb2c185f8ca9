"""`promobot check`: is the configuration right, and does it find what it should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from bot.cli.call import Call
from bot.cli.status import deployed_data
from bot.errors import BotError, ExitCode
from bot.promotion import Deployed
from bot.reconcile import look_around
from bot.world import World


def main(call: Call) -> ExitCode:
    """Read the configuration and every environment's manifests; with `--online`, knock at every registry too."""
    world = call.world()
    deployed = look_around(world)
    reached = list(_knock(world)) if call.args.online else []
    problems = [*_unmatched(world, deployed), *(item.problem for item in deployed if item.problem and not item.image)]
    if call.json:
        call.print_json(
            {
                "config": str(call.config_path),
                "images": [deployed_data(item) for item in deployed],
                "registries": [{"name": name, "error": str(error) if error else ""} for name, error in reached],
                "problems": problems,
            }
        )
    else:
        _show(call, deployed, reached, problems)
    failures = [error.exit_code for _, error in reached if error]
    return failures[0] if failures else ExitCode.USAGE if problems else ExitCode.DONE


def _unmatched(world: World, deployed: Sequence[Deployed]) -> Iterator[str]:
    """An environment whose paths find nothing is a mistake in the configuration, not an empty environment."""
    for environment in world.config.environments:
        if not any(item.environment == environment.name for item in deployed):
            where = f"{environment.repository.repository} at {environment.repository.branch}"
            yield f"environment {environment.name}: {', '.join(environment.paths)} matches no file of {where}"


def _knock(world: World) -> Iterator[tuple[str, BotError | None]]:
    for name in world.config.registries:
        try:
            world.registry(name).ping()
        except BotError as error:
            yield name, error
        else:
            yield name, None


def _show(
    call: Call, deployed: Sequence[Deployed], reached: Sequence[tuple[str, BotError | None]], problems: Sequence[str]
) -> None:
    console = call.console()
    console.print(f"{call.config_path}: valid")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for header in ("SERVICE", "ENVIRONMENT", "IMAGE", "FOUND AT"):
        table.add_column(header, no_wrap=True)
    others = 0
    for item in sorted(deployed, key=lambda item: item.service):
        if item.ours or call.args.verbose:
            table.add_row(item.service, item.environment, str(item.image), f"{item.path}:{item.line}")
        else:
            others += item.image is not None
    console.print(table)
    if others:
        console.print(f"{others} more from other registries, which stay as they are (-v lists them)")
    for name, error in reached:
        console.print(f"registry {name}: {error or 'reached'}")
    for problem in problems:
        console.print(f"✗ {problem}")
