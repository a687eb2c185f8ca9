"""Whether an edit is right: bytes spliced at the spans of the index alone, and nothing else by PyYAML's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.images import ImageParts
from bot.manifests import ImageField
from tests.manifests.corpus.index import Indexed, Row
from tests.manifests.corpus.mapping import agrees, rows_of
from tests.manifests.corpus.reading import Node, Place, Stream, needs_quotes, read
from tests.manifests.corpus.variants import Variant

_COLON = re.compile(rb"[ \t]*:")


@dataclass(frozen=True)
class Text:
    """One spelling of a file, the rows of each field in it, their spans moved."""

    content: bytes
    stream: Stream
    owned: Mapping[Place, tuple[Row, ...]]

    def rows(self, fields: Iterable[ImageField]) -> list[Row]:
        return [row for field in fields for row in self.owned[place_of(field)]]


def place_of(field: ImageField) -> Place:
    return field.document, field.pointer


def spell(file: Indexed, variant: Variant, fields: Iterable[ImageField]) -> Text | None:
    """The file in this spelling, None where that makes no difference."""
    content = file.read()
    made = variant.make(content)
    if made is None:
        return None
    stream, fields = read(content), tuple(fields)
    owned = {
        place_of(field): tuple(_moved(row, variant, content) for row in rows_of(field, file.rows, fields, stream))
        for field in fields
    }
    return Text(made, stream if made == content else read(made), owned)


def _moved(row: Row, variant: Variant, content: bytes) -> Row:
    span = row.span and (variant.moved(content, row.span[0]), variant.moved(content, row.span[1]))
    return Row(row.document, row.pointer, row.value, row.shape, span)


def faults(
    text: Text, edited: bytes, wanted: Mapping[Place, ImageParts], fields: Iterable[ImageField]
) -> Iterator[str]:
    """What is wrong with an edit that should make `fields` say `wanted`; nothing when it is right."""
    fields = tuple(fields)
    after = read(edited)
    if len(after.nodes) != len(text.stream.nodes):
        yield "the file has other nodes"
        return
    rows = text.rows(fields)
    yield from _faults_elsewhere(text.stream, after, {row.place for row in rows})
    for row in rows:
        yield from _faults_of_row(row, text.stream.at(row.place), after.at(row.place))
    if _spliced(text, after, rows) != edited:
        yield "bytes outside the spans of the index differ"
    for field in fields:
        said = [(row, node.value or "") for row in text.owned[place_of(field)] if (node := after.at(row.place))]
        if not agrees(wanted[place_of(field)], field, said):
            yield f"{field.pointer} says {[value for _, value in said]}, not {wanted[place_of(field)]}"


def leftovers(text: Text, edited: Stream, restored: bytes, rows: Sequence[Row]) -> Iterator[str]:
    """What an edit and the edit back leave behind, but for quotes around what had to be quoted once."""
    if restored == text.content:
        return
    after = read(restored)
    if _spliced(text, after, rows) != restored:
        yield "the way back does not restore the file"
    for row in rows:
        old, between, new = (stream.at(row.place) for stream in (text.stream, edited, after))
        if old and between and new and old.said != new.said:
            had_to_be = not old.style and (needs_quotes(between.value or "") or needs_quotes(row.value))
            if not had_to_be or (old.value, new.style) != (new.value, '"'):
                yield f"{row.pointer}: the way back ends with {new.said}, not {old.said}"


def _faults_elsewhere(before: Stream, after: Stream, own: set[Place]) -> Iterator[str]:
    may_change = {number for place in own for number in before.places.get(place, ())}
    for number, (old, new) in enumerate(zip(before.nodes, after.nodes, strict=True)):
        if old.said != new.said and number not in may_change:
            yield f"another value changed: {old.said} became {new.said}"
    if before.places != after.places:
        yield "values stand at other places"


def _faults_of_row(row: Row, old: Node | None, new: Node | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"{row.pointer} is not there once"
        return
    if old.said == new.said:
        return
    if (old.kind, old.anchor, old.tag) != (new.kind, new.anchor, new.tag):
        yield f"{row.pointer}: {old.said} became {new.said}"
    if not new.is_string:
        yield f"{row.pointer}: {new.value!r} is no string to every reader"
    quoted = (old.style, new.style) == (None, '"') and (needs_quotes(new.value or "") or _in_json(old, new))
    if old.style != new.style and not quoted:
        yield f"{row.pointer}: style {old.style} became {new.style} for {new.value!r}"


def _in_json(old: Node, new: Node) -> bool:
    """A bare number or null among double quotes."""
    return old.value in ("null", "") or bool(re.fullmatch(r"[0-9.]+", old.value or ""))


def _spliced(text: Text, after: Stream, rows: Iterable[Row]) -> bytes:
    """The old bytes with the new values at the spans of the index."""
    content = text.content
    for row in sorted(rows, key=lambda row: text.stream.places[row.place], reverse=True):
        old, new = text.stream.at(row.place), after.at(row.place)
        if old and new and old.said != new.said:
            start, end = row.span or (0, 0)
            spelled = _spelled(content[start:end], old, new)
            if start == end:
                colon = _COLON.match(content, old.key_end)
                start = end = colon.end() if colon else old.start
                spelled = b" " + spelled
            content = content[:start] + spelled + content[end:]
    return content


def _spelled(was: bytes, old: Node, new: Node) -> bytes:
    value = (new.value or "").encode()
    match new.style:
        case '"':
            return b'"' + value + b'"'
        case "'":
            return b"'" + value + b"'"
        case "|" | ">":
            return was.replace((old.value or "").strip().encode(), value.strip())
        case _:
            return value
