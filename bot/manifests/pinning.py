"""Adding entries to `images` of a kustomization: what its base names, in so many words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.images import ImageRef
from bot.manifests import document
from bot.manifests.document import Mapping, Node, Scalar
from bot.manifests.find import find_images
from bot.manifests.scalars import spelled
from bot.manifests.source import decode, fault
from bot.manifests.walk import entries

_DASH = re.compile(r"(?:^|(?<=[\r\n]))(\ufeff?)([ ]*)-([ \t]+)")
_LINE_END = re.compile(r"\r\n|\n|\r")
_BY_HAND = "add the entry by hand"


def add_images(path: str, content: bytes, images: Sequence[ImageRef]) -> bytes:
    """The kustomization with an entry of `images` for each of these, as it is: at the end of the list, or in a new one.

    Raises ManifestError where the list isn't written line by line, or something else would change.
    """
    text = decode(path, content)
    edited = _with_entries(path, text, images)
    if len(document.parse(path, edited)) != 1:
        raise fault(path, 1, "there is no exact place for `images`", _BY_HAND)
    added = [image for field in find_images(path, edited.encode()) if (image := field.image) is not None]
    before = [field.image for field in find_images(path, content) if field.image is not None]
    if sorted(map(str, added)) != sorted(map(str, (*before, *images))) or not _is_text_with_more(text, edited):
        raise fault(path, 1, "adding the images would change more than that", _BY_HAND)
    return edited.encode()


def _with_entries(path: str, text: str, images: Sequence[ImageRef]) -> str:
    found = _LINE_END.search(text)
    end = found[0] if found else "\n"
    roots = document.parse(path, text)
    if len(roots) != 1 or not isinstance(roots[0], Mapping):
        raise fault(path, 1, "not one document with keys", _BY_HAND)
    listed = entries(roots[0]).get("images")
    if listed is None:
        rest = "" if text.endswith(("\n", "\r")) else end
        return f"{text}{rest}images:{end}{_lines(images, '  ', ' ', end)}"
    return _below(path, text, listed.value, images, end)


def _below(path: str, text: str, listed: Node, images: Sequence[ImageRef], end: str) -> str:
    """The entries below the last one of a list in block style, which ends where its last scalar does."""
    last = _last_scalar(listed)
    items = listed.items if isinstance(listed, document.Sequence) else ()
    lines = _LINE_END.split(text)
    first = items[0] if items else None
    dash = _DASH.match(lines[first.line - 1]) if isinstance(first, Mapping) else None
    if last is None or dash is None:
        raise fault(path, 1, "`images` isn't a list with its entries on lines of their own", _BY_HAND)
    following = _LINE_END.search(text, last.end)
    at, gap = (following.end(), "") if following else (len(text), end)
    return f"{text[:at]}{gap}{_lines(images, dash[2], dash[3], end)}{text[at:]}"


def _last_scalar(node: Node) -> Scalar | None:
    match node:
        case Scalar():
            return node
        case document.Sequence(items=[*_, last]):
            return _last_scalar(last)
        case Mapping(pairs=[*_, (_, last)]):
            return _last_scalar(last)
        case _:
            return None


def _lines(images: Sequence[ImageRef], indent: str, gap: str, end: str) -> str:
    """An entry in block style for each image."""
    lines: list[str] = []
    for image in images:
        said = [("name", image.name), ("newName", image.name), ("newTag", image.tag), ("digest", image.digest)]
        pairs = [f"{key}: {spelled(str(value), '')}" for key, value in said if value is not None]
        below = f"{indent} {' ' * len(gap)}"
        lines += [f"{indent}-{gap}{pairs[0]}", *(f"{below}{pair}" for pair in pairs[1:])]
    return "".join(f"{line}{end}" for line in lines)


def _is_text_with_more(text: str, edited: str) -> bool:
    """Whether nothing was done but to insert at one place."""
    more = len(edited) - len(text)
    at = next((index for index, (was, now) in enumerate(zip(text, edited, strict=False)) if was != now), len(text))
    return more > 0 and edited[:at] == text[:at] and edited[at + more :] == text[at:]
