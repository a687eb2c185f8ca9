"""`promobot check`: is the configuration right, and does it find what it should?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.call import Call
from bot.cli.rights import Look, look_at_forges, look_data, show_look
from bot.cli.status import deployed_data
from bot.cli.terminal import Terminal
from bot.cli.visible import inline
from bot.cli.visits import Visit, show_visit, visit_all, visit_data
from bot.cli.whereabouts import located
from bot.config import Config
from bot.configfile import Places
from bot.decide.coverage import Coverage, Finding
from bot.decide.survey import elsewhere
from bot.errors import ExitCode
from bot.promotion import Deployed
from bot.reconcile import look_over, worst

if TYPE_CHECKING:
    from bot.cli import answers

# So many services of one way are named unless all are asked for.
_MOST_NAMED = 6
_NOTHING = "matches files, but no image was found in them"
_KINDS = "see `promobot images FILE`, and `fields` for images that nothing in the file calls one"


def main(call: Call) -> ExitCode:
    """Read the configuration and every environment's manifests; with `--online`, knock at every registry too."""
    world = call.world()
    call.texts(world.config).check()
    with call.looking(world):
        deployed, coverage = look_over(world)
    findings = [*located(world.config, coverage.findings), *_without_images(world.config, deployed, coverage)]
    places = Places.of(call.config_path)
    visits = visit_all(world, deployed) if call.args.online else []
    looks = look_at_forges(world, deployed) if call.args.online else []
    unread = [item for item in deployed if item.code is not ExitCode.DONE]
    errors = [visit.error.exit_code for visit in visits if visit.error]
    errors += [look.code for look in looks]
    code = worst([*(item.code for item in deployed), *errors, *(finding.code for finding in findings)])
    if call.json:
        answer: answers.Checked = {
            "config": str(call.config_path),
            "ways": [_way_data(way, services) for way, services in coverage.ways.items()],
            "images": [deployed_data(item) for item in deployed],
            "registries": [visit_data(visit) for visit in visits],
            "forges": [look_data(look) for look in looks],
            "findings": [_finding_data(places, finding) for finding in findings],
            "problems": list(dict.fromkeys(item.problem for item in unread)),
        }
        call.print_json(answer)
    else:
        _show(call, deployed, fine=code is ExitCode.DONE)
        _show_ways(call, coverage.ways)
        _show_visits(call.terminal(), places, visits, looks)
        # Of what can't be read as a whole, the finding about its environment tells.
        _show_findings(call.terminal(), places, findings, [item.problem for item in unread if item.path])
    return code


def _without_images(config: Config, deployed: Sequence[Deployed], coverage: Coverage) -> Iterator[Finding]:
    """An environment whose files name no image is a mistake, not one without images; so is one that names others'."""
    silent = {finding.loc[1] for finding in coverage.findings if finding.fault and finding.loc[0] == "environments"}
    having = {item.environment for item in deployed}
    for index, environment in enumerate(config.environments):
        if environment.name not in having and index not in silent:
            what = f"{', '.join(environment.paths)} {_NOTHING}"
            yield Finding(("environments", index, "paths"), what, _KINDS, ExitCode.USAGE)
    for environment, what in elsewhere(config, deployed):
        advice = f"correct `url` of registry {environment.registry}, or which `registry` {environment.name} pulls from"
        yield Finding(("environments", config.names.index(environment.name), "registry"), what, advice)


# --- JSON -----------------------------------------------------------------------------------------------


def _way_data(way: Sequence[Sequence[str]], services: Sequence[str]) -> answers.Way:
    return {"environments": [list(step) for step in way], "services": list(services)}


def _finding_data(places: Places, finding: Finding) -> answers.Finding:
    return {
        "at": places.at(finding.loc),
        "what": finding.what,
        "advice": finding.advice,
        "fault": finding.fault,
    }


# --- text -----------------------------------------------------------------------------------------------


def _show(call: Call, deployed: Sequence[Deployed], *, fine: bool) -> None:
    terminal = call.terminal()
    terminal.say(f"{call.config_path}: {'valid' if fine else 'can be read; what is wrong has a ✗ below'}")
    shown = [item for item in deployed if item.image and (item.ours or call.args.verbose)]
    rows = (_row(item) for item in sorted(shown, key=lambda item: item.service))
    if shown:
        terminal.table(("SERVICE", "ENVIRONMENT", "IMAGE", "FOUND AT"), rows)
    others = sum(item.image is not None for item in deployed) - sum(item.image is not None for item in shown)
    if others:
        terminal.say(f"{others} more that don't move, from other registries or left out by `images` (-v lists them)")
    for item in deployed:
        if item.image is None and item.code is ExitCode.DONE:
            terminal.say(f"– {inline(item.path)}:{item.line}: {item.problem}")


def _show_visits(terminal: Terminal, places: Places, visits: Sequence[Visit], looks: Sequence[Look]) -> None:
    for visit in visits:
        show_visit(terminal, visit, places)
    for look in looks:
        show_look(terminal, look)
    if visits:
        terminal.say("whether it may write there isn't tried: a check changes nothing")


def _show_ways(call: Call, ways: Mapping[tuple[tuple[str, ...], ...], Sequence[str]]) -> None:
    terminal = call.terminal()
    for way, services in ways.items():
        path = " → ".join(", ".join(step) for step in way) or "nowhere"
        named = services if call.args.verbose else services[:_MOST_NAMED]
        more = f" and {len(services) - len(named)} more" if len(services) > len(named) else ""
        terminal.say(Text.assemble((path, "bold"), f": {', '.join(named)}{more}"))


def _show_findings(terminal: Terminal, places: Places, findings: Iterable[Finding], problems: Iterable[str]) -> None:
    for (what, advice), alike in groupby(findings, key=lambda finding: (finding.what, finding.advice)):
        for number, finding in enumerate(alike):
            mark, style = ("✗", "red") if finding.fault else ("!", "yellow")
            terminal.say(Text(f"{mark} {places.at(finding.loc)}: {'the same' if number else what}", style=style))
        if advice:
            terminal.say(f"→ {advice}", indent=2)
    for problem in dict.fromkeys(problems):
        terminal.say(Text(f"✗ {problem}", style="red"))


def _row(item: Deployed) -> tuple[str, str, str, str]:
    """The environment says which registry it is: the path below it is what tells images apart."""
    image = str(item.image)
    if item.ours and item.image is not None and item.image.registry is not None:
        image = image.removeprefix(f"{item.image.registry}/")
    return item.service, item.environment, image, f"{inline(item.path)}:{item.line}"
