"""Regular expressions that somebody wrote into the configuration, matched in linear time: RE2 goes through a text once,
where Python's own `re` can go back and forth for hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol


class _Match(Protocol):
    def groupdict(self, default: str) -> dict[str, str]: ...


class _Pattern(Protocol):
    groupindex: Mapping[str, int]

    def fullmatch(self, text: str) -> _Match | None: ...


def group_names(expression: str) -> tuple[str, ...]:
    """The names of its groups. Raises ValueError where it is no regular expression."""
    return tuple(_compiled(expression).groupindex)


def groups_of(expression: str, text: str) -> Mapping[str, str] | None:
    """What its named groups are in the text, empty where one takes no part; None where it doesn't fit all of it."""
    found = _compiled(expression).fullmatch(text)
    return None if found is None else found.groupdict(default="")


@lru_cache(maxsize=256)
def _compiled(expression: str) -> _Pattern:
    try:
        import re2  # noqa: PLC0415  takes time to load, and few configurations have an expression
    except ModuleNotFoundError:
        raise ValueError("`match` needs the Python package google-re2, which isn't installed") from None
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: _Pattern = re2.compile(expression, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace")
        raise ValueError(f"{expression!r} is no regular expression as RE2 has them: {why}") from None
    return pattern
