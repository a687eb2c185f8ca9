"""The order of an image's tags: as people count versions, `rc9` before `rc10`, whatever the tags are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

# A text or a number, where a number comes before a text: https://semver.org/spec/v2.0.0.html#spec-item-11
_Part: TypeAlias = tuple[int, int, str]
Order: TypeAlias = tuple[int, tuple[int, ...], tuple[_Part, ...], tuple[_Part, ...], int, str]

# `1.2.3`, `v1.2.3-rc1`, `1.2.3rc1`, and what tags have for a plus sign: `1.2.3_build5`.
_VERSION = re.compile(r"([vV]?)([0-9]+(?:\.[0-9]+)*)([^_]*)(?:_(.*))?")
_PIECE = re.compile(r"[0-9]+|[^0-9._-]+")

_NAME, _NUMBER, _RELEASE = range(3)
# A number by itself is a major version up to here, and above it a build number or a date; with dots, up to a year.
_LARGEST_MAJOR = 999
_LARGEST_YEAR = 9999
_COMMIT = re.compile(r"(?=.*[a-f])[0-9a-f]{7,64}")
# After every text and number: what has nothing more to say is the release itself.
_NOTHING: tuple[_Part, ...] = ((2, 0, ""),)


def order(tag: str) -> Order:
    """A key that puts tags in their order, lowest first; no two tags have the same.

    First names such as `latest` and commits; then build numbers and dates, `20240131` or `2024-01-31`; then versions,
    by their numbers, a pre-release before its release, what has more after an underscore last, with or without a `v`.
    Missing numbers are zero.
    """
    version = _VERSION.fullmatch(tag)
    if version is None or _COMMIT.fullmatch(tag):
        return _NAME, (), tuple(_parts(tag)), (), 0, tag
    prefix, numbers, pre, build = version.groups(default="")
    counted = tuple(int(number) for number in numbers.split("."))
    largest = _LARGEST_YEAR if len(counted) > 1 else _LARGEST_MAJOR
    kind = _RELEASE if prefix or counted[0] <= largest else _NUMBER
    # A date's later parts are no pre-release of its year.
    rest = tuple(_parts(pre)) or (_NOTHING if kind is _RELEASE else ())
    return kind, _stripped(counted), rest, tuple(_parts(build)), len(counted), tag


def is_older(tag: str, than: str) -> bool:
    """Whether both tags are of a kind that has an order, and the first comes before; `v1` is no other than `1`."""
    this, other = order(tag), order(than)
    return this[0] == other[0] != _NAME and this[1:4] < other[1:4]


def newest_first(tags: Iterable[str]) -> list[str]:
    """The tags, highest version first; names come last."""
    return sorted(tags, key=order, reverse=True)


def _parts(text: str) -> Iterator[_Part]:
    for piece in _PIECE.findall(text):
        yield (0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold())


def _stripped(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Without zeros at the end, so that 1.2 and 1.2.0 count the same."""
    length = len(numbers)
    while length and numbers[length - 1] == 0:
        length -= 1
    return numbers[:length]
