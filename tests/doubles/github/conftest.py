from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.server import Running

PROJECT = "acme/gitops-prod"
REPO = f"/repos/{PROJECT}"


@dataclass
class Clock:
    """Time that passes when it is told to."""

    time: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class Said:
    """An answer: `body` is its JSON, None where there is none."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def refusal(self) -> tuple[int, str, list[Any]]:
        return self.status, self.body["message"], self.body.get("errors", [])


@dataclass
class Client:
    """Asks the double with a token."""

    running: Running
    token: str

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                method, f"{self.running.url}/api{path}", body=content, headers=sent, retries=False, timeout=10.0
            )
            data = answer.data
        return Said(answer.status, json.loads(data) if data else None, dict(answer.headers))

    def rest(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        return self(method, f"/v3{path}", body, **headers)

    def graphql(self, query: str, **variables: object) -> Any:
        return self("POST", "/graphql", {"query": query, "variables": variables}).body


@dataclass
class World:
    """The double with one repository, a bot that works there, and Ann and Bob who may approve."""

    hub: GitHub
    running: Running
    bot: Client
    clock: Clock

    @property
    def repository(self) -> Any:
        return self.hub.projects[PROJECT].repository

    def client(self, token: str) -> Client:
        return Client(self.running, token)

    def branch(self, name: str = "x", content: bytes = b"2\n") -> str:
        commit: str = self.repository.commit(name, {"a": content})
        return commit

    def open(self, name: str = "x", **more: object) -> dict[str, Any]:
        self.branch(name)
        said = self.bot.rest("POST", f"{REPO}/pulls", {"title": "t", "head": name, "base": "main", **more})
        assert said.status == 201, said.body
        opened: dict[str, Any] = said.body
        return opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = Clock()
    hub = GitHub(tmp_path / "repositories", now=clock)
    hub.team("acme", "sre", "ann", "bob")
    roles = {"bot": Role.WRITE, "pat": Role.ADMIN, "rea": Role.READ}
    hub.project(PROJECT, {"a": b"1\n", "b": b"1\n"}, roles=roles, teams={"sre": Role.WRITE})
    with serve_github(hub) as running:
        yield World(hub, running, Client(running, hub.classic("bot", "repo", "read:org")), clock)
