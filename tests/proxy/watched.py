"""Requests as they come: counted, and broken where a fault is meant for them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.demo.registries import RunningRegistry
from bot.registry.access import RegistryAccess
from tests.proxy.faults import Fault, Kind


@dataclass(frozen=True)
class Seen:
    """A request that reached the proxy."""

    method: str
    path: str
    headers: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


# Looks at every request that no injected fault was meant for, and may break it.
Gate: TypeAlias = Callable[[Seen], Kind | None]


@dataclass
class Watched:
    """A server's requests, and which of them to break. `seen` has every one in the order of arrival."""

    faults: list[Fault] = field(default_factory=list, init=False)
    seen: list[Seen] = field(default_factory=list, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    released: threading.Event = field(default_factory=threading.Event, init=False)

    def inject(self, *faults: Fault) -> None:
        """Break requests to come, each by the first fault that matches and has times left."""
        with self.lock:
            self.faults.extend(faults)

    def heal(self) -> None:
        """Break nothing from now on, and end what is held in silence."""
        with self.lock:
            self.faults.clear()
        self.release()

    def release(self) -> None:
        """End every silence that goes on, and every dripping."""
        with self.lock:
            held, self.released = self.released, threading.Event()
        held.set()

    def count(self, match: str = "") -> int:
        """How many requests came whose `METHOD /path?query` the regular expression finds."""
        with self.lock:
            return sum(1 for request in self.seen if re.search(match, str(request)))

    def take(self, request: Seen) -> Kind | None:
        """Note a request, and use up one time of the fault that is meant for it."""
        with self.lock:
            self.seen.append(request)
            for index, fault in enumerate(self.faults):
                if not fault.times or not re.search(fault.match, str(request)):
                    continue
                if not fault.skip:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                    return fault.kind
                self.faults[index] = replace(fault, skip=fault.skip - 1)
        return None


@dataclass
class FaultProxy(Watched):
    """A running proxy. `gate` may be called at each request."""

    upstream: RunningRegistry
    host: str
    gate: Gate

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def access(self, name: str) -> RegistryAccess:
        """The registry behind, by way of the proxy."""
        return replace(self.upstream.access(name), host=self.host, endpoint=self.host, plain_http=True, ca_file=None)
