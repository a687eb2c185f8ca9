"""In which ways a request can be broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Delay:
    """Pass the request on after this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """Answer it here; the registry never sees it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class CutBefore:
    """Close the connection; the registry never sees the request."""


@dataclass(frozen=True)
class CutAfter:
    """Pass the request on, and close the connection instead of passing the answer back."""


@dataclass(frozen=True)
class AnswerAfter:
    """Pass the request on, and answer this instead of what comes back, as a gateway does that lost patience."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class CutDuring:
    """Pass on half of the request's body, then close both connections; one without a body is cut before."""


@dataclass(frozen=True)
class CutMidway:
    """Pass on the answer's head and half of its body, then close the connection."""


@dataclass(frozen=True)
class Silence:
    """Say nothing for this many seconds or until the proxy's `release`, then close the connection.

    The registry sees the request only if it is `passed` on.
    """

    seconds: float = 600.0
    passed: bool = False


@dataclass(frozen=True)
class Pause:
    """Stop in the middle of the request's body, or if it has none of the answer's, until the `release`."""


@dataclass(frozen=True)
class Without:
    """Pass on the answer without this header."""

    header: str


@dataclass(frozen=True)
class WrongDigest:
    """Pass on the answer under the digest of something else."""


@dataclass(frozen=True)
class Replaced:
    """Pass on the answer with another body of the same length."""


@dataclass(frozen=True)
class Short:
    """Pass on the first half of the answer's body as if it were all."""


@dataclass(frozen=True)
class Corrupted:
    """Pass on the answer with one byte in the middle of its body changed."""


@dataclass(frozen=True)
class Drip:
    """Pass on the answer's body byte by byte, with this many seconds between two of them, until the `release`."""

    seconds: float


Kind: TypeAlias = (
    Delay
    | Answer
    | AnswerAfter
    | CutBefore
    | CutAfter
    | CutDuring
    | CutMidway
    | Silence
    | Pause
    | Without
    | WrongDigest
    | Replaced
    | Short
    | Corrupted
    | Drip
)

ALWAYS = 1_000_000_000


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests whose `METHOD /path?query` the regular expression `match` finds.

    The first `skip` of them are left alone.
    """

    match: str
    kind: Kind
    times: int = 1
    skip: int = 0
