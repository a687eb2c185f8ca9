"""Webhooks that doubles send: what changed since the last look, to an address on loopback, as well as that goes."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

import urllib3

from tests.doubles.http import Request, Response
from tests.doubles.repository import ABSENT
from tests.doubles.server import App, Pass

_MOST, _PATIENCE = 100, 2.0


@dataclass(frozen=True)
class Standing:
    """What of a merge request is told when it changes; `state` is `open`, `closed` or `merged`."""

    state: str
    head: str
    words: tuple[str, str]


@dataclass(frozen=True)
class Look:
    """A project at a moment: branches by their commits, merge requests by number."""

    heads: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[int, Standing] = field(default_factory=dict)


@dataclass(frozen=True)
class Moved:
    """A branch that was pushed; zeros stand for none."""

    branch: str
    before: str
    after: str


@dataclass(frozen=True)
class Changed:
    """A merge request that was `opened`, `pushed`, `edited`, `closed`, `merged` or `reopened`."""

    number: int
    how: str


Change: TypeAlias = Moved | Changed


def changes(before: Look, after: Look) -> Iterator[Change]:
    """What happened between two looks, branches first."""
    for branch in sorted({*before.heads, *after.heads}):
        old, new = before.heads.get(branch, ABSENT), after.heads.get(branch, ABSENT)
        if old != new:
            yield Moved(branch, old, new)
    for number, now in after.requests.items():
        how = _how(before.requests.get(number), now)
        if how:
            yield Changed(number, how)


def _how(before: Standing | None, now: Standing) -> str:
    if before is None:
        return "opened"
    if before.state != now.state:
        return {"open": "reopened"}.get(now.state, now.state)
    if before.head != now.head:
        return "pushed"
    return "edited" if before.words != now.words else ""


class Telling(Protocol):
    """A forge that has something to tell. `base` is where it is."""

    def looks(self) -> Mapping[str, Look]:
        """Every project now."""
        ...

    def message(self, base: str, project: str, change: Change) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The headers and the body of a webhook."""
        ...

    def signature(self, body: bytes, secret: str) -> Mapping[str, str]:
        """The headers that show that it knows the secret."""
        ...


@dataclass
class WithHooks:
    """The App, which tells `url` after each request what has changed."""

    app: App
    telling: Telling
    url: str
    secret: str

    def __post_init__(self) -> None:
        assert urlsplit(self.url).hostname == "127.0.0.1", "webhooks stay on this machine"
        self._known = dict(self.telling.looks())
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[dict[str, str], bytes] | None] = queue.Queue(_MOST)

    def route(self, request: Request) -> str:
        return self.app.route(request)

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        return self.app.admit(project, request, write=write)

    def pushed(self, project: str) -> None:
        self.app.pushed(project)
        self.look("")

    def answer(self, request: Request) -> Response:
        response = self.app.answer(request)
        self.look(request.base)
        return response

    def look(self, base: str) -> None:
        """Tell what has changed; what is too much at a time is lost, as forges lose it."""
        with self._lock:
            now = dict(self.telling.looks())
            found = [(p, c) for p, look in now.items() for c in changes(self._known.get(p, Look()), look)]
            self._known = now
        for project, change in found:
            headers, said = self.telling.message(base, project, change)
            body = json.dumps(said).encode()
            told = {"Content-Type": "application/json", **headers, **self.telling.signature(body, self.secret)}
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait((told, body))

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send them for as long as the context lasts, one after the other; at its end what is left is sent."""
        sender = threading.Thread(target=self._send, daemon=True)
        sender.start()
        try:
            yield
        finally:
            self._waiting.put(None)
            sender.join(_MOST * _PATIENCE)

    def _send(self) -> None:
        with urllib3.PoolManager(retries=False, timeout=_PATIENCE) as pool:
            while (message := self._waiting.get()) is not None:
                with contextlib.suppress(urllib3.exceptions.HTTPError):
                    pool.request("POST", self.url, headers=message[0], body=message[1])
