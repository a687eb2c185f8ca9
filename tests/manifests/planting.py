"""Generated manifests with images planted in them, in every shape, among comments, anchors, quotes and odd keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from bot.images import Digest, ImageParts, ImageRef
from bot.manifests import ImageEdit
from bot.manifests.scalars import stays_string

Place: TypeAlias = tuple[int, str]

HEADS = (
    "",
    "---\n",
    "# ünïcode 🚀\n---\n",
    "\ufeff",
    "apiVersion: v1\nkind: Service\n---\n# first\n",
    "text: |\n  image: example.com/not:1\n---\n",
)
COMMENTS = ("", " # c", '   # {"$imagepolicy": "a:b:tag"}', " # ← {{ x }}: 'y", "  ", " # image: a:1")
BETWEEN = (
    "\n",
    "    # a comment\n",
    "    #   image: example.com/not:1\n",
    "    other{n}: [x, 'y']\n",
    "    text{n}: |+\n      image: example.com/not:1\n\n",
    "    long{n}: " + "x" * 200 + " 🚀\n",
    "    ünï{n}: {{a: &n{name}{n} 1, b: *n{name}{n}}}\n",
)
# As written, and as it stands in a pointer.
KEYS = (
    ("web", "web"),
    ('"a/b"', "a~1b"),
    ("'x~y'", "x~0y"),
    ("8080", "8080"),
    ('""', ""),
    ("ключ", "ключ"),
    ("two words", "two words"),
    ("'it''s'", "it's"),
    ('"q\\"t"', 'q"t'),
    ("true", "true"),
)

hosts = st.sampled_from(["quay.io", "localhost:5000", "111111111111.dkr.ecr.eu-west-2.amazonaws.com"])
repositories = st.from_regex(r"[a-z0-9]{1,6}(?:[-_./][a-z0-9]{1,6}){0,3}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(
    ["1.10", "1e3", "0123", "20240101", "9509962", "yes", "null", "2024-01-02", "1_000", "0x1F", "1.0.0"]
)
digests = st.integers(0, 2**256 - 1).map(lambda number: Digest(f"sha256:{number:064x}"))


class Shape(NamedTuple):
    """How an image is written: its keys and their texts; below `image` where the keys alone don't tell."""

    texts: Callable[[ImageRef], dict[str, str]]
    pinned: bool | None = None  # whether there is a digest; None: either
    under_image: bool = False
    whole: bool = True  # whether the name is said, too


def _tag(image: ImageRef) -> str:
    return f"{image.tag}@{image.digest}" if image.digest else image.tag or ""


SHAPES: Mapping[str, Shape] = {
    "string": Shape(lambda i: {"image": str(i)}),
    "foo image": Shape(lambda i: {"sidecarImage": str(i)}),
    "registry": Shape(lambda i: {"registry": i.registry or "", "repository": i.repository, "tag": _tag(i)}),
    "digest": Shape(lambda i: {"repository": i.name, "tag": i.tag or "", "digest": str(i.digest)}, pinned=True),
    "sha": Shape(lambda i: {"repository": i.name, "tag": i.tag or "", "sha": str(i.digest)[7:]}, pinned=True),
    "repository": Shape(lambda i: {"repository": i.name, "tag": _tag(i)}),
    "name": Shape(lambda i: {"name": i.name, "tag": _tag(i)}, under_image=True),
    "repo": Shape(lambda i: {"repo": i.name, "tag": _tag(i)}, under_image=True),
    "version": Shape(lambda i: {"repository": i.name, "version": i.tag or ""}, pinned=False, under_image=True),
    "image and imageTag": Shape(lambda i: {"image": i.name, "imageTag": _tag(i)}),
    "camel": Shape(lambda i: {"imageRepository": i.name, "imageTag": _tag(i)}),
    "tag alone": Shape(lambda i: {"tag": _tag(i)}, under_image=True, whole=False),
}
STRINGS = ("string", "foo image")


class Hole(NamedTuple):
    """Where a value stands, and in which quotes; `|` for the one line of a block scalar."""

    place: Place
    key: str
    quote: str


class Planted(NamedTuple):
    """One image; `field` is what is found of it."""

    shape: Shape
    image: ImageRef

    @property
    def parts(self) -> ImageParts:
        return self.said_of(self.image)

    def said_of(self, image: ImageRef) -> ImageParts:
        return ImageParts.of(image) if self.shape.whole else ImageParts(tag=image.tag, digest=image.digest)


class Manifest(NamedTuple):
    """A file as text with holes, and the images that fill them."""

    name: str
    pieces: tuple[str | Hole, ...]
    planted: Mapping[Place, Planted]

    def render(self, images: Mapping[Place, ImageRef] | None = None) -> bytes:
        """The file with these images in place of the planted ones."""
        return "".join(
            piece if isinstance(piece, str) else self._fill(piece, images or {}) for piece in self.pieces
        ).encode()

    def _fill(self, hole: Hole, images: Mapping[Place, ImageRef]) -> str:
        planted = self.planted[hole.place]
        was = planted.shape.texts(planted.image)[hole.key]
        now = planted.shape.texts(images.get(hole.place, planted.image))[hole.key]
        # What was plain may be a number; what replaces it must read as a string.
        quote = hole.quote or ("" if now == was or stays_string(now) else '"')
        return now if quote == "|" else f"{quote}{now}{quote}"

    def edit(self, place: Place, image: ImageRef) -> ImageEdit:
        return ImageEdit(*place, self.planted[place].said_of(image))

    def texts(self, images: Mapping[Place, ImageRef]) -> list[str]:
        """Every text that the images put into the file."""
        return [text for place, image in images.items() for text in self.planted[place].shape.texts(image).values()]


@st.composite
def images(draw: st.DrawFn, *, pinned: bool) -> ImageRef:
    return ImageRef(draw(hosts), draw(repositories), draw(tags), draw(digests) if pinned else None)


def image_for(shape: Shape) -> st.SearchStrategy[ImageRef]:
    if shape.pinned is None:
        return st.booleans().flatmap(lambda pinned: images(pinned=pinned))
    return images(pinned=shape.pinned)


def manifests() -> st.SearchStrategy[Manifest]:
    """Values, kustomizations and JSON."""
    return st.one_of(values(), values(), kustomizations(), json_files())


# --- values ---------------------------------------------------------------------------------------------


@st.composite
def values(draw: st.DrawFn) -> Manifest:
    head = draw(st.sampled_from(HEADS))
    document = 1 if head.count("---\n") and not head.startswith(("---", "#")) else 0
    pieces: list[str | Hole] = [head, "services:\n"]
    planted: dict[Place, Planted] = {}
    for number, (key, step) in enumerate(draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))):
        name = draw(st.sampled_from(sorted(SHAPES)))
        shape = SHAPES[name]
        pointer = f"/services/{step}" + ("/image" if shape.under_image else "")
        place = document, f"{pointer}/{next(iter(shape.texts(_ANY)))}" if name in STRINGS else pointer
        planted[place] = Planted(shape, draw(image_for(shape)))
        order = draw(st.permutations(list(shape.texts(planted[place].image))))
        write = flow if draw(st.booleans()) else block
        pieces += draw(write(key, number, place, planted[place], order))
    return Manifest(
        "values.yaml", (*_with_ends(draw(st.sampled_from(["\n", "\r\n"])), pieces), draw(_tails())), planted
    )


_ANY = ImageRef("quay.io", "a", "1", Digest("sha256:" + "0" * 64))


def _tails() -> st.SearchStrategy[str]:
    return st.sampled_from(["", "last: 1", "last: 1\n...\n", "---\nimage: null\n", "\n\n"])


def _with_ends(end: str, pieces: list[str | Hole]) -> list[str | Hole]:
    return [piece.replace("\n", end) if isinstance(piece, str) else piece for piece in pieces]


@st.composite
def block(draw: st.DrawFn, key: str, number: int, place: Place, planted: Planted, order: list[str]) -> list[str | Hole]:
    pad = "      " if planted.shape.under_image else "    "
    pieces: list[str | Hole] = [f"  {key}:\n", "    image:\n" if planted.shape.under_image else ""]
    texts = planted.shape.texts(planted.image)
    for part in order:
        if draw(st.booleans()):
            between = draw(st.sampled_from(BETWEEN)).format(n=len(pieces), name=number)
            pieces.append(
                "".join(f"{pad[4:]}{line}" if line.strip() else line for line in between.splitlines(keepends=True))
            )
        quote = draw(st.sampled_from(["'", '"', "|"] if texts[part].casefold() == "null" else ["", "", "'", '"', "|"]))
        written = draw(st.sampled_from([part, f"'{part}'"]))
        if quote == "|":
            header = draw(st.sampled_from(["|-", ">-", "|- # c"]))
            pieces += [f"{pad}{written}: {header}\n{pad}  ", Hole(place, part, quote), "\n"]
        else:
            before = draw(st.sampled_from([": ", ":   ", f": &s{number}{part} ", ": !!str "]))
            pieces += [f"{pad}{written}{before}", Hole(place, part, quote), draw(st.sampled_from(COMMENTS)) + "\n"]
    return pieces


@st.composite
def flow(draw: st.DrawFn, key: str, number: int, place: Place, planted: Planted, order: list[str]) -> list[str | Hole]:
    texts = planted.shape.texts(planted.image)
    pieces: list[str | Hole] = [f"  {key}: {{x: 1" + (", image: {y: 2" if planted.shape.under_image else "")]
    for part in order:
        quotes = ["'", '"'] if texts[part].casefold() == "null" else ["", "'", '"']
        pieces += [
            draw(st.sampled_from([", ", ",\n    "])),
            f"{part}: ",
            Hole(place, part, draw(st.sampled_from(quotes))),
        ]
    return [*pieces, "}}" if planted.shape.under_image else "}", draw(st.sampled_from(COMMENTS)), "\n"]


# --- kustomizations and JSON ----------------------------------------------------------------------------


def _kustomize(image: ImageRef) -> dict[str, str]:
    return {"newName": image.name, "newTag": image.tag or ""} | ({"digest": str(image.digest)} if image.digest else {})


@st.composite
def kustomizations(draw: st.DrawFn) -> Manifest:
    pieces: list[str | Hole] = [draw(st.sampled_from(["", "kind: Component\n", "# c\nkind: Kustomization\n"]))]
    pieces.append("apiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n")
    planted: dict[Place, Planted] = {}
    for number in range(draw(st.integers(1, 3))):
        place = 0, f"/images/{number}"
        pinned = draw(st.booleans())
        planted[place] = Planted(Shape(_kustomize, pinned=pinned), draw(images(pinned=pinned)))
        pieces.append(f"- name: app{number}{draw(st.sampled_from(COMMENTS))}\n")
        for key, text in _kustomize(planted[place].image).items():
            quote = draw(st.sampled_from(["'", '"'] if text.casefold() == "null" else ["", "'", '"']))
            pieces += [f"  {key}: ", Hole(place, key, quote), draw(st.sampled_from(COMMENTS)) + "\n"]
    return Manifest("kustomization.yaml", tuple(_with_ends(draw(st.sampled_from(["\n", "\r\n"])), pieces)), planted)


@st.composite
def json_files(draw: st.DrawFn) -> Manifest:
    pieces: list[str | Hole] = ['{"kind": "Values", "x\\u00fc": null, "services": [']
    planted: dict[Place, Planted] = {}
    indent = draw(st.sampled_from(["", " ", "\n  "]))
    for number in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["string", "registry", "digest", "repository", "camel"]))
        place = 0, f"/services/{number}" + ("/image" if name == "string" else "")
        planted[place] = Planted(SHAPES[name], draw(image_for(SHAPES[name])))
        pieces.append("," * bool(number) + indent + '{"a": 1.0')
        for key in planted[place].shape.texts(planted[place].image):
            pieces += [f',{indent}"{key}": ', Hole(place, key, '"')]
        pieces.append("}")
    return Manifest("app.json", (*pieces, "]}"), planted)
