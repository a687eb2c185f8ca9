"""Reading a command line: what is wrong with it is said in one line, and what to do in another."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from bot.errors import UsageError, did_you_mean

_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_ARGUMENT = re.compile(r"argument ([^ ]+): (.*)", re.DOTALL)
_EXCLUDES = re.compile(r"not allowed with argument (.*)")
_EXAMPLE = re.compile(r"^  (promobot .*?)(?: {3,}.*)?$", re.MULTILINE)


class Parser(argparse.ArgumentParser):
    """One command with its options, or a choice between commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)
        self.choice = ""
        self.commands: Mapping[str, Parser] = {}
        self._only_with: dict[str, str] = {}
        self._never_with: dict[str, tuple[str, ...]] = {}
        self._instead: dict[str, argparse.Action] = {}

    @property
    def name(self) -> str:
        """Its words after `promobot`, or that."""
        return self.prog.removeprefix("promobot ")

    @property
    def examples(self) -> Iterator[str]:
        """The command lines that its help shows, or those of the commands below."""
        yield from _EXAMPLE.findall(self.epilog or "")
        for command in self.commands.values():
            yield from command.examples

    def choose(self, name: str, metavar: str) -> None:
        """Make it a choice between commands; which one it is will be `name` in what is read."""
        self._choices = self.add_subparsers(dest=name, metavar=metavar, required=True)
        self.choice, self.commands = name, self._choices.choices

    def command(self, name: str, summary: str, **options: Any) -> Parser:
        """One more command to choose."""
        return self._choices.add_parser(name, help=summary, **options)

    def only_with(self, needed: str, *options: str) -> None:
        """Refuse options that say nothing without another."""
        self._only_with.update(dict.fromkeys(options, needed))

    def without(self, option: str, *others: str) -> None:
        """Refuse an option that says nothing beside others."""
        self._never_with[option] = others

    def instead(self, option: str, needed: argparse.Action) -> None:
        """Let an option stand for words that are needed without it, and refuse it beside them."""
        self._instead[option] = needed

    def read(self, words: Sequence[str], names: argparse.Namespace) -> argparse.Namespace:
        """What the words after a command's name say, added to `names`. Raises UsageError."""
        given = dict.fromkeys(_options(words))
        if given.keys() & {"-h", "--help"}:
            self.parse_args(["--help"])
        self._refuse_unknown(given)
        replaced = {option: action for option, action in self._instead.items() if option in given}
        for action in replaced.values():
            action.nargs, action.required, action.default = "*", False, ()
        args, left = self.parse_known_args(words, names)
        for option, action in replaced.items():
            if left or getattr(args, action.dest):
                raise UsageError(f"{option} and {action.metavar} don't go together", hint="leave one of them out")
        if left:
            raise self._too_many(left)
        self._refuse_idle(given)
        return args

    def error(self, message: str) -> NoReturn:
        """Where argparse would print its usage and exit."""
        if found := _REQUIRED.fullmatch(message):
            needed = " and ".join(map(self._shown, found[1].split(", ")))
            raise UsageError(f"{self.name} needs {needed}", hint=f"such as `{next(self.examples)}`")
        if found := _ARGUMENT.fullmatch(message):
            raise self._wrong(found[1].rpartition("/")[2], found[2])
        raise UsageError(f"{self.name}: {message}", hint=self._usage)

    def _wrong(self, name: str, what: str) -> UsageError:
        if excluded := _EXCLUDES.fullmatch(what):
            return UsageError(f"{name} and {excluded[1]} don't go together", hint="leave one of them out")
        if what == "expected one argument":
            return UsageError(f"{name} needs a value", hint=f"write {self._shown(name)}")
        if what.startswith("ignored explicit argument"):
            return UsageError(f"{name} takes no value", hint=f"write {name} alone")
        return UsageError(f"{name}: {what}", hint=self._usage)

    def _too_many(self, words: Sequence[str]) -> UsageError:
        several = [
            action.metavar for action in self._actions if not action.option_strings and action.nargs in {"*", "+"}
        ]
        hint = f"name every {several[0]} in one place, before the options" if several else self._usage
        if any("!" in (action.metavar or "") for action in self._actions):
            hint = "write 'platform/gitops!3' in quotes, as shells make something else of what follows a !"
        return UsageError(f"{self.name}: {' '.join(words)} is too much", hint=hint)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            there = [str(one) for one in action.choices]
            what = f"{value!r} is none of {', '.join(there)}{did_you_mean(str(value), there)}"
            raise argparse.ArgumentError(action, what)

    def _refuse_unknown(self, given: Iterable[str]) -> None:
        known = self._option_string_actions
        for option in given:
            if option not in known:
                longer = [
                    one for one in known if len(option) > 2 and (one.startswith(option) or option.startswith(one))
                ]
                meant = f", did you mean {longer[0]}?" if longer else did_you_mean(option, known)
                raise UsageError(f"{self.name} has no option {option}{meant}", hint=self._usage)

    def _refuse_idle(self, given: Collection[str]) -> None:
        for option in given:
            needed = self._only_with.get(option, option)
            if needed not in given:
                raise UsageError(f"{option} says nothing without {needed}", hint=f"add {needed}, or leave it out")
            for other in self._never_with.get(option, ()):
                if other in given:
                    raise UsageError(f"{option} says nothing beside {other}", hint="leave one of them out")

    def _shown(self, name: str) -> str:
        """An option with what its value is called."""
        action = self._option_string_actions.get(name)
        if action is None:
            return name
        value = action.metavar or "|".join(map(str, action.choices or ()))
        return f"{name} {value}".rstrip()

    @property
    def _usage(self) -> str:
        return f"`{self.prog} --help` shows what there is"


def _options(words: Iterable[str]) -> Iterator[str]:
    """Those that a command line gives; of options with one letter, which may be written together, the first."""
    for word in words:
        if word == "--":
            return
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        if word.startswith("-") and word != "-" and " " not in name:
            yield name
