from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.forges.access import ForgeAccess
from bot.forges.github import GitHubForge
from bot.repositories import RequestDraft, Reviewers
from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.github.state import Pull
from tests.doubles.repository import Repository
from tests.doubles.server import Running
from tests.registry.clients import Clock

PROJECT = "acme/gitops-prod"
# The bot's login is not what promobot calls itself.
LOGIN = "acme-robot"
PULLS = "POST /repos/:owner/:repo/pulls"
GRAPHQL = "POST /graphql repository"


@dataclass
class World:
    """A forge over the double; people work in the repository itself."""

    hub: GitHub
    running: Running
    token: str
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.forge = self.by(self.token)

    def by(self, token: str, **settings: Any) -> GitHubForge:
        """A forge that uses another token."""
        access = ForgeAccess("hub", self.running.url, token, "GITHUB_TOKEN", self.running.ca_file, timeout=10.0)
        return GitHubForge(access, sleep=self.clock.sleep, pace=self.clock.pace(), **settings)

    @property
    def repository(self) -> Repository:
        return self.hub.projects[PROJECT].repository

    @property
    def pulls(self) -> dict[int, Pull]:
        return self.hub.pulls(PROJECT)

    def push(self, branch: str = "x", content: bytes = b"2\n", path: str = "a") -> str:
        return self.repository.commit(branch, {path: content})

    def open(self, branch: str = "x", **changes: Any) -> int:
        self.push(branch)
        return self.forge.open(PROJECT, draft(branch, **changes)).request.number


def draft(source: str = "x", target: str = "main", **changes: Any) -> RequestDraft:
    told = {
        "title": "Promote web",
        "body": "why",
        "reviewers": Reviewers(("sre",), ("ann",)),
        "labels": ("promobot", "to-prod"),
    }
    return RequestDraft(source, target, **{**told, **changes})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    hub = GitHub(tmp_path / "repositories", latency=0)
    hub.team("acme", "sre", "ann", "bob")
    hub.project(
        PROJECT,
        {"a": b"1\n", "b": b"1\n"},
        roles={LOGIN: Role.WRITE, "pat": Role.ADMIN},
        teams={"sre": Role.WRITE},
    )
    with serve_github(hub) as running:
        made = World(hub, running, hub.classic(LOGIN, "repo", "read:org"))
        yield made
        made.forge.close_connections()
