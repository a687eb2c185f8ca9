"""What an overlay is made from: the images that it inherits, and the files they stand in."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.decide.facts import Ask
from bot.errors import ManifestError
from bot.images import ImageRef
from bot.manifests import KUSTOMIZATIONS, ImageField, find_images, kustomization_bases
from bot.questions import Files
from bot.repositories import File, Rev

# Overlay, base, base of the base, its resources: who goes deeper is told what was looked at.
_LEVELS = 4
# So many of each level are looked at, and so many are told that aren't: one kustomization may list half a million.
_MOST = 1_000
_MOST_TOLD = 20


@dataclass(frozen=True)
class Inherited:
    """An image that a base names, and the file."""

    file: File
    field: ImageField
    image: ImageRef

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.file.path}:{self.field.line}"


@dataclass(frozen=True)
class Base:
    """What is below an overlay: images, those of the nearest files first, and the files that were read.

    `elsewhere` is what it is made from besides: other repositories, or more levels than are looked at.
    """

    images: tuple[Inherited, ...]
    read: tuple[str, ...]
    elsewhere: tuple[str, ...]


def read_base(ask: Ask, rev: Rev, path: str) -> Base:
    """Follow the kustomization in the folder of an overlay's file, a level in each round of questions."""
    folder = posixpath.dirname(path)
    level = _files(ask, rev, [posixpath.join(folder, name) for name in KUSTOMIZATIONS])
    seen = {file.path: file for file in level}
    elsewhere: list[str] = []
    images: list[Inherited] = []
    for _ in range(_LEVELS):
        wanted, outside = _below(level)
        elsewhere += [*outside, *wanted[_MOST:]]
        patterns = [
            name for ref in wanted[:_MOST] for name in (ref, *(posixpath.join(ref, each) for each in KUSTOMIZATIONS))
        ]
        level = [file for file in _files(ask, rev, patterns) if file.path not in seen and file.path != path]
        seen.update({file.path: file for file in level})
        images += [found for file in level for found in _images(file)]
    elsewhere += _below(level)[0]
    return Base(tuple(images), tuple(seen), _some_of(tuple(dict.fromkeys(elsewhere))))


def _some_of(references: tuple[str, ...]) -> tuple[str, ...]:
    more = len(references) - _MOST_TOLD
    return references if more <= 0 else (*references[:_MOST_TOLD], f"{more:,} more")


def is_kustomization(path: str) -> bool:
    """By its name, which is all that kustomize goes by."""
    return posixpath.basename(path) in KUSTOMIZATIONS


def _files(ask: Ask, rev: Rev, patterns: list[str]) -> list[File]:
    if not patterns:
        return []
    return list(ask.maybe(Files(rev, tuple(dict.fromkeys(patterns)))) or ())


def _below(level: Iterable[File]) -> tuple[list[str], list[str]]:
    """What these kustomizations are made from: paths of this repository, and what isn't in it."""
    inside: list[str] = []
    outside: list[str] = []
    for file in level:
        for reference in _references(file):
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), reference))
            joined = "" if joined == "." else joined  # the root has no name
            remote = "://" in reference or "*" in reference or joined.startswith("../")
            (outside if remote else inside).append(reference if remote else joined)
    return inside, outside


def _references(file: File) -> tuple[str, ...]:
    if not is_kustomization(file.path):
        return ()
    try:
        return kustomization_bases(file.path, file.content)
    except ManifestError:
        return ()  # it only informs; a manifest that is to be edited is refused elsewhere


def _images(file: File) -> Iterator[Inherited]:
    try:
        found = find_images(file.path, file.content)
    except ManifestError:
        return
    yield from (Inherited(file, field, field.image) for field in found if field.image is not None)
