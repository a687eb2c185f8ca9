"""CODEOWNERS: who has to approve changes of a path, as GitLab and GitHub read the file.

What isn't known to be read as they do is taken for somebody's whom nobody knows, so that nobody counts on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

from bot.globs import across_segments

# ee/lib/gitlab/code_owners/section_parser.rb: whatever else stands behind it, such a line begins a section.
_SECTION = re.compile(
    r"(?P<optional>\^?)\[(?P<name>.*?)\](?:\[(?P<count>[0-9]*?)\])?(?P<owners>\s[\s@\w.+/-]*)?", re.ASCII
)
# Where lines before the first section are, and those of one that is called so.
_UNNAMED = "codeowners"
_MOST_DIGITS = 9
# Some 50 owners behind the longest path; a file too large to be read is one such line.
_LONGEST_LINE = 8192
_UNKNOWN = frozenset({""})
_BLANK = " \t\r\v\f"
_BEHIND_PATTERN = re.compile(rf"(?<!\\)[{_BLANK}]+")
_COMMENT = re.compile(rf"(?:^|[{_BLANK}])#")
# Each of them makes twice as many globs.
_MOST_FOLDERS = 2


@dataclass(frozen=True)
class Owned:
    """So many of these owners, without their `@`, have to approve what changes a path."""

    required: int
    owners: frozenset[str]


@dataclass(frozen=True)
class _Section:
    """What the head of a section says of the lines below it."""

    required: int = 1
    owners: frozenset[str] = frozenset()
    optional: bool = False


@dataclass(frozen=True)
class _Line:
    """A pattern as it is written, and its owners, from whom it may take a path on GitLab.

    The pattern is read by `globs`, once, as files have thousands; without them it may be of any path.
    """

    pattern: str
    owners: frozenset[str]
    globs: Callable[[str], Iterable[str]] | None = None
    section: _Section = _Section()
    takes: bool = False

    def fits(self, path: str) -> bool:
        """Whether it is of this path."""
        return self.globs is None or self.pattern == "*" or any(one.fullmatch(f"/{path}") for one in self._expressions)

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], ...]:
        globs = self.globs(self.pattern) if self.globs else ()
        return tuple(re.compile(across_segments(one), re.DOTALL) for one in dict.fromkeys(globs))


@lru_cache(maxsize=4096)
def owned(text: str, path: str, *, sections: bool) -> tuple[Owned, ...]:
    """What the file asks for where a path changes: the last line that fits counts, on GitLab that of each section."""
    found = (_in_section(lines, path) for lines in (_of_gitlab(text) if sections else _of_github(text)))
    return tuple(one for one in found if one is not None)


def _in_section(lines: Sequence[_Line], path: str) -> Owned | None:
    last = next((line for line in reversed(lines) if line.fits(path)), None)
    if last is None or not last.owners or not last.section.required:
        return None
    # What is left out once is so for good, and a section is optional if all of it is.
    if any(line.takes and line.fits(path) for line in lines) or all(line.section.optional for line in lines):
        return None
    return Owned(last.section.required, last.owners)


# --- GitLab -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _of_gitlab(text: str) -> tuple[tuple[_Line, ...], ...]:
    """Sections of one name are one, whatever its case, and each line has what the head above it says.

    A pattern that comes again stays where it was, with its new owners: ee/lib/gitlab/code_owners/file.rb
    """
    section, lines = _Section(), dict[tuple[str, bool], _Line]()
    named = {_UNNAMED: lines}
    for told in _lines(text):
        if begun := _SECTION.match(told):
            section = _Section(_count(begun["count"]), _owners(begun["owners"] or ""), bool(begun["optional"]))
            lines = named.setdefault(begun["name"].casefold(), {})
        else:
            line = _line_of_gitlab(told, section)
            lines[line.pattern, line.takes] = line
    return tuple(tuple(of_one.values()) for of_one in named.values())


def _line_of_gitlab(told: str, section: _Section) -> _Line:
    """`?`, `[` and escapes stand for what only Ruby knows; but a space is escaped, and a `#` at the beginning."""
    pattern, owners = [*_BEHIND_PATTERN.split(told, maxsplit=1), ""][:2]
    takes = pattern.startswith("!")
    pattern = re.sub(rf"\\[{_BLANK}]+", " ", pattern[takes:].removeprefix("\\" if pattern.startswith("\\#") else ""))
    if len(told) > _LONGEST_LINE or pattern.count("**") > _MOST_FOLDERS or re.search(r"[?\\\[]", pattern):
        return _Line(pattern, _UNKNOWN, section=section, takes=takes)
    return _Line(pattern, _owners(owners) if owners else section.owners, _globs_of_gitlab, section, takes)


def _owners(text: str) -> frozenset[str]:
    """Who is named: what has no `@` is nobody, and there are no comments behind them."""
    return _names(word for word in text.split() if "@" in word)


def _count(digits: str | None) -> int:
    """However many digits it has."""
    return 1 if digits is None else int(digits.lstrip("0")[:_MOST_DIGITS] or 0)


def _globs_of_gitlab(pattern: str) -> Iterator[str]:
    """As Ruby's `File.fnmatch` has it, `**` is a number of folders only where it is one, and else a `*`."""
    whole = pattern if pattern.startswith("/") else f"/**/{pattern}"
    *folders, last = (f"{whole}**/*" if whole.endswith("/") else whole).split("/")
    parts = [one if one == "**" else re.sub(r"\*+", "*", one) for one in folders]
    return _with_and_without_folders("/".join([*parts, re.sub(r"\*+", "*", last)]))


# --- GitHub -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _of_github(text: str) -> tuple[tuple[_Line, ...], ...]:
    return (tuple(_line_of_github(line) for line in _lines(text)),)


def _line_of_github(told: str) -> _Line:
    pattern, owners = [*_BEHIND_PATTERN.split(_COMMENT.split(told, maxsplit=1)[0], maxsplit=1), ""][:2]
    pattern = pattern.replace("\\", "")
    if len(told) > _LONGEST_LINE or pattern.count("**") > _MOST_FOLDERS or "?" in pattern or not pattern.strip("/"):
        return _Line(pattern, _UNKNOWN)
    return _Line(pattern, _names(owners.split()), _globs_of_github)


def _globs_of_github(pattern: str) -> Iterator[str]:
    """One that has a slash before its end is of the whole path, and one that names a folder is of all below."""
    inner = pattern.rstrip("/")
    whole = f"/{inner.lstrip('/')}" if pattern.startswith("/") or "/" in inner else f"/**/{inner}"
    for one in _with_and_without_folders(whole):
        if not pattern.endswith("/"):
            yield one
        if pattern.endswith("/") or not inner.endswith("*"):
            yield f"{one}/**"


# --- both -------------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        told = line.strip(_BLANK)
        if told and not told.startswith("#"):
            yield told


def _names(owners: Iterable[str]) -> frozenset[str]:
    """Without their `@`; who is written otherwise, by an address say, is nobody that is called so."""
    return frozenset(owner[1:].lower() if owner.startswith("@") else f" {owner}" for owner in owners)


def _with_and_without_folders(glob: str) -> Iterator[str]:
    """A `**` between slashes stands for no folder, too."""
    parts = glob.split("/")
    anywhere = [index for index, part in enumerate(parts[:-1]) if part == "**"]
    for count in range(len(anywhere) + 1):
        for none in combinations(anywhere, count):
            yield "/".join(part for index, part in enumerate(parts) if index not in none)
