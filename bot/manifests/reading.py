"""From the texts of a field's scalars to what they say of an image; rewrite.py is the way back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from bot.images import Digest, ImageParts, ImageRef
from bot.manifests.fields import Part
from bot.manifests.site import BLOCK_STYLES, Slot

# The parts that make up a name, in its order: `registry: quay.io`, `repository: org`, `image: app`.
NAME_PARTS = (Part.REGISTRY, Part.REPOSITORY, Part.IMAGE)
_MARKS = {Part.TAG: ":", Part.DIGEST: "@", Part.SHA: "@sha256:"}

_TEMPLATE = re.compile(r"\{\{|\$\{|\$\(|\{%")
_STRING_TAG = "tag:yaml.org,2002:str"
# What stands under an image key without a tag and is none: `pullImage: true`, `image: logo.png`.
_NO_NAME = re.compile(r"[-+]?[0-9.]+|true|false|yes|no|on|off|null|~|.*\.(?:png|svg|jpe?g|gif|webp|ico)", re.IGNORECASE)


class Reading(NamedTuple):
    """What texts say, or why they can't be read; `counts` is false for what was never meant as an image."""

    parts: ImageParts
    refusal: str = ""
    counts: bool = True


NO_IMAGE = Reading(ImageParts(), counts=False)


def refused(reason: str, *, counts: bool = True) -> Reading:
    """A field that is there but can't be read."""
    return Reading(ImageParts(), reason, counts)


def has_version(text: str) -> bool:
    """Whether a reference carries a tag or digest of its own."""
    last = text.rpartition("/")[2]
    return "@" in text or ":" in last


def read_string(slot: Slot, *, bare: bool) -> Reading:
    """Read a whole reference. Without tag and digest it counts where it is `bare`, or has a path."""
    text = slot.text
    if reason := template(text):
        return refused(reason)
    if not has_version(text) and (("/" not in text and not bare) or _NO_NAME.fullmatch(text)):
        return NO_IMAGE
    return _parse(text)


def read_parts(slots: Mapping[Part, Slot], fixed: ImageParts) -> Reading:
    """Read the parts of a map, or one alone; `fixed` is what is known besides."""
    text = {part: slot.text for part, slot in slots.items()}
    names = [text[part] for part in NAME_PARTS if text.get(part)]
    if any(map(template, text.values())):
        versions = [f"{mark}{text[part]}" for part, mark in _MARKS.items() if text.get(part)]
        return refused(template("/".join(names) + "".join(versions)))
    if names and names == [text.get(Part.REGISTRY)]:
        return _with_version(ImageParts(registry=names[0]), text) if _is_host(names[0]) else _no_host(names[0])
    if not names:
        return _with_version(fixed, text)
    reading = _parse("/".join(names))
    if not reading.parts.repository:
        return reading
    if reading.parts.tag is None and reading.parts.digest is None:
        return _with_version(reading.parts, text)
    return reading if is_whole(text) else refused(_TWO_VERSIONS)


_TWO_VERSIONS = "the name holds a tag or digest of its own; move it to where the tag or the digest stands"


def is_whole(text: Mapping[Part, str]) -> bool:
    """Whether one scalar holds a whole reference and no other says anything, as in `newName: app:1.2`."""
    said = [part for part in text if text[part]]
    return len(said) == 1 and said[0] in (Part.REPOSITORY, Part.IMAGE) and has_version(text[said[0]])


def template(text: str) -> str:
    """Why a text that holds a template or variable can't be edited; empty for any other."""
    if _TEMPLATE.search(text):
        return f"{text[:120]!r} is a template; edit where its variables get their values"
    return ""


def uneditable(slot: Slot) -> str:
    """Why the way in which a scalar is written leaves no exact place for another value; empty if it does."""
    value = slot.value
    if value.tag and value.tag != _STRING_TAG:
        return f"the value carries the tag {value.tag}; remove the tag"
    if value.style in BLOCK_STYLES:
        return "a block scalar with line breaks in it; write it on one line" if "\n" in value.text else ""
    return "" if value.line == value.last_line else "written over several lines; write it on one line"


def _parse(text: str) -> Reading:
    try:
        return Reading(ImageParts.of(ImageRef.parse(text)))
    except ValueError as error:
        return refused(f"no image reference: {error}", counts=_almost(text))


def _almost(text: str) -> bool:
    """Whether somebody meant this as an image: capitals in the name, or a damaged digest."""
    name, _, digest = text.partition("@")
    try:
        ImageRef.parse(name.lower())
    except ValueError:
        return False
    return "/" not in digest  # as in git@host/repository


def _is_host(text: str) -> bool:
    try:
        ImageParts(registry=text)
    except ValueError:
        return False
    return True


def _no_host(text: str) -> Reading:
    return refused(f"{text[:80]!r} is no registry host, and no repository stands beside it", counts=_almost(text))


def _with_version(name: ImageParts, text: Mapping[Part, str]) -> Reading:
    tag, inline, digest = text.get(Part.TAG, "").partition("@")
    digests = [part for part in (digest, text.get(Part.DIGEST), text.get(Part.SHA)) if part]
    if len(digests) > 1 or (inline and not (tag and digest)):
        return refused("more than one place for the digest, or half of one; keep one of them")
    try:
        digest_ = _digest(digests[0]) if digests else name.digest
        return Reading(ImageParts(name.registry, name.repository, tag or name.tag, digest_))
    except ValueError as error:
        return refused(f"no image reference: {error}")


def _digest(text: str) -> Digest:
    """Read a digest with its algorithm or, as under `sha`, without."""
    return Digest(text if ":" in text else f"sha256:{text}")
