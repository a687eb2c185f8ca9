"""The arguments of every command. Light on purpose: it is loaded even for `--help`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from bot import __version__

_Subparsers = Any  # argparse has no public name for what add_subparsers returns

# Commands that answer people alone, and those that read no configuration.
_NO_DATA = frozenset({"completion", "demo"})
_NO_CONFIGURATION = _NO_DATA | {"images", "schema", "set-image"}

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
    for add in (
        _add_demo,
        _add_init,
        _add_check,
        _add_status,
        _add_plan,
        _add_promote,
        _add_reconcile,
        _add_pin,
        _add_tags,
        _add_inspect,
        _add_images,
        _add_set_image,
        _add_mr,
        _add_schema,
        _add_completion,
    ):
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
    _add_common(parser, data=name not in _NO_DATA, configured=name not in _NO_CONFIGURATION)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, data: bool, configured: bool) -> None:
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


def _add_init(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "init",
        "look at GitOps repositories, and write a promobot.yaml for them",
        """\
  promobot init                        the repository in this folder
  promobot init --try                  and copies to play with, in .promobot
  promobot init ../gitops ../gitops-prod     environments in two repositories
  promobot init --order lab,live       environments whose names nobody could know
  promobot init --stdout               show it, and write nothing

It reads the manifests and changes none. What it is unsure of is said in the
file, beside the place, and on the terminal. A file that is there stays as it
is without --force.
""",
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", default=["."], help="clones, or folders of manifests (default: this one)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stdout", action="store_true", help="print the configuration, and write nothing")
    how.add_argument(
        "--try",
        action="store_true",
        dest="trial",
        help="also make bare copies of the repositories in .promobot beside the file, for the local forge",
    )
    parser.add_argument(
        "--order",
        metavar="ENV,ENV…",
        type=_names,
        default=(),
        help="what environments are called, as images go through them, where names don't tell",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _add_check(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "check",
        "validate the configuration, and list services and where their images were found",
        "  promobot check\n  promobot check --online -o json",
    )
    parser.add_argument("--online", action="store_true", help="try every registry and repository too")


def _add_status(commands: _Subparsers) -> None:
    parser = _command(
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
    _add_output_file(parser)


def _add_plan(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "plan",
        "what would happen and why not, with diffs; changes nothing",
        """\
  promobot plan
  promobot plan inventory --to staging
  promobot plan --to prod --diff         every diff, however many
  promobot plan cart inventory --to prod --together
  promobot plan --exit-code              10 if work is due
""",
    )
    _add_services(parser, nargs="*")
    _add_targets(parser, "only into this environment", required=False)
    _add_together(parser)
    _add_diff(parser)
    parser.add_argument("--exit-code", action="store_true", help="end with 10 if anything is due")
    _add_output_file(parser)


def _add_promote(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "promote",
        "copy the images of these services and propose them to an environment",
        """\
  promobot promote inventory --to staging
  promobot promote inventory storefront --to prod --dry-run
  promobot promote cart inventory --to prod --together     in one merge request
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
    _add_services(parser, nargs="+")
    _add_targets(parser, "the environment to promote to", required=True)
    _add_together(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    either.add_argument("--wait", action="store_true", help="until the merge requests are merged or closed")
    parser.add_argument(
        "--timeout", metavar="TIME", type=_duration, default=1800.0, help="how long to wait, such as 90s, 30m, 2h (30m)"
    )
    parser.add_argument(
        "--interval", metavar="TIME", type=_duration, default=15.0, help="how often the forge is asked meanwhile (15s)"
    )
    _add_diff(parser)
    parser.add_argument("--reopen", action="store_true", help="propose again what a person closed")
    _add_output_file(parser)
    parser.add_argument(
        "--image",
        metavar="IMAGE",
        help="this one in place of what the source environment runs: [[host/]path][:tag][@digest]",
    )
    parser.add_argument(
        "--unproven", metavar="REASON", help="with --image: propose it though the source environment never ran it"
    )
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="propose it though the target runs something newer, or a hotfix"
    )
    parser.add_argument(
        "--allow-mixed", action="store_true", help="propose images of one service whose versions differ at the source"
    )


def _add_reconcile(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "reconcile",
        "one pass over everything whose environment says `promote: auto`",
        """\
  promobot reconcile
  promobot reconcile --to staging --strict
  promobot reconcile -o json --output-file reconciled.json
""",
    )
    _add_targets(parser, "only into this environment", required=False)
    parser.add_argument("--strict", action="store_true", help="blocked work is a failure (exit codes 7 and 8)")
    _add_output_file(parser)


def _add_pin(commands: _Subparsers) -> None:
    parser = _command(
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


def _add_tags(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "tags",
        "which tags of an image each registry has, and which of them run where",
        """\
  promobot tags inventory                    a service's image, along the chain
  promobot tags inventory --match '1.1.*'
  promobot tags inventory --all -o json
  promobot tags shop/inventory               a path, at the chain's registries
  promobot tags registry.example.com/shop/inventory

Highest version first. Where a tag leads to different digests, it is marked.
Tags of signatures (sha256-...) are shown only with --all.
""",
    )
    parser.add_argument("name", metavar="SERVICE|IMAGE", help="a service's name, or [host/]path of an image")
    parser.add_argument(
        "--match",
        metavar="GLOB",
        action="append",
        default=[],
        help="only tags that match; may be given several times",
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_positive,
        default=20,
        help="how many tags to look up, besides those that run somewhere (default: %(default)s)",
    )
    parser.add_argument("--all", action="store_true", help="every tag, however many there are")


_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")


def _duration(text: str) -> float:
    """In seconds."""
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise ValueError(text)
    return float(total)


# As argparse names it in "invalid duration (such as 90s, 30m or 2h) value: '5'".
_duration.__name__ = "duration (such as 90s, 30m or 2h)"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


# As argparse names it in "invalid positive number value: '0'".
_positive.__name__ = "positive number"


def _add_inspect(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "inspect",
        "what an image is: platforms, labels, size, signatures, and where else it is",
        """\
  promobot inspect registry.example.com/shop/inventory:1.1.3
  promobot inspect registry.example.com/shop/inventory@sha256:...
  promobot inspect shop/inventory:1.1.3     at the first that has it
  promobot inspect docker.io/nginx:1.25     as Docker reads it, library/nginx
  promobot inspect ghcr.io/org/app -o json

A configured registry is asked with its login, any other anonymously by https;
that needs no configuration. Without one, a name without a host is Docker Hub's.
""",
    )
    parser.add_argument("image", metavar="IMAGE", help="[host/]path[:tag][@digest]; without both, the tag latest")


def _add_images(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "images",
        "every image in these files and folders, and where it stands",
        """\
  promobot images .                     in a pipe one line for each image
  promobot images apps clusters/prod
  promobot images . --match '*/podinfo'
  promobot images . --unpinned          what runs by tag alone
  promobot images . --no-editable       what can't be edited, and why
  promobot images . -o json | jq -r '.[].image'
  helm template ./chart | promobot images -

In folders it reads *.yaml, *.yml and *.json, and what they are made from, such
as *.yaml.gotmpl and *.yaml.j2; it follows no symbolic links. A file that can't
be read is a warning.
""",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files and folders; - is stdin")
    parser.add_argument(
        "--match",
        metavar="GLOB",
        action="append",
        default=[],
        help="only images whose reference, name or last word matches; may be given several times",
    )
    parser.add_argument("--unpinned", action="store_true", help="only images without a digest")
    parser.add_argument(
        "--editable", action=argparse.BooleanOptionalAction, help="only those that can be edited, or can't be"
    )
    parser.add_argument("--strict", action="store_true", help="a file that can't be read is a failure (exit code 6)")


def _add_set_image(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "set-image",
        "change images in files, in place, and no other byte",
        """\
  promobot set-image app.yaml /spec/values/image :1.4.2
  promobot set-image app.yaml 1:/image ghcr.io/org/app:1.4.2 --check
  promobot set-image a.yaml /image :1.4 b.yaml /image :1.4      both or none
  promobot set-image app.yaml /image :1.4@sha256:...            tag and digest
  promobot set-image app.yaml /image :1.4 --drop-digest

FILE stays as it is but for the image. POINTER is what `promobot images` shows:
the document's number, from 0, may be left out. IMAGE is
[registry/repository][:tag][@digest]; what it leaves out stays.
""",
    )
    parser.add_argument("edits", metavar="FILE POINTER IMAGE", nargs="+", help="where, and what it shall name")
    parser.add_argument("--check", action="store_true", help="show the diff and write nothing")
    parser.add_argument("--exit-code", action="store_true", help="with --check: end with 10 if anything would change")
    digest = parser.add_mutually_exclusive_group()
    digest.add_argument("--drop-digest", action="store_true", help="take the digest away from each of these images")
    digest.add_argument("--add-digest", action="store_true", help="insert a `digest` key where a map has none")


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


def _add_schema(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "schema",
        "print the JSON Schema of promobot.yaml, or of what a command answers",
        """\
  promobot schema > promobot.schema.json
  promobot schema status                 of `promobot status -o json`
  promobot schema mr list

An editor checks promobot.yaml if its first line is:
  # yaml-language-server: $schema=promobot.schema.json
""",
    )
    parser.add_argument("words", metavar="COMMAND", nargs="*", help="of what this command prints with `-o json`")


def _add_completion(commands: _Subparsers) -> None:
    parser = _command(
        commands,
        "completion",
        "print what makes your shell complete promobot's words",
        """\
  source <(promobot completion bash)         bash: into ~/.bashrc
  source <(promobot completion zsh)          zsh: into ~/.zshrc, after compinit
  promobot completion fish | source          fish: into its config.fish
""",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="for which shell")


_MR_VERBS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("list", "list open merge requests", _mr_list),
    ("show", "show one as its approver reads it, with its diff", _mr_one),
    ("ready", "say that a draft may be merged", _mr_one),
    ("merge", "merge one into its target branch", _mr_end),
    ("close", "close one without merging; promobot takes that as a no", _mr_close),
)


def _add_services(parser: argparse.ArgumentParser, *, nargs: str) -> None:
    parser.add_argument("services", metavar="SERVICE", nargs=nargs, help="services by name")


def _add_targets(parser: argparse.ArgumentParser, what: str, *, required: bool) -> None:
    help_text = f"{what}; may be given several times"
    parser.add_argument("--to", metavar="ENV", action="append", default=[], required=required, help=help_text)


def _add_together(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--together",
        metavar="NAME",
        nargs="?",
        const="",
        help="all the services in one merge request; NAME is what it is called (default: their names)",
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--diff", action=argparse.BooleanOptionalAction, help="what would be done for each (default: if they are few)"
    )


def _add_output_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output-file", metavar="FILE", help="the answer in FILE too: FILE.json, or FILE.env for variables"
    )
