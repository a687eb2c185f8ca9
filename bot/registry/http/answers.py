"""What comes of one HTTP request: an answer, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from urllib3 import exceptions

from bot.network.failures import Trouble, trouble_of
from bot.network.retry import may_pass
from bot.registry.addresses import Origin


class NoAnswerError(Exception):
    """A request that got no answer: whom was asked, and what the HTTP library says about it."""

    def __init__(self, origin: Origin, cause: exceptions.HTTPError) -> None:
        super().__init__(f"{origin}: {type(cause).__name__}")
        self.origin = origin
        self.cause = cause

    @property
    def trouble(self) -> Trouble:
        """What is behind it."""
        return trouble_of(self.cause)

    @property
    def cut(self) -> bool:
        """Whether the connection ended early, which may not happen again."""
        return self.trouble is Trouble.CUT


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
