"""What promobot finds in the corpus, once for all tests, and which refusals the files themselves give cause for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageField, find_images
from tests.manifests.corpus.index import Indexed, Row
from tests.manifests.corpus.mapping import said
from tests.manifests.corpus.reading import Stream


@cache
def found(file: Indexed) -> tuple[ImageField, ...] | ManifestError:
    """The fields of a file, or why it can't be read."""
    try:
        return find_images(file.path, file.read())
    except ManifestError as error:
        return error


def fields_of(file: Indexed) -> tuple[ImageField, ...]:
    """The fields of a file, none where it can't be read."""
    fields = found(file)
    return () if isinstance(fields, ManifestError) else fields


def through_alias(field: ImageField, stream: Stream) -> bool:
    """Whether the field stands in what an alias or a merge key stands for, so that nothing is written at its place."""
    inside = f"{field.pointer}/"
    return not any(
        document == field.document
        and (pointer == field.pointer or pointer.startswith(inside))
        and all(stream.nodes[number].kind == "ScalarEvent" for number in numbers)
        for (document, pointer), numbers in stream.places.items()
    )


def cause(field: ImageField, rows: Iterable[Row], stream: Stream) -> str:
    """Why a field may be refused, by what the file says; nothing where it has to be editable."""
    rows = tuple(rows)
    nodes = [stream.nodes[number] for row in rows for number in stream.places.get(row.place, ())]
    if any(mark in row.value for row in rows for mark in ("{{", "${", "$(")):
        return "template or variable"
    if stream.at((field.document, f"{field.pointer}/ref/semver")):
        return "a range of versions"
    if through_alias(field, stream) or any(node.kind == "AliasEvent" for node in nodes):
        return "alias or merge key"
    if any(len(stream.places.get(row.place, ())) > 1 for row in rows):
        return "key twice"
    if any("\n" in (node.value or "") for node in nodes):
        return "several lines"
    return "" if _is_reference(said(field, [(row, row.value) for row in rows])) else "no image reference"


def _is_reference(text: str) -> bool:
    try:
        ImageParts.parse(text)
    except ValueError:
        return not text
    return True
