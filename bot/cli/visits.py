"""What `check --online` learns at each registry: is it there, does it know us, may we read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from bot.configfile import Places
from bot.errors import BotError, ConfigError
from bot.images import ImageRef
from bot.parallel import in_parallel
from bot.promotion import Deployed
from bot.registry.errors import StatusError
from bot.world import World

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal

_WORKERS = 16


class Entry(Enum):
    """How a registry let us in."""

    ACCEPTED = "credentials accepted"
    UNPROVEN = "lets in without a login too, so whether the credentials are right isn't known"
    ANONYMOUS = "without a login"


@dataclass(frozen=True)
class Visit:
    """What came of it; `read` is an image of an environment's that we may read there, whether or not it is there."""

    name: str
    entry: Entry | None = None
    read: ImageRef | None = None
    error: BotError | None = None


def visit_all(world: World, deployed: Sequence[Deployed]) -> list[Visit]:
    """Go to every registry at once. Nothing is raised for what fails."""
    return in_parallel(partial(_visit, world, deployed), world.config.registries, workers=_WORKERS)


def _visit(world: World, deployed: Sequence[Deployed], name: str) -> Visit:
    entry: Entry | None = None
    try:
        registry = world.registry(name)
        registry.ping()
        entry = _entry(world, name)
        image = _some_image(world, deployed, name)
        if image is not None:
            registry.digest(image.repository, image.tag or str(image.digest))
    except BotError as error:
        return Visit(name, entry, error=error)
    return Visit(name, entry, image)


def _entry(world: World, name: str) -> Entry:
    if world.registry(name).access.login is None:
        return Entry.ANONYMOUS
    stranger = world.registries.stranger(name)
    try:
        stranger.ping()
    except StatusError as error:
        if error.status in {401, 403}:
            return Entry.ACCEPTED
        raise
    finally:
        stranger.close()
    return Entry.UNPROVEN


def _some_image(world: World, deployed: Sequence[Deployed], name: str) -> ImageRef | None:
    """One that an environment pulls from there: some registries tell only then whether an account may read."""
    here = (
        item.image for item in deployed if item.ours and world.config.environment(item.environment).registry == name
    )
    return next((image for image in here if image and (image.tag or image.digest)), None)


def visit_data(visit: Visit) -> answers.Visit:
    """A visit as `check --online -o json` prints it."""
    return {
        "name": visit.name,
        "reached": visit.entry is not None,
        "login": visit.entry.name.lower() if visit.entry else None,
        "reads": visit.read.name if visit.read else None,
        "error": str(visit.error) if visit.error else "",
    }


def show_visit(terminal: Terminal, visit: Visit, places: Places) -> None:
    """A line or two; with its place where the configuration is what is wrong."""
    if visit.entry is not None:
        reads = f", may read {visit.read.repository}" if visit.read else ""
        terminal.say(f"registry {visit.name}: reached, {visit.entry.value}{reads}")
    if visit.error is not None:
        terminal.say(f"✗ {_at(places, visit.name, visit.error)}{visit.error.message}")
        if visit.error.hint:
            terminal.say(f"→ {visit.error.hint}", indent=2)


def _at(places: Places, name: str, error: BotError) -> str:
    """`file:line: ` of the key that the error names, else of the registry; nothing where it is about the registry."""
    if not isinstance(error, ConfigError):
        return ""
    registry = f"registries.{name}."
    key = error.message.partition(":")[0].removeprefix(registry) if error.message.startswith(registry) else "ca_file"
    return f"{places.path}:{places.line(('registries', name, *key.split('.')))}: "
