"""What `check --online` asks a forge: whether the token can do what is needed, before anything is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bot.errors import ForgeError
from bot.repositories import Reviewers


@dataclass(frozen=True)
class Use:
    """What a project is needed for: to read it, or (`proposes`) to push branches and open merge requests as well.

    `into` are the branches that it proposes to, `merges` those into which promobot merges by itself; `by_rule`: a rule
    of the project's is what makes sure that enough approve.
    """

    project: str
    proposes: bool = False
    reviewers: Reviewers = field(default_factory=Reviewers)
    into: tuple[str, ...] = ()
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


def about_project(project: str) -> str:
    """How findings about what may be done in it begin."""
    return f"project {project}"


def about_status(project: str, branch: str) -> str:
    """How findings about promobot's own status there begin."""
    return f"promobot's status on {branch} of {project}"


def of_status(project: str, branch: str, *, required: bool | None, by: str, advice: str) -> Right:
    """Whether nothing is merged there before promobot's status is success; None: it isn't told."""
    found = {
        True: f"is required, by {by}",
        False: "is not required: what it says keeps nobody from merging",
        None: f"whether it is required isn't told: {by} would do that",
    }
    return Right(about_status(project, branch), True if required else None, found[required], "" if required else advice)


def looked_at(about: str, look: Callable[[], Iterable[Right]]) -> Iterator[Right]:
    """What a look finds; a failure is a finding."""
    try:
        yield from tuple(look())
    except ForgeError as error:
        yield Right(about, good=False, found=error.message, advice=error.hint)
