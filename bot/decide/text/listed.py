"""Lists that templates know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Listed(tuple[Any, ...]):
    """The first of several; `total` is how many there are."""

    total: int

    @classmethod
    def of(cls, items: Iterable[Any], most: int) -> Listed:
        """At most so many of the items."""
        every = tuple(items)
        listed = cls(every[:most])
        listed.total = len(every)
        return listed

    @property
    def more(self) -> int:
        """How many of them are left out."""
        return self.total - len(self)
