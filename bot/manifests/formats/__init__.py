"""The kinds of document that may name images. Adding one: a module with these names, and a line in FORMATS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bot.manifests.document import Mapping
from bot.manifests.formats import helmrelease, values
from bot.manifests.site import Site


class Format(Protocol):
    """One kind of document; a module serves as one."""

    def recognises(self, path: str, root: Mapping, /) -> bool:
        """Whether a document of the file `path` is of this kind."""
        ...

    def sites(self, document: int, root: Mapping, /) -> Iterator[Site]:
        """The images of document number `document`, in document order."""
        ...


# The first that recognises a document has it.
FORMATS: tuple[Format, ...] = (helmrelease, values)
