"""Arguments of what works with merge requests."""

from __future__ import annotations

from collections.abc import Callable

from bot.cli.arguments.common import add_command
from bot.cli.arguments.parsing import Parser


def add_mr(commands: Parser) -> None:
    """`promobot mr`."""
    parser = commands.command(
        "mr", "merge requests, of every forge", description="Work with the merge requests of every configured forge."
    )
    parser.choose("verb", "VERB")
    for verb, summary, configure in _MR_VERBS:
        configure(add_command(parser, verb, summary, f"  promobot mr {verb}{'' if verb == 'list' else ' 1'}"))


def _mr_list(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="merged and closed ones too")


def _mr_one(parser: Parser) -> None:
    parser.add_argument(
        "request", metavar="[PROJECT!]NUMBER", help="which one, such as 3, 'platform/gitops!3' or its address"
    )


def _mr_end(parser: Parser) -> None:
    _mr_one(parser)
    parser.add_argument("--as", metavar="NAME", dest="by", help="who does it (default: your user name)")


def _mr_merge(parser: Parser) -> None:
    _mr_end(parser)
    parser.add_argument(
        "--despite-status", action="store_true", help="though promobot's status on it says failure or pending"
    )


def _mr_close(parser: Parser) -> None:
    _mr_end(parser)
    parser.add_argument("--reason", metavar="TEXT", default="closed by hand", help="why, for those who read it later")


_MR_VERBS: tuple[tuple[str, str, Callable[[Parser], None]], ...] = (
    ("list", "list open merge requests", _mr_list),
    ("show", "show one as its approver reads it, with its diff", _mr_one),
    ("ready", "say that a draft may be merged", _mr_one),
    ("merge", "merge one into its target branch", _mr_merge),
    ("close", "close one without merging; promobot takes that as a no", _mr_close),
)
