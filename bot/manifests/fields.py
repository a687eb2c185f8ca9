"""What is found in a manifest and what may be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bot.images import ImageParts, ImageRef

_REGISTRY_ALONE = "says no more than where images come from; it is left as it is"
_INHERITS = "inherits repository from base; name the repository here, or edit the base"


class Form(Enum):
    """How a manifest writes an image."""

    STRING = "string"
    MAP = "map"
    PART = "part"


class Part(Enum):
    """What one scalar says about an image: IMAGE is a whole reference, SHA a digest without its algorithm."""

    IMAGE = "image"
    REGISTRY = "registry"
    REPOSITORY = "repository"
    TAG = "tag"
    DIGEST = "digest"
    SHA = "sha"


@dataclass(frozen=True)
class ImageField:
    """One image in one manifest.

    `pointer` is the RFC 6901 JSON pointer, inside document number `document` (from 0), of the smallest node that
    holds the whole image: the string, the map with `repository` and `tag`, or the one scalar that gives a part, such
    as `imageTag`. `line` counts from 1. `parts` is what is said there; nothing where the text is no image reference
    (a template, say). Where the text can't be edited exactly, `refusal` says why and what to do. `marker` is the policy
    by which Flux itself keeps the field up to date, `namespace:name` with what follows, from the comment beside it.
    """

    document: int
    pointer: str
    form: Form
    line: int
    parts: ImageParts
    refusal: str = ""
    marker: str = ""

    @property
    def image(self) -> ImageRef | None:
        """The reference, None where the field names no repository: an overlay's tag, a template."""
        return self.parts.ref

    @property
    def gap(self) -> str:
        """Why the field names no image that could be promoted, or can't be edited; empty if it does and can."""
        if self.refusal or self.image:
            return self.refusal
        return _INHERITS if self.parts.tag or self.parts.digest else _REGISTRY_ALONE


@dataclass(frozen=True)
class FieldRule:
    """An image where no format would look: the scalar at `pointer` of any document says `holds`.

    `image` names the image that the scalar is only the tag or digest of, `[registry/]repository`.
    """

    pointer: str
    holds: Part
    image: ImageParts | None = None


@dataclass(frozen=True)
class ImageEdit:
    """What a field shall say from now on; what `parts` leaves out stays, and so does the field's form.

    A tag never changes beside a digest that stays, nor a digest beside a tag: the edit gives both, or drops the
    digest (`drop_digest`) or the tag (`drop_tag`). `add_digest` inserts a `digest` key into a map that has no place
    for one.
    """

    document: int
    pointer: str
    parts: ImageParts
    drop_tag: bool = False
    drop_digest: bool = False
    add_digest: bool = False


@dataclass(frozen=True)
class ScalarEdit:
    """The text that the scalar at a pointer shall have; `plain` where it may stay unquoted even if it is a number."""

    document: int
    pointer: str
    text: str
    plain: bool = False


Edit: TypeAlias = ImageEdit | ScalarEdit
