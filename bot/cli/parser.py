"""The arguments of every command. Light on purpose: it is loaded even for `--help`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from bot import __version__

_Subparsers = Any  # argparse has no public name for what add_subparsers returns

_EXIT_CODES = """\
exit codes:
  0 done, or nothing to do    4 forge       8 conflict with a person's change
  1 unexpected                5 git        10 work is due (plan --exit-code)
  2 usage or configuration    6 manifest
  3 registry                  7 blocked by a gate or policy
"""


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="promobot",
        description="Promote container images between GitOps environments: the same bits, by digest, by merge request.",
        epilog="New here? `promobot demo` shows it all on this machine, no account needed.\n\n" + _EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"promobot {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_add_demo, _add_check, _add_status, _add_plan, _add_promote, _add_reconcile, _add_mr):
        add(commands)
    return parser


def _command(commands: _Subparsers, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser, data=name != "demo")
    return parser


def _add_common(parser: argparse.ArgumentParser, *, data: bool) -> None:
    """`data`: whether it reads a configuration and answers with data, as all but the demo do."""
    group = parser.add_argument_group("common options")
    if data:
        group.add_argument("-c", "--config", metavar="FILE", help="configuration (PROMOBOT_CONFIG, else promobot.yaml)")
        group.add_argument("-o", "--output", choices=("text", "json"), default="text", help="what to print on stdout")
    group.add_argument("-v", "--verbose", action="count", default=0, help="say more on stderr; twice: everything")
    group.add_argument("--no-color", action="store_true", help="no colour (NO_COLOR works too)")


def _add_demo(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "demo",
        "the whole story on this machine: real registries, real Git, no account needed",
        "  promobot demo\n  promobot demo --keep ./world     and go on playing in it",
    )
    parser.add_argument("--keep", metavar="DIR", help="leave the world in DIR, registries running, to play with")
    parser.add_argument("--stop", metavar="DIR", help="stop the registries of a kept world")
    parser.add_argument("--start", metavar="DIR", help="start the registries of a kept world again")
    parser.add_argument("--fast", action="store_true", help="no pauses for reading")


def _add_check(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "check",
        "validate the configuration, and list services and where their images were found",
        "  promobot check\n  promobot check --online -o json",
    )
    parser.add_argument("--online", action="store_true", help="try every registry and repository too")


def _add_status(commands: _Subparsers) -> None:
    _command(
        commands,
        "status",
        "what runs where, what is proposed, and what is blocked and why",
        "  promobot status\n  promobot status -o json",
    )


def _add_plan(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "plan",
        "what would happen and why not, with diffs; changes nothing",
        "  promobot plan\n  promobot plan inventory --to staging\n  promobot plan --exit-code      10 if work is due",
    )
    _add_services(parser, nargs="*")
    parser.add_argument(
        "--to",
        metavar="ENV",
        action="append",
        default=[],
        help="only into this environment; may be given several times",
    )
    parser.add_argument("--exit-code", action="store_true", help="end with 10 if anything is due")


def _add_promote(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "promote",
        "copy the images of these services and propose them to an environment",
        "  promobot promote inventory --to staging\n  promobot promote inventory storefront --to prod --dry-run",
    )
    _add_services(parser, nargs="+")
    parser.add_argument(
        "--to",
        metavar="ENV",
        action="append",
        required=True,
        help="the environment to promote to; may be given several times",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    parser.add_argument("--reopen", action="store_true", help="propose again what a person closed")


def _add_reconcile(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "reconcile",
        "one pass over everything whose environment says `promote: auto`",
        "  promobot reconcile\n  promobot reconcile --to staging --strict",
    )
    parser.add_argument(
        "--to",
        metavar="ENV",
        action="append",
        default=[],
        help="only into this environment; may be given several times",
    )
    parser.add_argument("--strict", action="store_true", help="blocked work is a failure (exit codes 7 and 8)")


def _add_mr(commands: _Subparsers) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "mr", help="the local forge's merge requests", description="Work with the local forge's merge requests."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, summary, configure in _MR_VERBS:
        configure(_command(verbs, verb, summary, f"  promobot mr {verb}{'' if verb == 'list' else ' 1'}"))


def _mr_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="merged and closed ones too")


def _mr_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", metavar="[PROJECT!]NUMBER", help="which one, such as 3 or 'platform/gitops!3'")


def _mr_end(parser: argparse.ArgumentParser) -> None:
    _mr_one(parser)
    parser.add_argument("--as", metavar="NAME", dest="by", help="who does it (default: your user name)")


def _mr_close(parser: argparse.ArgumentParser) -> None:
    _mr_end(parser)
    parser.add_argument("--reason", metavar="TEXT", default="closed by hand", help="why, for those who read it later")


_MR_VERBS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("list", "list open merge requests", _mr_list),
    ("show", "show one as its approver reads it, with its diff", _mr_one),
    ("merge", "merge one into its target branch", _mr_end),
    ("close", "close one without merging; promobot takes that as a no", _mr_close),
)


def _add_services(parser: argparse.ArgumentParser, *, nargs: str) -> None:
    parser.add_argument("services", metavar="SERVICE", nargs=nargs, help="services by name")
