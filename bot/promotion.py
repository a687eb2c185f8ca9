"""What is promoted: images on their way from one environment to the next. Values only, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bot.errors import ExitCode
from bot.images import Digest, ImageRef
from bot.questions import Location
from bot.repositories import Rev


@dataclass(frozen=True)
class FromEnvironment:
    """The image is what an environment runs, named in `path`; `commit` is the one that last changed that manifest."""

    environment: str
    commit: str
    image: ImageRef
    path: str


@dataclass(frozen=True)
class Given:
    """The image was named by somebody, for the target of an environment that ran it at `commit`, as `image` in `path`.

    `runs`: it runs it now. `unproven` is the reason that was given for one that the environment never ran; then
    `commit` is empty.
    """

    environment: str
    commit: str
    image: ImageRef
    path: str
    unproven: str = ""
    runs: bool = False


Origin: TypeAlias = FromEnvironment | Given


class Proof(Enum):
    """How the digest of the source image is known."""

    MANIFEST = "named by the manifest"
    RECORD = "recorded when it was promoted there"
    HISTORY = "named by its manifest before"
    NOTHING = "it never ran there"
    REGISTRY = "resolved from the registry once, when it was proposed"


@dataclass(frozen=True)
class Move:
    """One image of one service on its way: from where, by which digest, and what the target's manifest will say.

    `allowed` is what somebody let pass by name, in the words of the commit's trailer; `refusal` says why the place
    can't be edited by itself, such as an alias, which follows its anchor.
    """

    service: str
    path: str
    pointer: str
    line: int
    origin: Origin
    source: Location
    digest: Digest
    proof: Proof
    destination: Location
    tag: str
    before: ImageRef
    after: ImageRef
    allowed: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True)
class Companion:
    """A scalar that is carried with the images: its text in the target's manifest now, and in the source's.

    `origin` and `origin_pointer` are the source's file and place; `plain`: it is written without quotes there.
    """

    path: str
    pointer: str
    before: str
    after: str
    plain: bool
    origin: str
    origin_pointer: str


@dataclass(frozen=True)
class Unit:
    """What one merge request promotes: a service, or several that go together.

    `chosen` are those that do so because a command said so, whether they can go by now or not.
    """

    name: str
    services: tuple[str, ...]
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Promotion:
    """One unit into one environment. `fingerprints` name its edits, by digests alone: no clock, no prose.

    `created` are the target's manifests that are made from the source's. `warnings` are sentences without a full stop:
    what doesn't forbid the promotion, but should be known before it is approved.
    """

    unit: Unit
    target: str
    moves: tuple[Move, ...]
    fingerprints: tuple[str, ...]
    companions: tuple[Companion, ...] = ()
    created: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """`target/unit`, which names a promotion in branches, trailers and bodies."""
        return f"{self.target}/{self.unit.name}"


@dataclass(frozen=True)
class Deployed:
    """An image that an environment's manifest names, and where; `problem` says why it can't be read or edited.

    `image` is None where it can't be read. `ours`: it comes from the environment's registry, so promobot moves it.
    `code` is of the kind of failure where nothing could be read of a whole file or environment. `present` is whether
    its tag is in the environment's registry, `drift` whether that leads to another digest than the manifest names; None
    where that wasn't asked or could not be found out.
    """

    environment: str
    service: str
    rev: Rev
    path: str
    line: int
    pointer: str
    image: ImageRef | None
    ours: bool
    problem: str = ""
    code: ExitCode = ExitCode.DONE
    present: bool | None = None
    drift: bool | None = None
