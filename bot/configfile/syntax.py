"""What is wrong with YAML that can't be read, in words of who wrote it, at the line where to look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.errors import ConfigError


@dataclass(frozen=True)
class _Meaning:
    """What it means if the parser says so; `begun`: it is to be told where that begins which was being read."""

    pattern: re.Pattern[str]
    what: str
    hint: str
    begun: bool = False


# Over libyaml's context, problem and the character in question, with a line end between.
_MEANINGS = (
    _Meaning(
        re.compile(r".*quoted scalar"),
        "the text that begins here has no closing quote",
        "close it; a quote that belongs to the text is doubled",
        begun=True,
    ),
    _Meaning(
        re.compile(r".*flow (?:sequence|mapping)"),
        "a bracket that opens here isn't closed, or a comma is missing",
        "close it; put a text that holds brackets, braces or commas in quotes",
        begun=True,
    ),
    _Meaning(
        re.compile(r".*flow node\n.*\n$"),
        "the file ends, and a bracket isn't closed",
        "close it; put a text that holds brackets, braces or commas in quotes",
    ),
    _Meaning(
        re.compile(r".*simple key"),
        "neither a key nor a value",
        "write `key: value`, with a space behind the colon",
        begun=True,
    ),
    _Meaning(re.compile(r".*\n.*any token\n\t"), "a tab where spaces must be", "indent with spaces"),
    _Meaning(
        re.compile(r".*\n.*any token|.*(?:anchor|alias)|.*\n.*undefined alias"),
        "a text can't begin with {character}",
        "put it in quotes",
    ),
    _Meaning(
        re.compile(r".*\nmapping values"),
        "a colon where none can be",
        "put a text that holds `: ` in quotes; see whether the line above lacks a space behind `-` or `:`",
    ),
    _Meaning(
        re.compile(r".*\ndid not find expected"),
        "doesn't continue what begins in line {begun}",
        "indent alike what belongs together; put a text that begins with a brace or bracket in quotes",
    ),
)


def syntax_error(path: Path, content: bytes, error: yaml.MarkedYAMLError) -> ConfigError:
    """In our words where they are known to fit, else in the parser's."""
    noticed = error.problem_mark.line if error.problem_mark else 0
    begun = error.context_mark.line if error.context_mark else noticed
    last = len(content.rstrip().splitlines()) - 1
    character = _character(content, error.problem_mark)
    said = f"{error.context or ''}\n{error.problem or ''}\n{character}"
    for meaning in _MEANINGS:
        if meaning.pattern.match(said):
            line = min(begun if meaning.begun else noticed, last)
            what = meaning.what.format(begun=begun + 1, character=character or "*")
            return ConfigError(f"{path}:{line + 1}: not YAML: {what}", hint=meaning.hint)
    return ConfigError(f"{path}:{noticed + 1}: not YAML: {error.problem}")


def _character(content: bytes, mark: yaml.Mark | None) -> str:
    lines = content.decode("utf-8", "replace").splitlines()
    return lines[mark.line][mark.column : mark.column + 1] if mark and mark.line < len(lines) else ""
