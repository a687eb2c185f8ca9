"""Every image of the index is found, says what the file says, and little else is taken for an image."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from bot.errors import ManifestError
from bot.manifests import ImageField
from tests.manifests.corpus.found import cause, fields_of, found, through_alias
from tests.manifests.corpus.index import ABSENT, Indexed, Row, indexed, present
from tests.manifests.corpus.mapping import EXEMPT, agrees, kind_of, owner, rows_of
from tests.manifests.corpus.reading import Stream, read

PRECISION = 0.98

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)


def files() -> Iterator[tuple[Indexed, tuple[ImageField, ...], Stream]]:
    for file in indexed():
        if file.readable:
            yield file, fields_of(file), read(file.read())


def unowned() -> Iterator[tuple[Indexed, Row, str]]:
    """Rows without a field, and the kind of their document."""
    for file, fields, stream in files():
        yield from ((file, row, kind_of(row, stream)) for row in file.rows if owner(row, fields) is None)


def say(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def test_what_can_be_read_is_read() -> None:
    refused = {file.path for file in indexed() if isinstance(found(file), ManifestError)}
    assert refused == {file.path for file in indexed() if not file.readable}


def test_every_image_of_the_index_is_found() -> None:
    missing = defaultdict(list)
    for file, row, kind in unowned():
        if not any(exempt.covers(row, kind) for exempt in EXEMPT):
            missing[row.shape].append(f"    {file.path} {row.document}:{row.pointer} = {row.value}")
    for shape, lines in missing.items():
        say([f"{len(lines)} {shape}", *lines])
    assert not {shape: len(lines) for shape, lines in missing.items()}


def test_every_exemption_is_needed() -> None:
    rows = list(unowned())
    needed = {exempt.reason: sum(exempt.covers(row, kind) for _, row, kind in rows) for exempt in EXEMPT}
    assert needed == {exempt.reason: exempt.count for exempt in EXEMPT}


def test_fields_say_what_the_file_says() -> None:
    differing = [
        f"{file.path} {field.document}:{field.pointer} says {field.parts}, not {[row.value for row in rows]}"
        for file, fields, stream in files()
        for field in fields
        if not field.refusal and not through_alias(field, stream)
        for rows in [rows_of(field, file.rows, fields, stream)]
        if not agrees(field.parts, field, [(row, row.value) for row in rows])
    ]
    assert not differing


def test_little_else_is_taken_for_an_image() -> None:
    number, strange = 0, []
    for file, fields, stream in files():
        for field in fields:
            own = any(owner(row, fields) == field for row in file.rows)
            if own or not through_alias(field, stream):
                number += 1
                if not own:
                    strange.append(f"    {file.path} {field.document}:{field.pointer} {field.form.value} {field.parts}")
    say([f"{number} fields, {len(strange)} of them unknown to the index", *strange])
    assert number
    assert 1 - len(strange) / number >= PRECISION


def test_refusals_have_a_cause_in_the_file() -> None:
    causes: Counter[str] = Counter()
    wrong = []
    for file, fields, stream in files():
        for field in fields:
            if field.refusal:
                why = cause(field, rows_of(field, file.rows, fields, stream), stream)
                causes[why] += 1
                if not why:
                    wrong.append(f"{file.path} {field.document}:{field.pointer}: {field.refusal}")
    say([f"{count} refused: {why or 'no cause'}" for why, count in causes.most_common()])
    assert not wrong


def test_what_cannot_be_edited_is_refused() -> None:
    accepted = [
        f"{file.path} {field.document}:{field.pointer}: {why}"
        for file, fields, stream in files()
        for field in fields
        if not field.refusal and (why := cause(field, rows_of(field, file.rows, fields, stream), stream))
    ]
    assert not accepted
