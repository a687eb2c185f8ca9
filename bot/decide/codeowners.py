"""CODEOWNERS: who has to approve changes of a path, as GitLab and GitHub read the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from bot.globs import across_segments

_SECTION = re.compile(r"(?P<optional>\^?)\[(?P<name>[^\]]+)\](?:\[(?P<count>[0-9]+)\])?(?P<owners>(?:\s.*)?)")
_WORDS = re.compile(r"(?:\\.|\S)+")


@dataclass(frozen=True)
class Owned:
    """So many of these owners, without their `@`, have to approve what changes a path."""

    required: int
    owners: frozenset[str]


@dataclass
class _Section:
    required: int
    owners: frozenset[str]
    lines: list[tuple[str, frozenset[str]]] = field(default_factory=list)


def owned(text: str, path: str, *, sections: bool) -> tuple[Owned, ...]:
    """What the file asks for where a path changes: the last line that fits counts, on GitLab that of each section."""
    found = (_in_section(section, path, gitlab=sections) for section in _sections(text, sections=sections))
    return tuple(one for one in found if one is not None)


def _in_section(section: _Section, path: str, *, gitlab: bool) -> Owned | None:
    last: frozenset[str] | None = None
    for pattern, owners in section.lines:
        if _fits(pattern.removeprefix("!") if gitlab else pattern, path, gitlab=gitlab):
            last = None if gitlab and pattern.startswith("!") else owners
    if last is None:
        return None
    owners = last or section.owners
    return Owned(section.required, owners) if owners and section.required else None


@lru_cache(maxsize=64)
def _sections(text: str, *, sections: bool) -> tuple[_Section, ...]:
    """Sections of one name are one, whatever its case; an optional one asks for nobody."""
    current = _Section(1, frozenset())
    named = {"": current}
    for line in _lines(text):
        begun = _SECTION.fullmatch(line) if sections else None
        if begun is None:
            pattern, *owners = _WORDS.findall(line)
            current.lines.append((pattern.replace("\\", ""), _names(owners)))
            continue
        required = 0 if begun["optional"] else int(begun["count"] or 1)
        fresh = _Section(required, _names(begun["owners"].split()))
        current = named.setdefault(begun["name"].strip().lower(), fresh)
    return tuple(named.values())


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        told = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if told:
            yield told


def _names(owners: list[str]) -> frozenset[str]:
    return frozenset(owner.removeprefix("@").lower() for owner in owners)


def _fits(pattern: str, path: str, *, gitlab: bool) -> bool:
    """A pattern that begins with a slash is of the whole path; others fit anywhere, on GitHub those without slashes.

    One that ends with a slash is of all below; on GitHub any that names a folder is.
    """
    inner = pattern.rstrip("/")
    anchored = pattern.startswith("/") or (not gitlab and "/" in inner)
    glob = f"/{inner.lstrip('/')}" if anchored else f"**/{inner}"
    globs = {glob, glob.replace("/**/", "/", 1)}
    if pattern == "*":
        return True
    below = [f"{one}/**" for one in globs]
    fits = below if pattern.endswith("/") else [*globs] if gitlab or inner.endswith("*") else [*globs, *below]
    return any(_expression(one).fullmatch(f"/{path}") for one in fits)


@lru_cache(maxsize=1024)
def _expression(glob: str) -> re.Pattern[str]:
    return re.compile(across_segments(glob), re.DOTALL)
