"""What is found in a manifest and what may be done to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bot.images import ImageRef


class Form(Enum):
    """How a manifest writes an image."""

    STRING = "string"
    MAP = "map"


@dataclass(frozen=True)
class ImageField:
    """One image in one manifest.

    `pointer` is the RFC 6901 JSON pointer, inside document number `document` (from 0), of the smallest node that
    holds the whole image: the string itself, or the map with `repository` and `tag`. `line` counts from 1.
    `image` is None where the text is no image reference (a template, say); then, and wherever the text can't be
    edited exactly, `refusal` says why and what to do.
    """

    document: int
    pointer: str
    form: Form
    line: int
    image: ImageRef | None
    refusal: str = ""


@dataclass(frozen=True)
class ImageEdit:
    """The image that a field shall name from now on. The field keeps its form."""

    document: int
    pointer: str
    image: ImageRef
