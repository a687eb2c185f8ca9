"""Which lines a change is on, as reviewers are told, of manifests of any shape."""

from __future__ import annotations

import time

import pytest

from bot.decide.changes import Change

MANY = b"#\n" * 40_000


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\nb\nc\n", b"a\nx\nc\n", (2,)),
        (b"a\nb\nc\n", b"a\nb\nx\nc\n", (3,)),
        (b"a\nb\nc\nd\n", b"x\nb\nc\ny\n", (1, 4)),
        (b"a\nb\nc\nd\n", b"x\na\nb\nd\n", (1,)),
        (b"a\n", b"a\n", ()),
        (None, b"a\nb\n", (1, 2)),
        (b"a\na\na\n", b"a\na\n", ()),
    ],
)
def test_the_numbers_are_of_lines_as_they_shall_be(before: bytes | None, after: bytes, lines: tuple[int, ...]) -> None:
    assert Change("f", before, after).lines == lines


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\n" + MANY + b"b\n", b"x\n" + MANY + b"y\n", (1, 40_002)),
        (b"a\n" + MANY + b"b\n", b"x\n" + MANY + b"b\n", (1,)),
        (b"a\n" + MANY, b"a\nb\n" + MANY, (2,)),
    ],
)
def test_lines_that_are_all_the_same_take_no_minutes(before: bytes, after: bytes, lines: tuple[int, ...]) -> None:
    began = time.process_time()
    assert Change("f", before, after).lines == lines
    assert time.process_time() - began < 5
