"""An image field together with the scalars that spell it: what finders give and the editor needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.manifests.document import Scalar
from bot.manifests.fields import ImageField, Part

# Literal and folded block scalars, which may end in line breaks.
BLOCK_STYLES = ("|", ">")


@dataclass(frozen=True)
class Slot:
    """A scalar value and its key; an empty value has no place of its own but after the key's colon."""

    key: Scalar
    value: Scalar

    @property
    def text(self) -> str:
        """The value as written, numbers too; empty for null."""
        if self.value.is_null:
            return ""
        return self.value.text.rstrip("\n") if self.value.style in BLOCK_STYLES else self.value.text


@dataclass(frozen=True)
class Site:
    """An image field and its parts: IMAGE alone for a string, the others for a map."""

    field: ImageField
    slots: Mapping[Part, Slot]
