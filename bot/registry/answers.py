"""What comes of one HTTP request: an answer, or the step at which there was none."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from bot.registry.addresses import Origin
from bot.registry.retry import may_pass

_CUT = (ConnectionError, http.client.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Step(Enum):
    """How far a request came."""

    CONNECT = "connect"
    HANDSHAKE = "handshake"
    SEND = "send"
    ANSWER = "answer"


class NoAnswerError(Exception):
    """A request that got no answer: whom was asked, at which step it failed, and what Python says about it.

    `reused` is whether it went by a connection that had been kept.
    """

    def __init__(self, origin: Origin, step: Step, cause: Exception, *, reused: bool = False) -> None:
        super().__init__(f"{origin}: {step.value}: {type(cause).__name__}")
        self.origin = origin
        self.step = step
        self.cause = cause
        self.reused = reused

    @property
    def cut(self) -> bool:
        """Whether the connection ended early, which may not happen again."""
        return self.step is not Step.CONNECT and isinstance(self.cause, _CUT)

    @property
    def stale(self) -> bool:
        """Whether a kept connection turned out to be closed while the request was being written.

        The other end has not got the whole request then, and so has not acted on it. Where all of it was written and
        no answer came, that is not known: it may have been closed before, or after the work was done.
        """
        return self.reused and self.step is Step.SEND and self.cut


class RefusedError(Exception):
    """An answer, or a place to ask, that is not accepted; `str()` says why."""


class Headers(Mapping[str, str]):
    """An answer's headers by name, whatever its case; values of a name that comes several times are joined."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Response:
    """An answer, read to its end; of a refusal (status 400 and more) the beginning. `origin` is who gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    origin: Origin

    @property
    def media_type(self) -> str:
        """What the answer says that it is, without parameters; empty where it does not."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return may_pass(self.status)
