"""What a key says about its value: `tag`, `controllerImage`, `sidecar_image_tag`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from bot.manifests.fields import Part

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# What the last word of `imageTag` or `docker_tag` stands for.
_JOINED = {
    "tag": Part.TAG,
    "registry": Part.REGISTRY,
    "repository": Part.REPOSITORY,
    "repo": Part.REPOSITORY,
    "digest": Part.DIGEST,
    "sha": Part.SHA,
}
_JOINED_TO_IMAGE = {**_JOINED, "version": Part.TAG, "name": Part.IMAGE}


class Meaning(NamedTuple):
    """A key's part of an image; keys of one mapping with the same `stem` speak of the same image."""

    stem: str
    part: Part


@lru_cache(maxsize=1 << 14)
def meaning(key: str) -> Meaning | None:
    """What `fooImage`, `imageTag`, `foo_image_version`, `DOCKER_TAG` say; None for any other key."""
    words = [word.lower() for word in _WORD.findall(key)]
    if not words:
        return None
    last, stem = words[-1], words[:-1]
    if last == "image":
        # A variable's name; what reads it may be anything, so it takes a rule to make it an image.
        return None if key.isupper() else Meaning("".join(words), Part.IMAGE)
    if stem and stem[-1] == "image":
        part = _JOINED_TO_IMAGE.get(last)
    elif stem and stem[-1] in ("docker", "container"):
        part = _JOINED.get(last)
    else:
        part = None
    return Meaning("".join(stem), part) if part else None


def is_image_key(key: str) -> bool:
    """Whether a map under this key is one image, or what several have in common (`images: {registry, tag}`)."""
    found = meaning(key.removesuffix("s"))
    return found is not None and found.part is Part.IMAGE and not key.lower().endswith("name")
