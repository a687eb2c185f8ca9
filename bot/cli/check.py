"""`promobot check`: is the configuration right, and does it find what it should?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.cli.call import Call
from bot.cli.status import deployed_data
from bot.cli.visits import Visit, show_visit, visit_all, visit_data
from bot.errors import ExitCode
from bot.promotion import Deployed
from bot.reconcile import look_around, worst
from bot.world import World

# Said where nothing was found: either no file matches, or what matches is none of these.
_KINDS = (
    "it looks into Flux HelmReleases, and Helm values named values.yaml, *-values.yaml, values-*.yaml, *.values.yaml"
)


def main(call: Call) -> ExitCode:
    """Read the configuration and every environment's manifests; with `--online`, knock at every registry too."""
    world = call.world()
    deployed = look_around(world)
    visits = visit_all(world, deployed) if call.args.online else []
    unmatched = list(_unmatched(world, deployed))
    unread = (item.problem for item in deployed if item.code is not ExitCode.DONE)
    problems = list(dict.fromkeys([*unmatched, *unread]))
    if call.json:
        call.print_json(
            {
                "config": str(call.config_path),
                "images": [deployed_data(item) for item in deployed],
                "registries": [visit_data(visit) for visit in visits],
                "problems": problems,
            }
        )
    else:
        _show(call, deployed, visits, problems)
    failures = [*(item.code for item in deployed), *(visit.error.exit_code for visit in visits if visit.error)]
    return worst([*failures, ExitCode.USAGE] if unmatched else failures)


def _unmatched(world: World, deployed: Sequence[Deployed]) -> Iterator[str]:
    """An environment whose paths find nothing is a mistake in the configuration, not an empty environment."""
    for environment in world.config.environments:
        if not any(item.environment == environment.name for item in deployed):
            where = f"{environment.repository.repository} at {environment.repository.branch}"
            yield f"environment {environment.name}: {', '.join(environment.paths)} finds no image in {where}; {_KINDS}"


def _show(call: Call, deployed: Sequence[Deployed], visits: Sequence[Visit], problems: Sequence[str]) -> None:
    terminal = call.terminal()
    terminal.say(f"{call.config_path}: valid")
    shown = [item for item in deployed if item.image and (item.ours or call.args.verbose)]
    rows = (_row(item) for item in sorted(shown, key=lambda item: item.service))
    if shown:
        terminal.table(("SERVICE", "ENVIRONMENT", "IMAGE", "FOUND AT"), rows)
    others = sum(item.image is not None for item in deployed) - sum(item.image is not None for item in shown)
    if others:
        terminal.say(f"{others} more from other registries, which stay as they are (-v lists them)")
    for item in deployed:
        if item.image is None and item.code is ExitCode.DONE:
            terminal.say(f"– {item.path}:{item.line}: {item.problem}")
    for visit in visits:
        show_visit(terminal, visit)
    if visits:
        terminal.say("whether it may write there isn't tried: a check changes nothing")
    for problem in problems:
        terminal.say(f"✗ {problem}")


def _row(item: Deployed) -> tuple[str, str, str, str]:
    """The environment says which registry it is: the path below it is what tells images apart."""
    image = str(item.image)
    if item.ours and item.image is not None and item.image.registry is not None:
        image = image.removeprefix(f"{item.image.registry}/")
    return item.service, item.environment, image, f"{item.path}:{item.line}"
