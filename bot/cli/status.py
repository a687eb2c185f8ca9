"""`promobot status`: what runs where, what is proposed, what is blocked and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from bot.cli.call import Call
from bot.cli.plan import plan_data, show_upkeep
from bot.cli.views import mark, remedy
from bot.config import Config
from bot.errors import ExitCode
from bot.plan import Plan, Standing, Verdict
from bot.promotion import Deployed
from bot.reconcile import exit_code, look_at_all

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal

_Cells: TypeAlias = "Mapping[tuple[str, str], Verdict]"


def main(call: Call) -> ExitCode:
    """Show a matrix of services and environments, and below it what needs somebody."""
    world = call.world()
    deployed, plan = look_at_all(world, call.texts(world.config), now=datetime.now(UTC))
    if call.json:
        call.print_json({"deployed": [deployed_data(item) for item in deployed], **plan_data(plan)})
    else:
        _show(call, world.config, deployed, plan)
    return exit_code(plan, blocked_is_fine=True)


def deployed_data(item: Deployed) -> dict[str, object]:
    """One image of one manifest, as `status` and `check` print it as JSON."""
    return {
        "environment": item.environment,
        "service": item.service,
        "repository": str(item.rev.repository),
        "commit": item.rev.commit,
        "file": item.path,
        "line": item.line,
        "pointer": item.pointer,
        "image": str(item.image) if item.image else None,
        "ours": item.ours,
        "present": item.present,
        "problem": item.problem,
    }


def _show(call: Call, config: Config, deployed: Sequence[Deployed], plan: Plan) -> None:
    terminal = call.terminal()
    verdicts = {(service, v.target): v for v in plan.verdicts for service in v.unit.services}
    services = sorted({item.service for item in deployed if item.ours})
    rows = (
        (Text(service), *(_cell(service, name, deployed, verdicts) for name in config.names)) for service in services
    )
    if services:
        terminal.table(("SERVICE", *(name.upper() for name in config.names)), rows)
        terminal.say(_legend(plan))
    else:
        terminal.say("No images found; `promobot check` says where it looked.")
    _show_others(terminal, deployed if call.args.verbose else ())
    for item in deployed:
        if item.present is False:
            registry = config.environment(item.environment).registry
            lacks = f"✗ {item.environment} runs {item.image}, which registry {registry} hasn't"
            terminal.say(Text(lacks, style="red"))
    _show_blocked(terminal, plan)
    for verdict in plan.verdicts:
        _show_request(terminal, config, verdict)
    show_upkeep(terminal, plan, {})


def _show_others(terminal: Terminal, deployed: Sequence[Deployed]) -> None:
    for item in deployed:
        if item.image is not None and not item.ours:
            place = f"{item.path}:{item.line}"
            terminal.say(f"– {item.service} in {item.environment} runs {item.image} too, which isn't ours ({place})")


def _show_blocked(terminal: Terminal, plan: Plan) -> None:
    """Why, and below those that one remedy helps what to do: a registry that is down blocks many."""
    blocked: dict[str, list[Text]] = {}
    for verdict in plan.verdicts:
        if verdict.standing is Standing.BLOCKED and verdict.blocked is not None:
            line = f"✗ {verdict.unit.name} to {verdict.target}: {verdict.blocked.reason}"
            blocked.setdefault(remedy(verdict), []).append(Text(line, style="red"))
    for advice, reasons in blocked.items():
        for reason in reasons:
            terminal.say(reason)
        if advice:
            terminal.say(advice, indent=2)


def _show_request(terminal: Terminal, config: Config, verdict: Verdict) -> None:
    """The open merge request; where something is due besides, the next pass has to complete, change or close it."""
    if verdict.request is None or verdict.standing not in {Standing.DUE, Standing.PROPOSED}:
        return
    request = f"{config.environment(verdict.target).repository.project}!{verdict.request.number}"
    line = Text.assemble(mark(verdict.standing), f" {verdict.unit.name} to {verdict.target}: {request}")
    terminal.say(line.append(f"  {verdict.request.url}"))


def _cell(service: str, environment: str, deployed: Sequence[Deployed], verdicts: _Cells) -> Text:
    here = [item for item in deployed if (item.service, item.environment) == (service, environment)]
    images = [item.image for item in here if item.ours and item.image]
    verdict = verdicts.get((service, environment))
    unreadable = any(item.code is not ExitCode.DONE for item in here)
    cell = Text() if images else Text("?", style="red") if unreadable else Text("–", style="dim")
    tags = (image.tag or (image.digest.short if image.digest else "?") for image in images)
    cell.append(", ".join(dict.fromkeys(tags)))
    if any(item.present is False for item in here):
        cell.append(" missing", style="red")
    if verdict is not None and images:
        cell.append(" ").append_text(mark(verdict.standing))
        if verdict.promotion is not None and verdict.standing in {Standing.DUE, Standing.PROPOSED}:
            # Where only a digest or what goes with the image changes, `↑` says it all.
            new = dict.fromkeys(move.tag for move in verdict.promotion.moves if move.before.tag != move.tag)
            cell.append(" " + ", ".join(new) if new else "", style="dim")
    return cell


def _legend(plan: Plan) -> Text:
    seen = {verdict.standing for verdict in plan.verdicts} - {Standing.OUTSIDE}
    legend = Text()
    for standing in (standing for standing in Standing if standing in seen):
        legend.append_text(mark(standing)).append(f" {standing.value}   ")
    legend.rstrip()
    return legend
