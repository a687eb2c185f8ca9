"""Arguments of what promotes, and of what shows how promotions stand."""

from __future__ import annotations

from bot.cli.arguments.common import (
    add_command,
    add_diff,
    add_output_file,
    add_services,
    add_targets,
    add_together,
    duration,
)
from bot.cli.arguments.parsing import Parser


def add_status(commands: Parser) -> None:
    """`promobot status`."""
    parser = add_command(
        commands,
        "status",
        "what runs where, what is proposed, and what is blocked and why",
        """\
  promobot status
  promobot status inventory payments     of these services or groups
  promobot status --env prod --blocked   what is kept out of prod, and why
  promobot status --due -o json | jq -r '.verdicts[].unit'

A cell says what runs there and, after its mark, what would come:
  = current   ↑ due   … proposed   ✗ blocked   – not there   ? can't be read
On a narrow terminal owners go first, then groups, then the middle of long tags.
""",
    )
    parser.add_argument("services", metavar="SERVICE", nargs="*", help="only these services or groups")
    parser.add_argument(
        "--env",
        metavar="ENV",
        action="append",
        default=[],
        help="only this environment; may be given several times",
    )
    parser.add_argument("--blocked", action="store_true", help="only what is blocked, every reason told")
    parser.add_argument("--due", action="store_true", help="only what is due; with --blocked, both")
    add_output_file(parser)


def add_plan(commands: Parser) -> None:
    """`promobot plan`."""
    parser = add_command(
        commands,
        "plan",
        "what would happen and why not, with diffs; changes nothing",
        """\
  promobot plan
  promobot plan inventory --to staging
  promobot plan --to prod --diff         every diff, however many
  promobot plan cart inventory --to prod --together
  promobot plan --exit-code              10 if there is work, none blocked
""",
    )
    add_services(parser, nargs="*")
    add_targets(parser, "only into this environment", required=False)
    add_together(parser)
    add_diff(parser)
    parser.add_argument("--exit-code", action="store_true", help="end with 10 if there is work and nothing is blocked")
    add_output_file(parser)


def add_promote(commands: Parser) -> None:
    """`promobot promote`."""
    parser = add_command(
        commands,
        "promote",
        "copy the images of these services and propose them to an environment",
        """\
  promobot promote inventory --to staging
  promobot promote inventory storefront --to prod --dry-run
  promobot promote cart inventory --to prod --together     in one merge request
  promobot promote --all --to prod               everything that is due there
  promobot promote inventory --to prod --wait --timeout 2h
  promobot promote inventory --to prod --output-file promoted.env
  promobot promote inventory --to prod --image :1.1.2
  promobot promote inventory --to prod --image :1.1.4 --unproven 'see INC-7'

With --wait it ends with 0 when all is merged, with 8 when a person closed a
merge request, and with 7 when the time is up and they haven't decided.

An image given by --image must have run in the source environment, by its
manifest's history there; else --unproven says why it goes untried, and the
merge request says so.
""",
    )
    services = add_services(parser, nargs="+")
    parser.add_argument(
        "--all", action="store_true", help="in place of SERVICE: all that is due, `promote: manual` too"
    )
    parser.instead("--all", services)
    add_targets(parser, "the environment to promote to", required=True)
    add_together(parser)
    _add_waiting(parser)
    add_diff(parser)
    parser.only_with("--dry-run", "--diff", "--no-diff")
    parser.add_argument("--reopen", action="store_true", help="propose again what a person closed or took back")
    add_output_file(parser)
    _add_orders(parser)
    # What is allowed by name is about what somebody looked at.
    parser.without("--all", "--together", "--reopen", "--image", "--allow-downgrade", "--allow-mixed")


def _add_waiting(parser: Parser) -> None:
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    either.add_argument("--wait", action="store_true", help="until the merge requests are merged or closed")
    parser.add_argument(
        "--timeout", metavar="TIME", type=duration, default=1800.0, help="how long to wait, such as 90s, 30m, 2h (30m)"
    )
    parser.add_argument(
        "--interval", metavar="TIME", type=duration, default=15.0, help="how often the forge is asked meanwhile (15s)"
    )
    parser.only_with("--wait", "--timeout", "--interval")


def _add_orders(parser: Parser) -> None:
    parser.add_argument(
        "--image",
        metavar="IMAGE",
        help="this one in place of what the source environment runs: [[host/]path][:tag][@digest]",
    )
    parser.add_argument(
        "--unproven", metavar="REASON", help="with --image: propose it though the source environment never ran it"
    )
    parser.only_with("--image", "--unproven")
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="propose it though the target runs something newer, or a hotfix"
    )
    parser.add_argument(
        "--allow-mixed", action="store_true", help="propose images of one service whose versions differ at the source"
    )


def add_reconcile(commands: Parser) -> None:
    """`promobot reconcile`."""
    parser = add_command(
        commands,
        "reconcile",
        "one pass over everything whose environment says `promote: auto`",
        """\
  promobot reconcile
  promobot reconcile --to staging --strict
  promobot reconcile --dry-run --exit-code      10 if a pass would do anything
  promobot reconcile -o json --output-file reconciled.json
""",
    )
    add_targets(parser, "only into this environment", required=False)
    parser.add_argument("--strict", action="store_true", help="blocked work is a failure (exit codes 7 and 8)")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    parser.add_argument(
        "--exit-code", action="store_true", help="with --dry-run: end with 10 if a pass would do anything"
    )
    add_diff(parser)
    parser.only_with("--dry-run", "--diff", "--no-diff", "--exit-code")
    add_output_file(parser)


def add_pin(commands: Parser) -> None:
    """`promobot pin`."""
    parser = add_command(
        commands,
        "pin",
        "propose that an environment names an image itself that it inherits from a base",
        """\
  promobot pin inventory --env prod
  promobot pin inventory --env prod --dry-run

The kustomization gets an entry of `images` that says what the base says now, by
a merge request: nothing changes in what runs, and promobot can promote to it.
""",
    )
    parser.add_argument("service", metavar="SERVICE", help="a service by its name")
    parser.add_argument("--env", metavar="ENV", required=True, help="the environment that inherits it")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
