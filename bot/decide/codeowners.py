"""CODEOWNERS: who has to approve changes of a path, as GitLab and GitHub read the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from bot.globs import across_segments

_SECTION = re.compile(r"(?P<optional>\^?)\[(?P<name>[^\]]+)\](?:\[(?P<count>[0-9]+)\])?(?P<owners>(?:\s.*)?)")
_MOST_DIGITS = 9
# Some 50 owners behind the longest path. Who writes more, as does a file too large to be read, is taken for somebody
# whom nobody knows.
_LONGEST_LINE = 8192
_WORDS = re.compile(r"(?:\\.|\S)+")


@dataclass(frozen=True)
class Owned:
    """So many of these owners, without their `@`, have to approve what changes a path."""

    required: int
    owners: frozenset[str]


@dataclass(frozen=True)
class _Line:
    """A pattern, without what takes a path from its owners on GitLab, and these; read once, as files have thousands."""

    pattern: str
    owners: frozenset[str]
    gitlab: bool
    takes: bool = False

    def fits(self, path: str) -> bool:
        """Whether it is of this path."""
        return self.pattern == "*" or any(one.fullmatch(f"/{path}") for one in self._expressions)

    @cached_property
    def _expressions(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(across_segments(one), re.DOTALL) for one in _globs(self.pattern, gitlab=self.gitlab))


@dataclass
class _Section:
    required: int
    owners: frozenset[str]
    lines: list[_Line] = field(default_factory=list)


@lru_cache(maxsize=4096)
def owned(text: str, path: str, *, sections: bool) -> tuple[Owned, ...]:
    """What the file asks for where a path changes: the last line that fits counts, on GitLab that of each section."""
    found = (_in_section(section, path) for section in _sections(text, sections=sections))
    return tuple(one for one in found if one is not None)


def _in_section(section: _Section, path: str) -> Owned | None:
    last = next((line for line in reversed(section.lines) if line.fits(path)), None)
    if last is None or last.takes:
        return None
    owners = last.owners or section.owners
    return Owned(section.required, owners) if owners and section.required else None


@lru_cache(maxsize=64)
def _sections(text: str, *, sections: bool) -> tuple[_Section, ...]:
    """Sections of one name are one, whatever its case; an optional one asks for nobody."""
    current = _Section(1, frozenset())
    named = {"": current}
    for line in _lines(text):
        begun = _SECTION.fullmatch(line) if sections else None
        if begun is None:
            current.lines.append(_line(line, gitlab=sections))
            continue
        required = 0 if begun["optional"] else _count(begun["count"])
        fresh = _Section(required, _names(begun["owners"].split()))
        current = named.setdefault(begun["name"].strip().lower(), fresh)
    return tuple(named.values())


def _line(line: str, *, gitlab: bool) -> _Line:
    if len(line) > _LONGEST_LINE:
        return _Line("*", frozenset({""}), gitlab)
    pattern, *owners = _WORDS.findall(line)
    pattern = pattern.replace("\\", "")
    takes = gitlab and pattern.startswith("!")
    return _Line(pattern[takes:], _names(owners), gitlab, takes)


def _count(digits: str | None) -> int:
    """However many digits it has."""
    return 1 if digits is None else int(digits.lstrip("0")[:_MOST_DIGITS] or 0)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        told = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if told:
            yield told


def _names(owners: list[str]) -> frozenset[str]:
    return frozenset(owner.removeprefix("@").lower() for owner in owners)


def _globs(pattern: str, *, gitlab: bool) -> list[str]:
    """A pattern that begins with a slash is of the whole path; others fit anywhere, on GitHub those without slashes.

    One that ends with a slash is of all below; on GitHub any that names a folder is.
    """
    inner = pattern.rstrip("/")
    anchored = pattern.startswith("/") or (not gitlab and "/" in inner)
    glob = f"/{inner.lstrip('/')}" if anchored else f"**/{inner}"
    globs = [*dict.fromkeys((glob, glob.replace("/**/", "/", 1)))]
    below = [f"{one}/**" for one in globs]
    return below if pattern.endswith("/") else globs if gitlab or inner.endswith("*") else [*globs, *below]
