"""Arguments of what gets one started."""

from __future__ import annotations

from bot.cli.arguments.common import add_command
from bot.cli.arguments.parsing import Parser


def add_demo(commands: Parser) -> None:
    """`promobot demo`."""
    parser = add_command(
        commands,
        "demo",
        "the whole story on this machine: real registries, real Git, no account needed",
        """\
  promobot demo
  promobot demo --keep ./world     and go on playing in it
  promobot demo --forge gitlab     on what stands for a GitLab in promobot's
                                   tests; needs a checkout
""",
    )
    world = parser.add_mutually_exclusive_group()
    world.add_argument("--keep", metavar="DIR", help="leave the world in DIR, servers running, to play with")
    world.add_argument("--stop", metavar="DIR", help="stop the servers of a kept world")
    world.add_argument("--start", metavar="DIR", help="start the servers of a kept world again")
    parser.add_argument("--fast", action="store_true", help="no pauses for reading")
    parser.add_argument(
        "--forge",
        choices=("local", "gitlab", "github"),
        default="local",
        help="where its merge requests are (default: local)",
    )
    parser.without("--fast", "--stop", "--start")
    parser.without("--forge", "--stop", "--start")


def add_init(commands: Parser) -> None:
    """`promobot init`."""
    parser = add_command(
        commands,
        "init",
        "look at GitOps repositories, and write a promobot.yaml for them",
        """\
  promobot init                        the repository in this folder
  promobot init --try                  and copies to play with, in .promobot
  promobot init ../gitops ../gitops-prod     environments in two repositories
  promobot init --order lab,live       environments that names do not give away
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
    parser.without("--force", "--stdout")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def add_check(commands: Parser) -> None:
    """`promobot check`."""
    parser = add_command(
        commands,
        "check",
        "validate the configuration, and list services and where their images were found",
        "  promobot check\n  promobot check --online -o json",
    )
    parser.add_argument("--online", action="store_true", help="try every registry and repository too")


def add_schema(commands: Parser) -> None:
    """`promobot schema`."""
    parser = add_command(
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


def add_completion(commands: Parser) -> None:
    """`promobot completion`."""
    parser = add_command(
        commands,
        "completion",
        "print what makes your shell complete promobot's words",
        """\
  source <(promobot completion bash)         bash: into ~/.bashrc
  source <(promobot completion zsh)          zsh: into ~/.zshrc, after compinit
  promobot completion fish | source          fish: into its config.fish
""",
    )
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
