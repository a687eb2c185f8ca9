"""What `check --online` learns of each forge: what the token can do, and what makes sure of approvals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from bot.config import Config, EnvironmentConfig
from bot.decide.approving import Assurance, demands, reviewers_of
from bot.errors import BotError, ExitCode
from bot.forges import Right, Use, about_project, about_status
from bot.parallel import in_parallel
from bot.promotion import Deployed
from bot.reconcile import look_at_approvals
from bot.repositories import Repository, Reviewers
from bot.world import World

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal

_WORKERS = 8
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("!", "yellow")}


@dataclass(frozen=True)
class Look:
    """What came of it; `code` is that of the error that ended it, else whether every right is there."""

    name: str
    rights: tuple[Right, ...]
    code: ExitCode = ExitCode.DONE


def look_at_forges(world: World, deployed: Sequence[Deployed]) -> list[Look]:
    """Look at every forge at once; only those with a server have anything to tell. Nothing is raised for what fails."""
    uses = {name: _uses(world.config, name, deployed) for name, forge in world.config.forges.items() if forge.approves}
    served = [name for name, projects in uses.items() if projects]
    assured = look_at_approvals(world, deployed) if served else ()
    return in_parallel(lambda name: _look(world, name, uses[name], assured), served, workers=_WORKERS)


def _look(world: World, name: str, uses: Sequence[Use], assured: Sequence[tuple[str, Assurance]]) -> Look:
    places = (world.config.environment(environment).repository for environment, one in assured if one.by_rule)
    ruled = {place.project for place in places if place.forge == name}
    uses = tuple(replace(use, by_rule=use.project in ruled) for use in uses)
    try:
        told = world.forge(name).rights(uses)
        rights = (
            *told,
            *_commits(world, name, uses),
            *_by_git(world, name),
            *_approvals(world.config, name, assured, {right.about for right in told if right.good}),
        )
    except BotError as error:
        found = Right("configuration", good=False, found=error.message, advice=error.hint)
        return Look(name, (found,), error.exit_code)
    good = all(right.good is not False for right in rights)
    return Look(name, rights, ExitCode.DONE if good else ExitCode.FORGE)


def _uses(config: Config, name: str, deployed: Sequence[Deployed]) -> tuple[Use, ...]:
    """What each of its projects is needed for."""
    found: dict[str, list[EnvironmentConfig]] = {}
    for environment in config.environments:
        if environment.repository.forge == name:
            found.setdefault(environment.repository.project, []).append(environment)
    return tuple(
        Use(
            project,
            any(one.from_ for one in sharing),
            _reviewers(config, sharing, deployed),
            tuple(dict.fromkeys(one.repository.branch for one in sharing if one.from_)),
            _merges(config, sharing, deployed),
        )
        for project, sharing in found.items()
    )


def _reviewers(config: Config, environments: Sequence[EnvironmentConfig], deployed: Sequence[Deployed]) -> Reviewers:
    """Whoever is asked for one of the services that are there."""
    there = _services(environments, deployed)
    return reviewers_of([one for target, services in there.items() for one in demands(config, target, services)])


def _merges(config: Config, environments: Sequence[EnvironmentConfig], deployed: Sequence[Deployed]) -> tuple[str, ...]:
    """The branches of the environments in which `merge: auto` holds for one of the services that are there."""
    there = _services(environments, deployed)
    found = (
        one.repository.branch
        for one in environments
        if any(config.settings(one.name, service).merge == "auto" for service in there.get(one.name, ()))
    )
    return tuple(dict.fromkeys(found))


def _services(environments: Sequence[EnvironmentConfig], deployed: Sequence[Deployed]) -> dict[str, tuple[str, ...]]:
    """Those that are there in each target; where nothing could be read, one that no rule is about."""
    there: dict[str, dict[str, None]] = {one.name: {} for one in environments if one.from_}
    for item in deployed:
        if item.environment in there:
            there[item.environment][item.service] = None
    return {target: tuple(services) or ("",) for target, services in there.items()}


def _commits(world: World, name: str, uses: Sequence[Use]) -> tuple[Right, ...]:
    """Whether a forge that is to make the commits itself can; it is one server, so one of the projects will do."""
    proposes = next((Repository(name, use.project) for use in uses if use.proposes), None)
    forge = world.committing(proposes) if proposes else None
    return forge.rights() if forge else ()


def _by_git(world: World, name: str) -> Iterator[Right]:
    """Whether git gets at the repositories, by the token or by ssh."""
    branches: dict[Repository, dict[str, None]] = {}
    for environment in world.config.environments:
        if environment.repository.forge == name:
            branches.setdefault(environment.repository.repository, {})[environment.repository.branch] = None
    for repository, wanted in branches.items():
        about = f"git {repository.project}"
        try:
            heads = world.clone(repository).heads(list(wanted))
        except BotError as error:
            yield Right(about, good=False, found=error.message, advice=error.hint)
            continue
        for branch in wanted:
            there = branch in heads
            found = f"branch {branch} is {f'at {heads[branch][:12]}' if there else 'not there'}"
            yield Right(about, there, found, "" if there else "make it, or correct `branch`")


def _approvals(
    config: Config, name: str, assured: Sequence[tuple[str, Assurance]], good: Collection[str]
) -> Iterator[Right]:
    """What makes sure that enough approve, in each of the forge's environments, by what else is found to be good."""
    for environment, one in assured:
        place = config.environment(environment).repository
        if place.forge != name:
            continue
        about = f"{environment} needs {one.demand}"
        if one.by:
            yield Right(about, good=True, found=f"{one.by} found")
        elif about_status(place.project, place.branch) in good:
            yield Right(about, good=True, found="promobot's status, which is required, waits for them")
        elif one.known and about_project(place.project) in good:
            instead = f"; {one.why}" if one.why else ""
            advice = "promobot's status waits for them: require it, or make a rule on the forge"
            yield Right(about, good=None, found=f"nothing on the forge makes sure of it{instead}", advice=advice)
        else:
            why = "" if one.known or not one.why else f": {one.why}"
            advice = "promobot's status waits for them: require it"
            yield Right(about, good=None, found=f"whether the forge makes sure of it isn't known{why}", advice=advice)


# --- views ----------------------------------------------------------------------------------------------


def look_data(look: Look) -> answers.Look:
    """A look as `check --online -o json` prints it."""
    rights: list[answers.Right] = [
        {"about": right.about, "good": right.good, "found": right.found, "advice": right.advice}
        for right in look.rights
    ]
    return {"name": look.name, "rights": rights}


def show_look(terminal: Terminal, look: Look) -> None:
    """A line for each finding, and one for what to do."""
    for right in look.rights:
        mark, style = _MARKS[right.good]
        terminal.say(Text.assemble((mark, style), f" forge {look.name}: {right.about}: {right.found}"))
        if right.advice:
            terminal.say(f"→ {right.advice}", indent=2)
