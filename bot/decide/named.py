"""An image that a merge request names, and whether it is in its registry."""

from __future__ import annotations

from dataclasses import dataclass

from bot.decide.facts import Ask, NotKnown
from bot.images import Digest, ImageRef
from bot.questions import Absent, Holds, Location, TagDigest


@dataclass(frozen=True)
class Named:
    """An image that must be in a registry; `proven` is what its tag has to lead to, where promobot promoted that."""

    registry: str
    image: ImageRef
    proven: Digest | None = None

    @property
    def question(self) -> Holds | TagDigest:
        location = Location(self.registry, self.image.repository)
        if self.image.digest is not None:
            return Holds(location, self.image.digest)
        return TagDigest(location, self.image.tag or "latest")

    def __str__(self) -> str:
        tag = f":{self.image.tag}" if self.image.tag else ""
        digest = f"@{self.image.digest.short}" if self.image.digest else ""
        return f"{self.image.repository}{tag}{digest}"


def presence(ask: Ask, named: Named) -> bool | str:
    """Whether it is there, or why that isn't known."""
    try:
        answer = ask(named.question)
    except NotKnown as refusal:
        return refusal.blocked.reason
    return not isinstance(answer, Absent)


def is_another(ask: Ask, named: Named) -> bool:
    """Whether its tag leads to other bits than what was promoted, as far as that is known."""
    if named.proven is None or named.image.digest is not None:
        return False
    return ask.perhaps(named.question) not in {None, named.proven}
