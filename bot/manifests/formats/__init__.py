"""Kinds of object that name images in their own way, beside what shapes.py finds in every document.

Adding one: a module with these names, and a line in FORMATS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bot.manifests.formats import argocd, helmrelease, kustomize, ocirepository
from bot.manifests.site import Site
from bot.manifests.walk import Entries, Place


class Format(Protocol):
    """One kind of object; a module serves as one."""

    def recognises(self, path: str, found: Entries, /) -> bool:
        """Whether an object in the file `path`, by its entries, is of this kind."""
        ...

    def sites(self, place: Place, found: Entries, /) -> Iterator[Site]:
        """The images of document `number` that only this kind has, in no certain order."""
        ...


FORMATS: tuple[Format, ...] = (argocd, helmrelease, kustomize, ocirepository)
