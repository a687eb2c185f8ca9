"""What becomes of tags on their way from one environment to the next, as far as the tags of both tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.images import ImageRef
from bot.layout.tree import Served

_VERSION = re.compile(r"(?P<v>v?)\d+\.\d+\.\d+(?P<pre>-[0-9A-Za-z.-]+)?")


def template(source: Iterable[Served], target: Iterable[Served]) -> str:
    """The template that cuts pre-releases, where the source has some and the target none; else nothing."""
    before, after = (list(_versions(served)) for served in (source, target))
    if not after or any(one["pre"] for one in after) or not any(one["pre"] for one in before):
        return ""
    prefixes = {one["v"] for one in after}
    return f"{'v' if prefixes == {'v'} else ''}{{major}}.{{minor}}.{{patch}}"


def _versions(served: Iterable[Served]) -> Iterator[re.Match[str]]:
    """The versions of the images that a manifest's service is named like, or of its only image."""
    for one in served:
        for image in _own(one):
            found = _VERSION.fullmatch(image.tag or "")
            if found:
                yield found


def _own(one: Served) -> list[ImageRef]:
    images = list(one.images)
    named = [image for image in images if one.service in image.repository]
    return named or (images if len(images) == 1 else [])
