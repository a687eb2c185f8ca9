"""For any manifest: an edit writes exactly the values, in their own quotes, and the opposite edit restores the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.images import Digest, ImageParts, ImageRef
from bot.manifests import ImageEdit, find_images, set_images
from bot.manifests.scalars import stays_string

Place: TypeAlias = tuple[str, str]

HEADS = (
    "",
    "---\n",
    "# ünïcode 🚀\n---\n",
    "\ufeff",
    "apiVersion: v1\nkind: Service\n---\n# first\n",
)
COMMENTS = ("", " # c", '   # {"$imagepolicy": "a:b:tag"}', " # ← {{ x }}: 'y", "  ")

hosts = st.sampled_from(["quay.io", "localhost:5000", "111111111111.dkr.ecr.eu-west-2.amazonaws.com"])
repositories = st.from_regex(r"[a-z0-9]{1,6}(?:[-_./][a-z0-9]{1,6}){0,3}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(
    ["1.10", "1e3", "0123", "20240101", "9509962", "yes", "null", "2024-01-02", "1_000"]
)
digests = st.integers(0, 2**256 - 1).map(lambda number: Digest(f"sha256:{number:064x}"))


class Hole(NamedTuple):
    """Where a value stands, and in which quotes."""

    place: Place
    quote: str


class Manifest(NamedTuple):
    """A file as text with holes, and what fills them; `names` says what image each field names."""

    pieces: tuple[str | Hole, ...]
    values: Mapping[Place, str]
    names: Mapping[str, ImageRef]

    def render(self, values: Mapping[Place, str]) -> bytes:
        return "".join(
            piece if isinstance(piece, str) else spelled(piece.quote, values[piece.place], self.values[piece.place])
            for piece in self.pieces
        ).encode()


def spelled(quote: str, value: str, original: str) -> str:
    """The original plain text may be a number; what replaces it must read as a string."""
    if not quote and value != original and not stays_string(value):
        quote = '"'
    return f"{quote}{value}{quote}"


def parts_of(shape: str, image: ImageRef) -> dict[str, str]:
    """What the shape's scalars say, written from the specification of the shapes, not by the code under test."""
    digest = image.digest.text if image.digest else ""
    match shape:
        case "image":
            return {"image": str(image)}
        case "registry":
            return {"registry": image.registry or "", "repository": image.repository, "tag": image.tag or ""}
        case "digest":
            return {"repository": image.name, "tag": image.tag or "", "digest": digest}
        case "sha":
            return {"repository": image.name, "tag": image.tag or "", "sha": digest.removeprefix("sha256:")}
        case _:
            return {"repository": image.name, "tag": f"{image.tag}@{digest}" if digest else image.tag or ""}


@st.composite
def images(draw: st.DrawFn, *, pinned: bool) -> ImageRef:
    return ImageRef(draw(hosts), draw(repositories), draw(tags), draw(digests) if pinned else None)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    pieces: list[str | Hole] = [draw(st.sampled_from(HEADS)), "services:\n"]
    values: dict[Place, str] = {}
    names: dict[str, ImageRef] = {}
    document = 1 if "Service" in str(pieces[0]) else 0
    end = draw(st.sampled_from(["\n", "\r\n"]))
    for number in range(draw(st.integers(1, 4))):
        name = f"s{number}"
        shape = draw(st.sampled_from(["image", "registry", "digest", "sha", "repository"]))
        pinned = shape in ("digest", "sha") or (shape != "registry" and draw(st.booleans()))
        image = draw(images(pinned=pinned))
        pointer = f"{document}:/services/{name}" + ("/image" if shape == "image" else "")
        names[pointer] = image
        parts = parts_of(shape, image)
        values |= {(pointer, part): text for part, text in parts.items()}
        order = draw(st.permutations(list(parts)))
        pieces += draw(flow(name, pointer, order) if draw(st.booleans()) else block(name, pointer, order, parts))
    text = [piece.replace("\n", end) if isinstance(piece, str) else piece for piece in pieces]
    if draw(st.booleans()):
        text.append(f"last: 1{end}...{end}")
    return Manifest(tuple(text), values, names)


@st.composite
def block(draw: st.DrawFn, name: str, pointer: str, order: list[str], parts: Mapping[str, str]) -> list[str | Hole]:
    pieces: list[str | Hole] = [f"  {name}:\n"]
    for part in order:
        if draw(st.booleans()):
            pieces.append(draw(st.sampled_from(["\n", "    # a comment\n", f"    other{len(pieces)}: [x, 'y']\n"])))
        quotes = ["'", '"'] if parts[part].casefold() == "null" else ["", "'", '"']
        quote = draw(st.sampled_from(quotes))
        before = draw(st.sampled_from([": ", ":   ", f": &{name}{part} "]))
        pieces += [f"    {part}{before}", Hole((pointer, part), quote), draw(st.sampled_from(COMMENTS)) + "\n"]
    return pieces


@st.composite
def flow(draw: st.DrawFn, name: str, pointer: str, order: list[str]) -> list[str | Hole]:
    pieces: list[str | Hole] = [f"  {name}: {{x: 1"]
    for part in order:
        pieces += [", ", f"{part}: ", Hole((pointer, part), draw(st.sampled_from(["'", '"'])))]
    return [*pieces, "}", draw(st.sampled_from(COMMENTS)), "\n"]


def place_of(pointer: str) -> tuple[int, str]:
    document, _, rest = pointer.partition(":")
    return int(document), rest


@settings(deadline=None, max_examples=50)
@given(manifests())
def test_find_names_every_image(manifest: Manifest) -> None:
    found = find_images("values.yaml", manifest.render(manifest.values))
    assert {(field.document, field.pointer): field.image for field in found} == {
        place_of(pointer): image for pointer, image in manifest.names.items()
    }
    assert [field.line for field in found] == sorted(field.line for field in found)
    assert not [field.refusal for field in found if field.refusal]


@settings(deadline=None, max_examples=50)
@given(manifests(), st.data())
def test_set_writes_the_values_and_nothing_else(manifest: Manifest, data: st.DataObject) -> None:
    content = manifest.render(manifest.values)
    chosen = data.draw(st.lists(st.sampled_from(sorted(manifest.names)), min_size=1, unique=True))
    values, edits, back = dict(manifest.values), [], []
    for pointer in chosen:
        old = manifest.names[pointer]
        new = data.draw(images(pinned=old.digest is not None))
        edits.append(ImageEdit(*place_of(pointer), ImageParts.of(new)))
        back.append(ImageEdit(*place_of(pointer), ImageParts.of(old)))
        shape = shape_of(manifest, pointer)
        values |= {(pointer, part): text for part, text in parts_of(shape, new).items()}
    edited = set_images("values.yaml", content, edits)
    assert edited == manifest.render(values)
    restored = set_images("values.yaml", edited, back)
    assert unquoted(restored) == unquoted(content)
    if all(stays_string(text) for text in (*values.values(), *manifest.values.values())):
        assert restored == content


def shape_of(manifest: Manifest, pointer: str) -> str:
    parts = {part for place, part in manifest.values if place == pointer}
    return next((part for part in ("image", "registry", "digest", "sha") if part in parts), "repository")


def unquoted(content: bytes) -> bytes:
    """Without the quotes that an edit back leaves around what was plain."""
    return content.replace(b'"', b"").replace(b"'", b"")
