"""What somebody says by name for one promotion, against what promobot would decide by itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from bot.images import ImageParts
from bot.promotion import Unit


@dataclass(frozen=True)
class Orders:
    """`image` is promoted in place of what the source runs; what its source never ran needs `unproven`, the reason why.

    `chosen` are the services that the one is named together with, as the unit `together`.
    `drop` lets an older image, or one without what the target's has, take its place; `mixed` lets images go that the
    source runs in different versions.
    """

    image: ImageParts | None = None
    unproven: str = ""
    drop: bool = False
    mixed: bool = False
    chosen: tuple[str, ...] = ()
    together: str = ""

    def beside(self, unit: Unit) -> Orders:
        """The same for a service that goes with others because somebody named them together."""
        return replace(self, chosen=unit.chosen, together=unit.name) if len(unit.chosen) > 1 else self

    def command(self, service: str, target: str, *more: str) -> str:
        """What to type to promote a service, and what it was named with, by the same orders and these."""
        words = ["promobot", "promote", *(self.chosen or (service,)), "--to", target]
        words += ["--together", self.together] if self.together else []
        words += ["--image", str(self.image)] if self.image else []
        words += ["--unproven", self.unproven] if self.unproven else []
        words += ["--allow-downgrade"] if self.drop else []
        words += ["--allow-mixed"] if self.mixed else []
        return f"`{shlex.join([*words, *more])}`"
