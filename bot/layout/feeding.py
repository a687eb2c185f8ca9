"""Which image a variable's value is the version of: the place that uses it, with the values of all others filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot.images import ImageRef, is_tag
from bot.layout.tree import Told
from bot.manifests import Part
from bot.manifests.variables import Setting, Use

Lookup: TypeAlias = Callable[[str], Setting | None]

# With what stands in for it where it isn't set: `:-1.0`, `:=1.0`.
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Za-z_][\w.-]*?)(?::?[-=]([^{}]*))?\}")
_NAME_PARTS = (Part.REGISTRY, Part.REPOSITORY, Part.IMAGE)
# Stands for a variable while a reference is taken apart: there may be colons and slashes in its braces.
_HOLE = "\0"


@dataclass(frozen=True)
class Fed:
    """What `setting` is the version of."""

    setting: Setting
    told: Told


@dataclass(frozen=True)
class Gap:
    """Why it can't be told what a setting in the file at `path` is the version of."""

    path: str
    reason: str


def feed(use: Use, lookup: Lookup) -> Fed | Gap | None:
    """What says the version of the image that `use` is; None where that is no variable, or one that nobody sets."""
    name, version = _taken_apart(use)
    found = _VARIABLE.fullmatch(version)
    setting = lookup(found[1]) if found else None
    if setting is None:
        return _in_part(use, version, lookup)
    where = f"{use.path}:{use.line}"
    holds: Literal["image", "tag"] = "tag" if name is not None else "image"
    try:
        image = _whole(setting.text) if name is None else _tagged(name, setting.text, lookup)
    except ValueError as error:
        return Gap(setting.path, f"{setting.variable} says what runs in {where}, but {error}")
    return Fed(setting, Told(setting.pointer, holds, image, where))


def _taken_apart(use: Use) -> tuple[str | None, str]:
    """An image's name and version, as they are written; a whole image in one variable has no name."""
    names = [use.texts[part] for part in _NAME_PARTS if use.texts.get(part)]
    name = "/".join(names) or (use.fixed.ref.name if use.fixed.ref else "")
    if use.texts.get(Part.TAG):
        return name, use.texts[Part.TAG]
    if names == [use.texts.get(Part.REGISTRY)]:
        return name, ""
    if _VARIABLE.fullmatch(name):
        return None, name
    return _split(name)


def _split(reference: str) -> tuple[str, str]:
    """A reference's name and tag; the tag is empty where there is none."""
    variables = iter([found[0] for found in _VARIABLE.finditer(reference)])
    head, slash, last = _VARIABLE.sub(_HOLE, reference).rpartition("/")
    last, _, tag = last.partition(":")
    name, tag = (re.sub(_HOLE, lambda _: next(variables), text) for text in (f"{head}{slash}{last}", tag))
    return name, tag


def _whole(text: str) -> ImageRef:
    """Raises ValueError for what is no image with a version."""
    image = ImageRef.parse(text)
    if image.tag is None and image.digest is None:
        raise ValueError(f"{text} has no tag")
    return image


def _tagged(name: str, tag: str, lookup: Lookup) -> ImageRef:
    """Raises ValueError where name or tag can't be told."""
    if not name:
        raise ValueError("the name of the image isn't said there")
    if not is_tag(tag):
        raise ValueError(f"{tag!r} is no tag")
    return ImageRef.parse(f"{_filled(name, lookup)}:{tag}")


def _filled(text: str, lookup: Lookup) -> str:
    def value(found: re.Match[str]) -> str:
        setting = lookup(found[1])
        if setting is None and found[2] is None:
            raise ValueError(f"nothing here sets {found[1]}, which is in the image's name")
        return setting.text if setting else str(found[2])

    return _VARIABLE.sub(value, text)


def _in_part(use: Use, version: str, lookup: Lookup) -> Gap | None:
    """A version that is made of more than one variable has no place of its own."""
    for found in _VARIABLE.finditer(version):
        setting = lookup(found[1])
        if setting is not None:
            return Gap(setting.path, f"{setting.variable} is a part of the tag in {use.path}:{use.line}, not all of it")
    return None
