"""`promobot status`: what runs where, what is proposed, what is blocked and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.call import Call
from bot.cli.matrix import Matrix, show_matrix
from bot.cli.outputfile import OutputFile, deployed_variables
from bot.cli.plan import plan_data, show_upkeep
from bot.cli.targets import check_environments, check_services
from bot.cli.views import blocked_alike, mark, request_link, under_review, unit_text, units_text, way_out
from bot.config import Config
from bot.counting import counted
from bot.decide.survey import elsewhere
from bot.errors import ExitCode
from bot.plan import Plan, Standing, Verdict
from bot.promotion import Deployed
from bot.reconcile import exit_code, look_at_all

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal

# Of what is told line by line, so many are told unless it was asked for, and of more than that so many of each kind.
_MANY = 20
_FEW = 5
# So many environments are named in the legend.
_FEW_TARGETS = 2


def main(call: Call) -> ExitCode:
    """Show a matrix of services and environments, and below it what needs somebody."""
    file = OutputFile.named(call.args.output_file)
    world = call.world()
    check_environments(world.config, call.args.env)
    with call.looking(world):
        deployed, plan = look_at_all(world, call.texts(world.config), now=datetime.now(UTC))
    matrix = _narrowed(call, world.config, deployed, plan)
    answer = _data(matrix)
    if call.json:
        call.print_json(answer)
    else:
        _show(call, matrix)
    code = exit_code(matrix.plan, blocked_is_fine=True)
    if file is not None:
        variables = (*deployed_variables(matrix.deployed), *_requests_of(matrix))
        file.write(call, answer, variables, code)
    return code


def _requests_of(matrix: Matrix) -> Iterator[tuple[Sequence[str], str]]:
    """The merge requests as variables, each for all of its services."""
    for verdict in filter(_has_request, matrix.verdicts):
        for service in verdict.unit.services:
            yield (verdict.target, service, "merge_request_url"), verdict.request.url if verdict.request else ""


def _narrowed(call: Call, config: Config, deployed: Sequence[Deployed], plan: Plan) -> Matrix:
    """What was asked for: some services or groups, some environments, only what is blocked or due."""
    environments = tuple(name for name in config.names if not call.args.env or name in call.args.env)
    services = {item.service for item in deployed if item.ours}
    services.update(service for verdict in plan.verdicts for service in verdict.unit.services)
    if all(item.code is ExitCode.DONE for item in deployed):
        check_services(config, call.args.services, services)
    if call.args.services:
        services = {name for name in services if {name, config.group(name)} & set(call.args.services)}
    verdicts = [verdict for verdict in plan.verdicts if verdict.target in environments]
    if wanted := _wanted(call):
        verdicts = [verdict for verdict in verdicts if verdict.standing in wanted]
        services &= {service for verdict in verdicts for service in verdict.unit.services}
    # What is said of a whole environment has no services, and concerns them all.
    verdicts = [one for one in verdicts if not one.unit.services or services & set(one.unit.services)]
    shown = [item for item in deployed if item.environment in environments and item.service in {*services, "*"}]
    upkeep = [] if wanted else [item for item in plan.upkeep if item.environment in environments]
    if call.args.services:
        upkeep = [item for item in upkeep if services & {item.unit.name, *item.unit.services}]
    return Matrix(config, environments, tuple(sorted(services)), shown, Plan(tuple(verdicts), tuple(upkeep)))


def _wanted(call: Call) -> set[Standing]:
    blocked = {Standing.BLOCKED} if call.args.blocked else set()
    return blocked | ({Standing.DUE} if call.args.due else set())


# --- JSON -----------------------------------------------------------------------------------------------


def _data(matrix: Matrix) -> answers.Status:
    config = matrix.config
    return {
        "environments": list(matrix.environments),
        "services": [
            {"name": name, "group": config.group(name), "owner": config.owner(name)} for name in matrix.services
        ],
        "deployed": [deployed_data(item) for item in matrix.deployed],
        **plan_data(matrix.plan),
    }


def deployed_data(item: Deployed) -> answers.Deployed:
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
        "drift": item.drift,
        "problem": item.problem,
    }


# --- text -----------------------------------------------------------------------------------------------


def _show(call: Call, matrix: Matrix) -> None:
    terminal = call.terminal()
    everything = bool(call.args.verbose or call.args.services or call.args.blocked)
    if matrix.services:
        show_matrix(terminal, matrix)
        terminal.say(_legend(matrix))
    elif _wanted(call):
        terminal.say(f"Nothing is {' or '.join(sorted(standing.value for standing in _wanted(call)))}.")
    elif not any(one.blocked and not one.unit.services for one in matrix.verdicts):  # else that is why, and is told
        terminal.say("No images found; `promobot check` says where it looked.")
    _show_others(terminal, matrix.deployed if call.args.verbose else ())
    _show_some(terminal, [(line,) for line in _gone(matrix)], everything=everything, rest="promobot status -v")
    if not call.args.services:
        for environment, what in elsewhere(matrix.config, matrix.deployed):
            if environment.name in matrix.environments:
                terminal.say(Text(f"! {what}: promobot check", style="yellow"))
    outside = list(_outside(matrix, everything=everything))
    _show_some(terminal, outside, everything=everything, rest="promobot status -v")
    _show_blocked(terminal, matrix, everything=everything)
    requests = [(_request(matrix.config, one),) for one in matrix.verdicts if _has_request(one) or _is_closed_next(one)]
    _show_some(terminal, requests, everything=everything, rest="promobot status -v")
    show_upkeep(terminal, matrix.plan, {})


def _legend(matrix: Matrix) -> Text:
    """What the marks mean, and of how many services on their way into how many environments each is said."""
    counts = Counter(matrix.marks)
    targets = [name for name in matrix.environments if matrix.config.environment(name).from_]
    into = f" into {' and '.join(targets) if len(targets) <= _FEW_TARGETS else f'{len(targets)} environments'}"
    services = f"{counted(len(matrix.services), 'service')}{into if targets else ''}"
    legend = Text(f"{services}{':   ' if counts else ''}", style="dim")
    for standing in (one for one in Standing if counts[one] and one is not Standing.OUTSIDE):
        legend.append_text(mark(standing)).append(f" {counts[standing]:,} {standing.value}   ")
    legend.rstrip()
    return legend


def _gone(matrix: Matrix) -> Iterator[Text]:
    """What runs, as its manifest says, and its registry hasn't, or not any more."""
    for item in matrix.deployed:
        registry = matrix.config.environment(item.environment).registry
        if item.present is False:
            yield Text(f"✗ {item.environment} runs {item.image}, which registry {registry} doesn't have", style="red")
        if item.drift:
            yield Text(
                f"✗ drift: {item.environment} names {item.image}, but the tag points to another digest", style="red"
            )


def _show_others(terminal: Terminal, deployed: Sequence[Deployed]) -> None:
    for item in deployed:
        if item.image is not None and not item.ours:
            place = f"{item.path}:{item.line}"
            terminal.say(f"– {item.service} in {item.environment} runs {item.image} too, which isn't ours ({place})")


def _outside(matrix: Matrix, *, everything: bool) -> Iterator[tuple[str, str]]:
    """Why nothing is promoted, and what to do: of all that was asked about, else of what doesn't explain itself."""
    for verdict in matrix.verdicts:
        if verdict.standing is Standing.OUTSIDE and verdict.blocked and (everything or verdict.note):
            why = f"– {unit_text(verdict.unit)} to {verdict.target}: {verdict.blocked.reason}"
            yield why, way_out(verdict.blocked)


def _show_blocked(terminal: Terminal, matrix: Matrix, *, everything: bool) -> None:
    """Why, and below those that one remedy helps what to do: a registry that is down blocks many."""
    blocked = blocked_alike(matrix.verdicts)
    everything = everything or sum(map(len, blocked.values())) <= _MANY
    for advice, reasons in blocked.items():
        shown = len(reasons) if everything else _FEW
        for reason, verdicts in list(reasons.items())[:shown]:
            terminal.say(Text(f"✗ {_whose(verdicts)}: {reason}", style="red"))
            for line in chain(*map(partial(under_review, matrix.config), verdicts)):
                terminal.say(line, indent=2)
        if rest := sum(map(len, list(reasons.values())[shown:])):
            terminal.say(Text(f"✗ and {rest:,} more: promobot status --blocked", style="red"))
        if advice:
            terminal.say(advice, indent=2)


def _whose(verdicts: Sequence[Verdict]) -> str:
    """Whose way into which environments; those that are the same of several once."""
    by_target: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_target.setdefault(verdict.target, []).append(verdict)
    targets: dict[str, list[str]] = {}
    for target, ones in by_target.items():
        targets.setdefault(units_text(ones), []).append(target)
    return ", ".join(f"{units} to {' and '.join(into)}" for units, into in targets.items())


def _show_some(terminal: Terminal, told: Sequence[Sequence[Text | str]], *, everything: bool, rest: str) -> None:
    """Each with a line, and what stands below that."""
    shown = told if everything or len(told) <= _MANY else told[:_FEW]
    for line, *below in shown:
        terminal.say(line)
        for more in below:
            terminal.say(more, indent=2)
    if len(shown) < len(told):
        terminal.say(f"and {len(told) - len(shown):,} more: {rest}", indent=2)


def _has_request(verdict: Verdict) -> bool:
    return verdict.request is not None and verdict.standing in {Standing.DUE, Standing.PROPOSED}


def _is_closed_next(verdict: Verdict) -> bool:
    return verdict.request is not None and verdict.standing is Standing.CURRENT and verdict.step is not None


def _request(config: Config, verdict: Verdict) -> Text:
    """The open merge request, which the next pass may have to complete, change or close."""
    assert verdict.request is not None  # noqa: S101  that is who is asked
    request = f"{config.environment(verdict.target).repository.project}!{verdict.request.number}"
    line = Text.assemble(mark(verdict.standing), f" {unit_text(verdict.unit)} to {verdict.target}: {request}")
    line.append(" is no longer due" if _is_closed_next(verdict) else f", {verdict.note}" if verdict.note else "")
    return line.append(f"  {request_link(config, verdict)}", style="dim")
