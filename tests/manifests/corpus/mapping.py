"""Which field a row of the index belongs to, what the rows of a field say together, and which rows are no images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.images import ImageParts
from bot.manifests import Form, ImageField
from tests.manifests.corpus.index import Row
from tests.manifests.corpus.reading import Stream

# What stands below a field's pointer: a key of its map, `ref` of an OCIRepository, a Helm parameter of an Application.
_BELOW = re.compile(r"(?:/[^/]+)?|/ref/(?:tag|digest|semver)|/[0-9]+/value")


def owner(row: Row, fields: Iterable[ImageField]) -> ImageField | None:
    """The field nearest to the row that holds it."""
    holding = [field for field in fields if field.document == row.document and _holds(field, row.pointer)]
    return max(holding, key=lambda field: len(field.pointer), default=None)


def _holds(field: ImageField, pointer: str) -> bool:
    below = pointer.removeprefix(field.pointer)
    if below == pointer and field.pointer:
        return False
    return _BELOW.fullmatch(below) is not None if field.form is Form.MAP else not below


def rows_of(field: ImageField, rows: Iterable[Row], fields: Iterable[ImageField], stream: Stream) -> tuple[Row, ...]:
    """The rows of a field, and with them what the index leaves out because its keys say nothing of images."""
    own = [row for row in rows if owner(row, fields) == field]
    known = {row.pointer for row in own}
    beside = ["/url", "/name", "/repository"] if field.form is Form.MAP else []
    places = (
        [field.pointer + key for key in beside if _says_more(field, key, stream)] if own else _guessed(field, stream)
    )
    for pointer in places:
        node = stream.at((field.document, pointer))
        if node and node.value is not None and pointer not in known:
            span = (node.start, node.end) if node.start < node.end else None
            own.append(Row(field.document, pointer, node.value, "beside", span))
    return tuple(own)


def _says_more(field: ImageField, key: str, stream: Stream) -> bool:
    """`url` of an OCIRepository, `name` of a kustomization's entry that has no `newName`."""
    if key == "/url":
        node = stream.at((field.document, field.pointer + key))
        return bool(node and node.value and node.value.startswith("oci://"))
    if key == "/repository":
        return bool(stream.places.get((field.document, f"{field.pointer}/image")))
    return not stream.places.get((field.document, f"{field.pointer}/newName")) and "/images/" in f"{field.pointer}/"


def _guessed(field: ImageField, stream: Stream) -> list[str]:
    """A field that the index doesn't know: its scalar, or the scalars of its map."""
    if field.form is not Form.MAP:
        return [field.pointer]
    start = f"{field.pointer}/"
    return [
        pointer
        for document, pointer in stream.places
        if document == field.document and pointer.startswith(start) and part_of(pointer.rpartition("/")[2])
    ]


# --- what rows say --------------------------------------------------------------------------------------

_PARTS = (
    ("registry", re.compile(r".*registry")),
    ("name", re.compile(r"repository|repo|name|newname|url|.*(?:image|container|docker)(?:repository|repo|name)")),
    ("tag", re.compile(r"tag|newtag|version|.*(?:image|container|docker)(?:tag|version)")),
    ("digest", re.compile(r"digest|sha|newdigest|.*imagedigest")),
    ("image", re.compile(r".*image")),
)


def part_of(key: str) -> str:
    """What a scalar under this key says in a map; nothing for any other key."""
    flat = re.sub(r"[_.-]", "", key.lower())
    return next((part for part, keys in _PARTS if keys.fullmatch(flat)), "")


def said(field: ImageField, values: Iterable[tuple[Row, str]]) -> str:
    """The image that the values of a field's rows say together, spelled as `ImageParts` is."""
    values = list(values)
    if field.form is Form.STRING:
        return "".join(text for _, text in values)
    text: dict[str, str] = {}
    # Beside a repository, `name` says nothing of the image.
    for row, value in sorted(values, key=lambda pair: pair[0].key != "name"):
        if part := part_of(row.key):
            text[part] = "" if value in ("~", "null") else value.removeprefix("oci://").removesuffix("/")
    name = "/".join(filter(None, (text.get(part) for part in ("registry", "name", "image"))))
    if name and not (text.get("name") or text.get("image")):
        name += "/"
    tag, digest = text.get("tag"), text.get("digest")
    if digest and ":" not in digest:
        digest = f"sha256:{digest}"
    if field.form is Form.PART and part_of(field.pointer.rpartition("/")[2]) == "":
        return next(iter(text.values()), "")
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def agrees(parts: ImageParts, field: ImageField, values: Iterable[tuple[Row, str]]) -> bool:
    """Whether the values say these parts; a kustomization's `name` and a lone registry may count or not."""
    values = list(values)
    without = [(row, text) for row, text in values if not (row.shape == "beside" and row.key == "name")]
    return str(parts) in {said(field, values), said(field, without)}


# --- rows that are no images ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Exempt:
    """Rows that need no field: why, how many of them the corpus has, and which, by row and kind of document."""

    reason: str
    count: int
    covers: Callable[[Row, str], bool]


def _under_image(row: Row) -> bool:
    return "image" in row.pointer.split("/")[-2].lower()


EXEMPT: tuple[Exempt, ...] = (
    Exempt(
        "a tag whose map says nothing of images",
        21,
        lambda row, _: row.shape == "bare tag" and not _under_image(row),
    ),
    Exempt("the name of a container", 11, lambda row, _: row.shape == "camel ContainerName"),
    Exempt("a tag in Git", 1, lambda row, kind: row.pointer == "/spec/ref/tag" and kind == "GitRepository"),
)


def kind_of(row: Row, stream: Stream) -> str:
    """The `kind` of the row's document, empty where there is none."""
    node = stream.at((row.document, "/kind"))
    return (node and node.value) or ""
