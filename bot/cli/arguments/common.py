"""What the arguments of several commands have in common."""

from __future__ import annotations

import argparse
import re

from bot.cli.arguments.parsing import Parser

# Commands that answer people alone, and those that read no configuration.
_NO_DATA = frozenset({"completion", "demo"})
_NO_CONFIGURATION = _NO_DATA | {"images", "schema", "set-image"}
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")


def add_command(commands: Parser, name: str, summary: str, examples: str) -> Parser:
    """A command with the options that every command has."""
    parser = commands.command(
        name,
        summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{examples}",
    )
    _add_common(parser, data=name not in _NO_DATA, configured=name not in _NO_CONFIGURATION)
    return parser


def _add_common(parser: Parser, *, data: bool, configured: bool) -> None:
    """`data`: whether it answers with data, so as JSON too; `configured`: whether it reads a configuration.

    What answers without one still takes `-c`, so that scripts may give it to every command.
    """
    group = parser.add_argument_group("common options")
    if data:
        needed = "configuration (PROMOBOT_CONFIG, else promobot.yaml)" if configured else argparse.SUPPRESS
        group.add_argument("-c", "--config", metavar="FILE", help=needed)
        group.add_argument("-o", "--output", choices=("text", "json"), default="text", help="what to print on stdout")
    group.add_argument("-v", "--verbose", action="count", default=0, help="say more on stderr; twice: everything")
    group.add_argument("--no-color", action="store_true", help="no colour (NO_COLOR works too)")


def add_services(parser: Parser, *, nargs: str) -> argparse.Action:
    """Services by name."""
    return parser.add_argument("services", metavar="SERVICE", nargs=nargs, help="services or groups by name")


def add_targets(parser: Parser, what: str, *, required: bool) -> None:
    """`--to`."""
    help_text = f"{what}; may be given several times"
    parser.add_argument("--to", metavar="ENV", action="append", default=[], required=required, help=help_text)


def add_together(parser: Parser) -> None:
    """`--together`."""
    parser.add_argument(
        "--together",
        metavar="NAME",
        nargs="?",
        const="",
        help="all the services in one merge request; NAME is what it is called (default: their names)",
    )


def add_diff(parser: Parser) -> None:
    """`--diff` and `--no-diff`."""
    parser.add_argument(
        "--diff", action=argparse.BooleanOptionalAction, help="what would be done for each (default: if they are few)"
    )


def add_match(parser: Parser, what: str) -> None:
    """`--match`."""
    help_text = f"only {what}; may be given several times"
    parser.add_argument("--match", metavar="GLOB", action="append", default=[], help=help_text)


def add_output_file(parser: Parser) -> None:
    """`--output-file`."""
    parser.add_argument(
        "--output-file", metavar="FILE", help="the answer in FILE too: FILE.json, or FILE.env for variables"
    )


def duration(text: str) -> float:
    """In seconds. Raises ArgumentTypeError."""
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, such as 90s, 30m or 2h")
    return float(total)


def positive(text: str) -> int:
    """A whole number from 1 on. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
