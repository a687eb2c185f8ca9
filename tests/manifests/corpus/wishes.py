"""New images for the fields of a file: values that YAML likes to misread, for every part that a field has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.images import Digest, ImageParts
from bot.manifests import Form, ImageEdit, ImageField
from tests.manifests.corpus.reading import Place

TAGS = ("v9.9.9", "1.10", "20240101", "7e5", "0123", "1.2.3-rc4", "yes", "1_000", "75e1584")
DIGESTS = (Digest("sha256:" + "b2" * 32), Digest("sha256:" + "17" * 32), Digest("sha256:" + "0" * 62 + "e1"))
REGISTRY = "registry.example.com:5000"


@dataclass(frozen=True)
class Wish:
    """An edit, and what its field shall say then."""

    edit: ImageEdit
    result: ImageParts

    @property
    def place(self) -> Place:
        return self.edit.document, self.edit.pointer


def _wish(field: ImageField, parts: ImageParts, result: ImageParts, *, drop_digest: bool = False) -> Wish:
    return Wish(ImageEdit(field.document, field.pointer, parts, drop_digest=drop_digest), result)


def another(field: ImageField, number: int, *, named_by_key: bool = False) -> Wish:
    """Another value for every part that there is, but for a name that only says which image is meant."""
    old = field.parts
    new = ImageParts(
        REGISTRY if old.registry is not None and not named_by_key else old.registry,
        f"promoted/{old.repository}" if old.repository is not None and not named_by_key else old.repository,
        TAGS[number % len(TAGS)] if old.tag is not None else None,
        DIGESTS[number % len(DIGESTS)] if old.digest else None,
    )
    return _wish(field, new, new)


def tag_alone(field: ImageField, number: int) -> Wish | None:
    """Another tag, with its digest where the field is pinned; the name isn't given."""
    if field.parts.tag is None:
        return None
    digest = DIGESTS[number % len(DIGESTS)] if field.parts.digest else None
    parts = ImageParts(tag=TAGS[number % len(TAGS)], digest=digest)
    return _wish(field, parts, replace(field.parts, tag=parts.tag, digest=digest))


def unpinned(field: ImageField, number: int) -> Wish | None:
    """Another tag without the digest."""
    if field.parts.digest is None or field.parts.tag is None or field.form is Form.PART:
        return None
    parts = ImageParts(tag=TAGS[number % len(TAGS)])
    return _wish(field, parts, replace(field.parts, tag=parts.tag, digest=None), drop_digest=True)


def back(field: ImageField) -> ImageEdit:
    return ImageEdit(field.document, field.pointer, field.parts)
