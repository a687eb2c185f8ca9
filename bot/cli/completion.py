"""`promobot completion`: what a shell needs to complete our words, and the answers when it asks."""

from __future__ import annotations

import os
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import argcomplete
from argcomplete.completers import BaseCompleter
from argcomplete.shell_integration import shellcode

from bot.cli.arguments import make_parser
from bot.cli.call import Call
from bot.cli.visible import inline
from bot.errors import BotError, ExitCode

if TYPE_CHECKING:
    from bot.config import Config

_FILES = frozenset({"config", "keep", "output_file", "paths", "start", "stop"})
# Where an image may be named: what its registry is called is long, and at hand. What it holds would take too long.
_IMAGES = frozenset({"image", "name"})
_ENVIRONMENTS = frozenset({"env", "to"})


def main(call: Call) -> ExitCode:
    """Print the shell's part of it."""
    sys.stdout.write(shellcode(["promobot"], shell=call.args.shell).strip() + "\n")
    return ExitCode.DONE


def answer_shell() -> None:
    """Tell the shell what may come next, and end the process."""
    argcomplete.autocomplete(make_parser(), always_complete_options=False, default_completer=_Completer())


class _Completer(BaseCompleter):
    """What an argument without fixed choices may be; nothing rather than an error in the middle of a line."""

    def __call__(
        self,
        *,
        prefix: str,
        action: Action,
        parser: ArgumentParser,  # noqa: ARG002  whose action it is
        parsed_args: Namespace,
    ) -> Sequence[str]:
        try:
            words = _words(prefix, action.dest, parsed_args)
        except (BotError, OSError):
            return ()
        return [word for word in words if word == inline(word)]  # on a terminal, and back into a shell


def _words(prefix: str, name: str, args: Namespace) -> Sequence[str]:
    if name == "words":
        return _answers(args.words or [])
    if name in _FILES:
        return _files(prefix)
    if name == "edits":
        return _edits(prefix, args.edits or [])
    if name in _IMAGES:
        return _registries(args)
    if name in _ENVIRONMENTS:
        return _config(args).names
    return _services(args) if name in {"services", "service"} else ()


def _files(prefix: str) -> Sequence[str]:
    folder, slash, name = prefix.rpartition("/")
    shown = [path for path in Path(folder or slash or ".").iterdir() if path.name.startswith(name)]
    visible = [path for path in shown if name or not path.name.startswith(".")]
    return sorted(f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}" for path in visible)


def _edits(prefix: str, given: Sequence[str]) -> Sequence[str]:
    """FILE POINTER IMAGE, again and again: which one is due, and the pointers of the file before it."""
    from bot.files import read_manifest  # noqa: PLC0415  each TAB waits for what is loaded
    from bot.manifests import find_images  # noqa: PLC0415

    match len(given) % 3:
        case 0:
            return _files(prefix)
        case 1:
            images = find_images(given[-1], read_manifest(given[-1]))
            return [f"{image.document}:{image.pointer}" for image in images if not image.refusal]
        case _:
            return ()


def _answers(given: Sequence[str]) -> Sequence[str]:
    """The commands whose answers have a schema, of which `mr` has several."""
    from bot.cli.answers import ANSWERS  # noqa: PLC0415

    names = [name.split(" ") for name in ANSWERS]
    return list(dict.fromkeys(words[len(given)] for words in names if words[:-1][: len(given)] == list(given)))


def _registries(args: Namespace) -> Sequence[str]:
    registries = [f"{registry.url}/" for registry in _config(args).registries.values()]
    named = _services(args) if args.command == "tags" else ()
    return list(dict.fromkeys([*named, *registries]))


def _services(args: Namespace) -> Sequence[str]:
    """Groups but for `pin`, and services as the last run saw them: no server is asked while somebody holds TAB."""
    from bot.decide.environments import service_at  # noqa: PLC0415
    from bot.world import World  # noqa: PLC0415

    config, call = _config(args), _call(args)
    world = World(config, os.environ, call.cache)
    found = {group for rule in config.services if (group := rule.group) and args.command != "pin"}
    for environment in config.environments:
        clone = world.clone(environment.repository.repository)
        paths = clone.kept_paths(environment.repository.branch)
        found.update(name for path in paths if (name := service_at(config, environment, path)))
    return sorted(found - set(getattr(args, "services", None) or ()))


def _config(args: Namespace) -> Config:
    from bot.configfile import load_config  # noqa: PLC0415

    return load_config(_call(args).config_path)


def _call(args: Namespace) -> Call:
    return Call(args, os.environ, lambda _: None)
