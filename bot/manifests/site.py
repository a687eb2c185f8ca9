"""An image field together with the scalars that spell it: what finders give and the editor needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from bot.images import ImageParts
from bot.manifests.document import Scalar
from bot.manifests.fields import ImageField, Part

# Literal and folded block scalars, which may end in line breaks.
BLOCK_STYLES = ("|", ">")


@dataclass(frozen=True)
class Slot:
    """A scalar value and its key; an empty value has no place of its own but after the key's colon.

    `before` and `after` are what the value's text carries around the part, such as `oci://`.
    """

    key: Scalar
    value: Scalar
    before: str = ""
    after: str = ""

    @property
    def whole(self) -> str:
        """The value as written, numbers too; empty for null."""
        if self.value.is_null:
            return ""
        return self.value.text.rstrip("\n") if self.value.style in BLOCK_STYLES else self.value.text

    @property
    def text(self) -> str:
        """What the value says of its part."""
        return self.whole.removeprefix(self.before).removesuffix(self.after)


@dataclass(frozen=True)
class Site:
    """An image field and its parts: IMAGE alone for a string, one or several of the others for a map.

    `fixed` is what is known of the image from elsewhere and can't be changed here; `no_room` says for a part that has
    no slot why none may be made.
    """

    field: ImageField
    slots: Mapping[Part, Slot]
    fixed: ImageParts = dataclasses.field(default_factory=ImageParts)
    no_room: Mapping[Part, str] = dataclasses.field(default_factory=dict)
