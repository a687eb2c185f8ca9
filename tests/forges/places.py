"""Forges with one project each, and people who work in it: what the tests of every forge stand on.

A place has the forge as promobot has it, and does what people do by the place's own means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.forges import Forge
from bot.forges.access import ForgeAccess
from bot.forges.github import GitHubForge
from bot.forges.gitlab import GitLabForge
from bot.forges.local import LocalForge, create_project
from bot.git import Identity
from bot.network.pace import Pace
from bot.repositories import RequestDraft, Reviewers
from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.gitlab import DEVELOPER, GitLab, Patience
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.repository import Repository
from tests.doubles.server import Running
from tests.registry.clients import Sleeps

PAT = Identity("Pat", "pat@example.com")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FILES = MappingProxyType({"a": b"1\n", "b": b"1\n"})


class Place(ABC):
    """A forge with the project `project`, where Ann and Bob may do everything."""

    project: str
    forge: Forge
    repository: Repository
    # Whether a merge request ends with its source branch.
    closes_with_branch = False

    def push(self, branch: str, content: str, *, path: str = "a") -> str:
        """Pat's next commit on a branch, which begins at `main`."""
        return self.repository.commit(branch, {path: f"{content}\n".encode()}, content)

    def head(self, branch: str) -> str | None:
        return self.repository.head(branch)

    def draft(
        self, source: str = "x", title: str = "Promote web", body: str = "why", target: str = "main"
    ) -> RequestDraft:
        return RequestDraft(source, target, title, body, reviewers=Reviewers(users=("ann", "bob")), labels=("prod",))

    def open(self, source: str = "x", title: str = "Promote web") -> int:
        return self.forge.open(self.project, self.draft(source, title)).request.number

    @abstractmethod
    def closed_by_ann(self, number: int) -> None:
        """Ann says no."""

    @abstractmethod
    def merged_by_ann(self, number: int) -> None:
        """Ann merges it as it is."""

    @abstractmethod
    def opened_by_ann(self, source: str) -> int:
        """Ann opens a merge request into `main`."""


class LocalPlace(Place):
    def __init__(self, root: Path) -> None:
        self.project = "platform/gitops prod"
        self.repository = Repository(create_project(root, self.project, FILES, who=PAT, when=NOON))
        self.forge = LocalForge(root, now=lambda: NOON)
        self._ann = LocalForge(root, user="ann")

    def closed_by_ann(self, number: int) -> None:
        self._ann.close(self.project, number, reason="no", by="ann")

    def merged_by_ann(self, number: int) -> None:
        self._ann.merge(self.project, number, head=self._ann.get(self.project, number).head, by="ann")

    def opened_by_ann(self, source: str) -> int:
        return self._ann.open(self.project, RequestDraft(source, "main", "Ann's", "", Reviewers(), ())).request.number


class GitLabPlace(Place):
    """`sleeps` has what the forge slept between tries; nobody really sleeps."""

    def __init__(self, gitlab: GitLab, running: Running) -> None:
        self.project = "platform/teams/gitops-prod"
        self.gitlab, self.running, self.sleeps = gitlab, running, Sleeps()
        self.ann, bob = (gitlab.user(name, "platform", role=DEVELOPER) for name in ("ann", "bob"))
        self.made = gitlab.project(self.project, FILES)
        gitlab.protect(self.made, "main", merge=DEVELOPER)
        self.bob, self.repository = bob, self.made.repository
        self.token = gitlab.bot(self.made.namespace)
        self.forge: GitLabForge = self.another()

    def another(self, token: str | None = None) -> GitLabForge:
        """The forge for one more process."""
        access = ForgeAccess("work", self.running.url, token or self.token, "GITLAB_TOKEN", self.running.ca_file)
        return GitLabForge(access, pace=Pace(8, sleep=self.sleeps), sleep=self.sleeps)

    def closed_by_ann(self, number: int) -> None:
        self.gitlab.close(self.made.requests[number], self.ann)

    def merged_by_ann(self, number: int) -> None:
        self.gitlab.merge(self.made, self.made.requests[number], self.ann)

    def opened_by_ann(self, source: str) -> int:
        return self.gitlab.open(self.made, self.ann, source, title="Ann's").iid


class GitHubPlace(Place):
    """`sleeps` has what the forge slept between tries; nobody really sleeps."""

    closes_with_branch = True

    def __init__(self, hub: GitHub, running: Running) -> None:
        self.project = "platform/gitops-prod"
        self.hub, self.running, self.sleeps = hub, running, Sleeps()
        roles = dict.fromkeys(("ann", "bob", "platform-robot"), Role.WRITE)
        self.repository = hub.project(self.project, FILES, roles=roles).repository
        self.token = hub.classic("platform-robot", "repo", "read:org")
        self.forge: GitHubForge = self.another()

    def another(self, token: str | None = None, **settings: Any) -> GitHubForge:
        """The forge for one more process."""
        access = ForgeAccess("hub", self.running.url, token or self.token, "GITHUB_TOKEN", self.running.ca_file)
        return GitHubForge(access, pace=Pace(8, sleep=self.sleeps), sleep=self.sleeps, **settings)

    def closed_by_ann(self, number: int) -> None:
        self.hub.close(self.project, number, "ann")

    def merged_by_ann(self, number: int) -> None:
        self.hub.merge(self.project, number, "ann")

    def opened_by_ann(self, source: str) -> int:
        return self.hub.open(self.project, "ann", source, title="Ann's").number


@contextmanager
def local_place(root: Path) -> Iterator[Place]:
    """A folder."""
    yield LocalPlace(root)


@contextmanager
def gitlab_place(root: Path, *, premium: bool = False, patience: Patience | None = None) -> Iterator[GitLabPlace]:
    """A GitLab, by default one that needs a look until it knows whether something can be merged."""
    gitlab = GitLab(root, premium=premium, patience=patience or Patience(mergeability=1))
    with serve_gitlab(gitlab) as running:
        place = GitLabPlace(gitlab, running)
        yield place
        place.forge.close_connections()


@contextmanager
def github_place(root: Path) -> Iterator[GitHubPlace]:
    """A GitHub that needs a look until it knows whether something can be merged."""
    hub = GitHub(root)
    with serve_github(hub) as running:
        place = GitHubPlace(hub, running)
        yield place
        place.forge.close_connections()


PLACES: Mapping[str, Callable[[Path], object]] = {
    "local": local_place,
    "github": github_place,
    "gitlab": gitlab_place,
    "gitlab-premium": lambda root: gitlab_place(root, premium=True),
}
