"""What `check --online` asks a forge: whether the token can do what is needed, before anything is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bot.errors import ForgeError
from bot.repositories import Reviewers


@dataclass(frozen=True)
class Use:
    """What a project is needed for: to read it, or (`proposes`) to push branches and open merge requests as well.

    `merges` are the branches into which promobot merges by itself; `by_rule`: a rule of the project's is what makes
    sure that enough approve.
    """

    project: str
    proposes: bool = False
    reviewers: Reviewers = field(default_factory=Reviewers)
    merges: tuple[str, ...] = ()
    by_rule: bool = False


@dataclass(frozen=True)
class Right:
    """Something that was looked at, and what was found; `good` is None where it can't be told without trying.

    `advice` is what to do, where there is something.
    """

    about: str
    good: bool | None
    found: str
    advice: str = ""


def looked_at(about: str, look: Callable[[], Iterable[Right]]) -> Iterator[Right]:
    """What a look finds; a failure is a finding."""
    try:
        yield from tuple(look())
    except ForgeError as error:
        yield Right(about, good=False, found=error.message, advice=error.hint)
