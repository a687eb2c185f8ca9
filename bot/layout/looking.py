"""From the files of a repository to what tells its layout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.errors import ManifestError
from bot.layout import words
from bot.layout.feeding import Fed, Gap
from bot.layout.flux import fed_by_flux
from bot.layout.helmfile import fed_by_helmfile
from bot.layout.names import clusters_told, environments_told
from bot.layout.tree import Seen, Told, Tree
from bot.manifests import ImageField, find_images


def look(files: Mapping[str, bytes]) -> Tree:
    """The manifests among a repository's files and their images; one that can't be read is one that says nothing."""
    fed: defaultdict[tuple[str, str], list[Fed]] = defaultdict(list)
    gaps: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for found in (*fed_by_flux(files), *fed_by_helmfile(files)):
        match found:
            case Gap(path, reason):
                gaps[path][reason] = None
            case Fed():
                fed[found.setting.path, found.told.pointer].append(found)
    told: defaultdict[str, list[Told]] = defaultdict(list)
    for (path, _), same in fed.items():
        if reason := _ambiguous(same):
            gaps[path][reason] = None
        else:
            told[path].append(same[0].told)
    seen = (_seen(path, content, told[path], gaps[path]) for path, content in files.items())
    return Tree(tuple(seen), environments_told(files), clusters_told(files))


def _ambiguous(fed: Sequence[Fed]) -> str:
    """Why one pointer can't be the version of what it is; empty if it can."""
    images = {one.told.image.name: one.told.where for one in fed}
    if len(images) == 1:
        return ""
    said = ", ".join(f"{name} ({where})" for name, where in images.items())
    return f"{fed[0].setting.variable} is the version of {said}: an entry of `fields` can name one image only"


def _seen(path: str, content: bytes, told: Iterable[Told], gaps: Mapping[str, None]) -> Seen:
    try:
        found = find_images(path, content)
    except ManifestError:
        return Seen(path)
    # What is found with its name takes no rule.
    named = {field.pointer for field in found if field.image}
    ruled = tuple(one for one in told if one.pointer not in named)
    pointers = {one.pointer for one in ruled}
    images = tuple(field.image for field in found if field.image and field.pointer not in pointers)
    parts = sum(_is_version(field) for field in found if field.pointer not in pointers)
    return Seen(path, (*images, *(one.image for one in ruled)), parts, ruled, tuple(gaps), _several(found))


def _is_version(field: ImageField) -> bool:
    return field.image is None and bool(field.parts.tag or field.parts.digest)


def _several(found: tuple[ImageField, ...]) -> tuple[str, ...]:
    """The environments by whose names images stand beside each other in one file."""
    tokens = {token for field in found for token in field.pointer.split("/") if words.is_environment(token)}
    return tuple(sorted(tokens)) if len({words.rank(token) for token in tokens}) > 1 else ()
