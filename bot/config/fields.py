"""Images in places where promobot would not look by itself."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bot.config.base import Model, Pointer
from bot.images import ImageParts, ImageRef
from bot.manifests import FieldRule, Part

# The service as it stands in the names of variables.
_SERVICE, _VARIABLE = "{service}", "{SERVICE}"


def fill(text: str, service: str) -> str:
    """The text for one service: `{service}` is its name, `{SERVICE}` the same as variables have it (`a-b`: A_B)."""
    variable = re.sub(r"[^A-Z0-9]", "_", service.upper())
    return text.replace(_SERVICE, service).replace(_VARIABLE, variable)


class FieldConfig(Model):
    """A scalar that says an image, or a part of one, where promobot would not look by itself."""

    path: str | None = Field(
        default=None, description="Which of `paths` it is in; may be left out where there is only one."
    )
    pointer: Pointer = Field(
        description="JSON pointer of the scalar (RFC 6901), such as `/spec/postBuild/substitute/{SERVICE}_IMAGE_TAG`; "
        "`{service}` is the service's name, `{SERVICE}` the same in capitals and underscores."
    )
    holds: Literal["image", "tag"] = Field(description="What the scalar says: a whole image, or the tag of `image`.")
    image: str | None = Field(
        default=None,
        description="The image that the scalar is the tag of, `[host/]path` with `{service}`; not with `holds: image`.",
    )

    @field_validator("image")
    @classmethod
    def _is_name(cls, image: str | None) -> str | None:
        if image is None:
            return None
        name = ImageRef.parse(fill(image, "x"))
        if name.tag or name.digest:
            raise ValueError(f"{image}: leave tag and digest out")
        return image

    @model_validator(mode="after")
    def _says_which_image(self) -> FieldConfig:
        if (self.image is None) != (self.holds == "image"):
            wrong = "needs `image`, the image that it is the tag of" if self.image is None else "says it by itself"
            raise ValueError(f"`holds: {self.holds}` {wrong}")
        return self

    def rule(self, service: str) -> FieldRule:
        """What this says of one service's manifest. Raises ValueError where the service's name makes no image."""
        image = ImageParts.of(ImageRef.parse(fill(self.image, service))) if self.image else None
        return FieldRule(fill(self.pointer, service), Part(self.holds), image)
