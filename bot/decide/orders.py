"""What somebody says by name for one promotion, against what promobot would decide by itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from bot.images import ImageParts


@dataclass(frozen=True)
class Orders:
    """`image` is promoted in place of what the source runs; what its source never ran needs `unproven`, the reason why.

    `drop` lets an older image, or one without what the target's has, take its place; `mixed` lets images go that the
    source runs in different versions.
    """

    image: ImageParts | None = None
    unproven: str = ""
    drop: bool = False
    mixed: bool = False

    def command(self, service: str, target: str, *more: str) -> str:
        """What to type to promote a service by the same orders and these."""
        words = ["promobot", "promote", service, "--to", target]
        words += ["--image", str(self.image)] if self.image else []
        words += ["--unproven", self.unproven] if self.unproven else []
        words += ["--allow-downgrade"] if self.drop else []
        words += ["--allow-mixed"] if self.mixed else []
        return f"`{shlex.join([*words, *more])}`"
