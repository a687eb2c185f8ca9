"""Clients that do not really sleep, and what the reading of a digest ends in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from bot.errors import RegistryError
from bot.network.pace import Pace
from bot.registry.access import RegistryAccess
from bot.registry.client import RegistryClient
from bot.registry.http.transport import Transport


@dataclass
class Sleeps:
    """Stands for time.sleep and keeps what was asked of it."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class Clock:
    """A clock that only goes on when somebody sleeps by it."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, concurrency: int = 16) -> Pace:
        return Pace(concurrency, clock=self, sleep=self.sleep)


@contextmanager
def client_of(
    access: RegistryAccess, sleeps: Sleeps | None = None, *, timeout: float = 5.0, pace: Pace | None = None
) -> Iterator[RegistryClient]:
    with closing(RegistryClient(access, timeout=timeout, sleep=sleeps or Sleeps(), pace=pace)) as client:
        yield client


@contextmanager
def transport_of(
    access: RegistryAccess, sleeps: Sleeps | None = None, *, timeout: float = 5.0, pace: Pace | None = None
) -> Iterator[Transport]:
    with closing(Transport(access, timeout=timeout, sleep=sleeps or Sleeps(), pace=pace)) as transport:
        yield transport


def failure(access: RegistryAccess, repository: str = "app", *, timeout: float = 5.0) -> str:
    """The text of the error that reading a digest ends in."""
    with client_of(access, timeout=timeout) as client, pytest.raises(RegistryError) as caught:
        client.digest(repository, "v1")
    assert f"registry {access.name}: {access.endpoint}" in caught.value.message
    assert access.name in caught.value.message
    assert caught.value.hint
    return str(caught.value)
