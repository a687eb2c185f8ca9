"""The arguments of every command, with examples. Light on purpose: it is loaded even for `--help`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from bot import __version__
from bot.cli.arguments import files, promotion, requests, setup
from bot.cli.arguments.parsing import Parser
from bot.errors import UsageError, did_you_mean

_EXIT_CODES = """\
exit codes:
  0 done, or nothing to do    4 forge       8 conflict with a person's change
  1 unexpected                5 git        10 work is due (--exit-code)
  2 usage or configuration    6 manifest   130 interrupted: run it again
  3 registry                  7 blocked by a gate or policy
"""
_ENDING = frozenset({"-h", "--help", "--version"})


def make_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="promobot",
        description="Promote container images between GitOps environments: the same bits, by digest, by merge request.",
        epilog="New here? `promobot demo` shows it all on this machine, no account needed.\n\n" + _EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"promobot {__version__}")
    parser.choose("command", "COMMAND")
    for add in (
        setup.add_demo,
        setup.add_init,
        setup.add_check,
        promotion.add_status,
        promotion.add_plan,
        promotion.add_promote,
        promotion.add_reconcile,
        promotion.add_pin,
        files.add_tags,
        files.add_inspect,
        files.add_images,
        files.add_set_image,
        requests.add_mr,
        setup.add_schema,
        setup.add_completion,
    ):
        add(parser)
    return parser


def read_arguments(argv: Sequence[str]) -> Namespace:
    """What a command line says. Raises UsageError; what asks for help or for the version ends with SystemExit."""
    parser, words, names = make_parser(), list(argv), Namespace()
    while parser.commands:
        word = words.pop(0) if words else ""
        if word in _ENDING:
            parser.parse_args([word])
        if word not in parser.commands:
            raise _no_command(parser, word)
        setattr(names, parser.choice, word)
        parser = parser.commands[word]
    return parser.read(words, names)


def _no_command(parser: Parser, word: str) -> UsageError:
    there = ", ".join(parser.commands)
    if not word:
        return UsageError(f"{parser.name} needs one of {there}", hint=f"such as `{next(parser.examples)}`")
    if word.startswith("-"):
        meant = did_you_mean(word, _ENDING)
        what = f"no option {word}{meant}" if meant else f"{word} stands before the command"
        return UsageError(what, hint="options come after the command: `promobot status -o json`")
    what = "no command" if parser.name == parser.prog else f"{parser.name} has no command"
    return UsageError(f"{what} {word}{did_you_mean(word, parser.commands)}", hint=f"there are {there}")
