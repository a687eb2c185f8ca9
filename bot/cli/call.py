"""One invocation of a command: its arguments and its surroundings."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.apply import Event
    from bot.cli.terminal import Terminal
    from bot.config import Config
    from bot.decide import Texts
    from bot.registries import Registries
    from bot.world import Look, World

Watch: TypeAlias = "Callable[[Event], None]"

_DEFAULT_CONFIG = "promobot.yaml"


@dataclass(frozen=True)
class Call:
    """What a command gets: parsed arguments, the environment, and who watches the effects.

    What is opened on the way is closed when the call ends.
    """

    args: Namespace
    environ: Mapping[str, str]
    watch: Watch
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def json(self) -> bool:
        """Whether the answer shall be JSON."""
        return bool(self.args.output == "json")

    @property
    def config_path(self) -> Path:
        """The configuration file: `-c`, else PROMOBOT_CONFIG, else promobot.yaml here or, in a clone, above."""
        named = self.args.config or self.environ.get("PROMOBOT_CONFIG")
        return Path(named) if named else _nearest(Path(_DEFAULT_CONFIG))

    @property
    def written_path(self) -> Path:
        """The same for who writes one, which is never one of a folder above."""
        return self.config_path if self.names_config else Path(_DEFAULT_CONFIG)

    @property
    def names_config(self) -> bool:
        """Whether the user says where the configuration is."""
        return bool(self.args.config or self.environ.get("PROMOBOT_CONFIG"))

    def world(self) -> World:
        """The adapters that the configuration names. Raises ConfigError."""
        from bot.configfile import load_config  # noqa: PLC0415  pydantic takes longer to load than `--help` may
        from bot.world import World  # noqa: PLC0415

        world = World(load_config(self.config_path), self.environ, self.cache)
        self.closing.callback(world.close)
        return world

    @contextmanager
    def looking(self, world: World) -> Iterator[None]:
        """While the world is read, say on a terminal how far that is."""
        from bot.cli.terminal import ProgressLine  # noqa: PLC0415

        with ProgressLine(self.terminal(stderr=True)) as line:
            world.lookout.watch = lambda look: line.show(look_text(look))
            yield
            world.lookout.watch = None

    def registries(self) -> Registries:
        """Registries without a configuration."""
        from bot.registries import Registries  # noqa: PLC0415

        registries = Registries({}, self.environ)
        self.closing.callback(registries.close)
        return registries

    @property
    def cache(self) -> Path:
        """Where clones are kept: PROMOBOT_CACHE, else the user's cache folder."""
        if "PROMOBOT_CACHE" in self.environ:
            return Path(self.environ["PROMOBOT_CACHE"])
        home = Path(self.environ.get("HOME", "/nonexistent"))
        return Path(self.environ.get("XDG_CACHE_HOME") or home / ".cache") / "promobot"

    def texts(self, config: Config) -> Texts:
        """The loaded templates. Raises ConfigError."""
        from bot.configfile import Places  # noqa: PLC0415
        from bot.decide import Texts  # noqa: PLC0415
        from bot.resources import load_replacements, load_templates  # noqa: PLC0415

        ours = load_templates()
        if config.templates is None:
            return Texts(ours)
        if not config.templates.is_dir():
            place = Places.of(self.config_path).at(("templates",))
            raise ConfigError(f"{place}: {config.templates} is no folder", hint="docs/templates.md says what is in it")
        replaced = load_replacements(config.templates, ours.keys())
        return Texts({**ours, **replaced}, {name: str(config.templates / name) for name in replaced})

    def terminal(self, *, stderr: bool = False) -> Terminal:
        """What to print on: data on stdout, all else on stderr."""
        from bot.cli.terminal import Terminal  # noqa: PLC0415

        return Terminal.on(sys.stderr if stderr else sys.stdout, color=not self.args.no_color)

    def print_json(self, data: object) -> None:
        """Print the answer as JSON on stdout, in ASCII: whatever the locale, and whatever others wrote."""
        sys.stdout.write(json.dumps(data, indent=2) + "\n")


def _nearest(name: Path) -> Path:
    """In this folder, else in one above it up to the top of its clone: beyond that, anybody may have put one."""
    if name.exists():
        return name
    here = Path.cwd()
    folders = (here, *here.parents)
    top = next((number for number, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    return next((file for folder in folders[: top + 1] if (file := folder / name).exists()), name)


def look_text(look: Look) -> str:
    """How far reading the world is, on one line."""
    # Each answer may lead to further questions, so how many there will be isn't known.
    return f"reading {look.where}: {look.answered:,} answered, {look.asked - look.answered:,} to go …"
