"""`promobot completion`: what a shell needs to complete our words, and the answers when it asks."""

from __future__ import annotations

import os
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import argcomplete
from argcomplete.completers import BaseCompleter

from bot.cli.arguments import make_parser
from bot.cli.call import Call
from bot.cli.shells import FILES, code_for
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
    sys.stdout.write(code_for(call.args.shell, Path(sys.argv[0]).absolute()))
    return ExitCode.DONE


def answer_shell() -> None:
    """Tell the shell what may come next, and end the process."""
    completer = _Completer()

    def end(code: int) -> NoReturn:
        os._exit(FILES if completer.wants_files else code)

    argcomplete.autocomplete(make_parser(), always_complete_options=False, default_completer=completer, exit_method=end)


class _Completer(BaseCompleter):
    """What an argument without fixed choices may be; nothing rather than an error in the middle of a line.

    Once it was asked for files, `wants_files` is true: those the shell knows itself.
    """

    wants_files = False

    def __call__(
        self,
        *,
        prefix: str,  # noqa: ARG002  argcomplete itself leaves out what begins otherwise
        action: Action,
        parser: ArgumentParser,  # noqa: ARG002  whose action it is
        parsed_args: Namespace,
    ) -> Sequence[str]:
        if action.dest in _FILES or (action.dest == "edits" and len(parsed_args.edits or []) % 3 == 0):
            self.wants_files = True
            return ()
        try:
            words = _words(action.dest, parsed_args)
        except (BotError, OSError):
            return ()
        return [word for word in words if word == inline(word)]  # on a terminal, and back into a shell


def _words(name: str, args: Namespace) -> Sequence[str]:
    if name == "words":
        return _answers(args.words or [])
    if name == "edits":
        return _pointers(args.edits or [])
    if name in _IMAGES:
        return _registries(args)
    if name in _ENVIRONMENTS:
        return _config(args).names
    return _services(args) if name in {"services", "service"} else ()


def _pointers(given: Sequence[str]) -> Sequence[str]:
    """FILE POINTER IMAGE, again and again: the pointers of the file before, where one is due."""
    from bot.files import read_manifest  # noqa: PLC0415  each TAB waits for what is loaded
    from bot.manifests import find_images  # noqa: PLC0415

    if len(given) % 3 != 1:
        return ()
    images = find_images(given[-1], read_manifest(given[-1]))
    return [f"{image.document}:{image.pointer}" for image in images if not image.refusal]


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
