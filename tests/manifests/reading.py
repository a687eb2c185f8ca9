"""How the tests write places and edits: `0:/spec/values/image`."""

from __future__ import annotations

from bot.images import Digest, ImageParts
from bot.manifests import ImageEdit, ImageField

OLD = Digest("sha256:" + "a1" * 32)
NEW = Digest("sha256:" + "b2" * 32)


def edit(place: str, image: str) -> ImageEdit:
    """The edit of the field at `place`; the image as on the command line, options behind it."""
    document, _, pointer = place.partition(":")
    text, *options = image.split()
    drop, add = "--drop-digest" in options, "--add-digest" in options
    return ImageEdit(int(document), pointer, ImageParts.parse(text), drop_digest=drop, add_digest=add)


def line_of(field: ImageField) -> str:
    """A field as one line for comparing."""
    line = f"{field.document}:{field.pointer}  line {field.line}  {field.form.value}  {str(field.parts) or '-'}"
    return f"{line}  ! {field.refusal}" if field.refusal else line
