"""`--output-file`: what a command found out, in a file for the next job: JSON, or variables in a dotenv file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from bot.cli.call import Call
from bot.cli.visible import inline
from bot.errors import ExitCode, UsageError
from bot.files import write_file
from bot.plan import Verdict
from bot.promotion import Deployed

if TYPE_CHECKING:
    from bot.cli import answers

Variables: TypeAlias = Iterable[tuple[Sequence[str], str]]
Opened: TypeAlias = Mapping[tuple[str, str], str]

_NONE: Opened = MappingProxyType({})
_KINDS = (".json", ".env")
# What neither a shell nor a parser of dotenv files does anything with, also without quotes. All else is escaped as in
# URLs, so that a value is one word on one line whatever others called their tags and branches.
_HARMLESS = "/:@+=,%#!"
_NO_KEY = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True)
class OutputFile:
    """Where the answer goes besides stdout. It is written whole, and whether the command succeeds or not."""

    path: Path

    @classmethod
    def named(cls, name: str | None) -> OutputFile | None:
        """The file of that name, looked at before anything is done. Raises UsageError."""
        if name is None:
            return None
        path = Path(name)
        if path.suffix not in _KINDS and path.name not in _KINDS:
            raise UsageError(f"{name}: what to write there?", hint="name it .json, or .env for variables")
        if path.is_dir() or not path.parent.is_dir():
            reason = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise UsageError(f"{name}: {reason}", hint="name a file in a folder that is there")
        return cls(path)

    def write(self, call: Call, answer: answers.Answer, variables: Variables, code: ExitCode) -> None:
        """Write the answer, or the variables that were taken from it. Raises UsageError."""
        if self.path.name.endswith(".json"):
            text = json.dumps(answer, indent=2) + "\n"
        else:
            lines = dict(self._lines(call, variables))
            text = "".join(f"{key}={value}\n" for key, value in {**lines, "PROMOBOT_EXIT_CODE": code.value}.items())
        write_file(self.path, text.encode())

    def _lines(self, call: Call, variables: Variables) -> Iterator[tuple[str, str]]:
        """What two names would share is nobody's: a job must not take the one for the other."""
        found: dict[str, set[str]] = {}
        for words, value in variables:
            found.setdefault(variable(*words), set()).add(quote(value, safe=_HARMLESS).replace("~", "%7E"))
        for key, values in found.items():
            if len(values) == 1:
                yield key, values.pop()
            else:
                several = f"promobot: {inline(str(self.path))}: {key} would be of several, and is left out"
                call.terminal(stderr=True).say(several)


def variable(*words: str) -> str:
    """The name of a variable: `PROMOBOT_STAGING_INVENTORY_DIGEST`."""
    return "_".join(["PROMOBOT", *(_NO_KEY.sub("_", word.upper()) for word in words)])


def promotion_variables(verdicts: Iterable[Verdict], opened: Opened, waited: Opened = _NONE) -> Variables:
    """What each service would be or was promoted as, and its merge request.

    `opened` has the URLs of new ones, `waited` those of which the end was waited for.
    """
    for verdict in verdicts:
        promotion = verdict.promotion
        for service in verdict.unit.services:
            moves = [move for move in promotion.moves if move.service == service] if promotion else []
            several = len({move.destination for move in moves}) > 1
            for move in moves:
                image = [move.destination.repository.rpartition("/")[2]] if several else []
                yield (verdict.target, service, *image, "tag"), move.tag
                yield (verdict.target, service, *image, "digest"), str(move.digest)
            key = verdict.target, verdict.unit.name
            url = waited.get(key, "")
            # One that is open while the unit is blocked, and may have got a note, proposes something else than the next
            # job may think.
            if verdict.blocked is None:
                url = opened.get(key) or url or (verdict.request.url if verdict.request else "")
            if url:
                yield (verdict.target, service, "merge_request_url"), url


def deployed_variables(deployed: Iterable[Deployed]) -> Variables:
    """What each environment runs."""
    ours = [item for item in deployed if item.ours and item.image]
    images: dict[tuple[str, str], set[str]] = {}
    for item in ours:
        images.setdefault((item.environment, item.service), set()).add(item.image.repository if item.image else "")
    for item in ours:
        assert item.image is not None  # noqa: S101  only those were taken
        several = len(images[item.environment, item.service]) > 1
        image = [item.image.repository.rpartition("/")[2]] if several else []
        if item.image.tag:
            yield (item.environment, item.service, *image, "tag"), item.image.tag
        if item.image.digest:
            yield (item.environment, item.service, *image, "digest"), str(item.image.digest)
