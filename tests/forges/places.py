"""Forges with one project each, and people who work in it: what the tests of every forge stand on.

A place has the forge as promobot has it, and does what people do by the place's own means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import requests

from bot.forges import Forge
from bot.forges.access import ForgeAccess
from bot.forges.github import GitHubForge
from bot.forges.gitlab import GitLabForge
from bot.forges.local import LocalForge, create_project
from bot.forges.notes import unmarked
from bot.git import Identity
from bot.network.pace import Pace
from bot.repositories import MergeRequest, RequestDraft, RequestState, Reviewers
from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.gitlab import DEVELOPER, GitLab, Patience, life
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.repository import Repository
from tests.doubles.server import Running
from tests.registry.clients import Sleeps

PAT = Identity("Pat", "pat@example.com")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FILES = MappingProxyType({"a": b"1\n", "b": b"1\n"})


@dataclass(frozen=True)
class Rest:
    """A project's part of a forge's API, for who wants to see how it answers."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = requests.request(method, f"{self.url}{path}", json=body, headers=self.headers, timeout=30)
        return answer.status_code, answer.json()

    def stranger(self) -> Rest:
        """The same for somebody whose token nobody knows."""
        return Rest(
            self.url, {name: "Bearer nobody's" if name == "Authorization" else "nobody's" for name in self.headers}
        )


def gitlab_rest(url: str, project: str, token: str) -> Rest:
    return Rest(f"{url}/api/v4/projects/{quote(project, safe='')}", {"PRIVATE-TOKEN": token})


def github_rest(api: str, project: str, token: str) -> Rest:
    return Rest(f"{api}/repos/{project}", {"Authorization": f"Bearer {token}"})


class Place(ABC):
    """A forge with the project `project`, where Ann and Bob may do everything."""

    project: str
    forge: Forge
    repository: Repository
    rest: Rest
    # What the forge calls Ann, and who is asked to review.
    anns_name = "ann"
    reviewers = Reviewers(users=("ann", "bob"))
    # The number of the last merge request that was there before; a project of somebody else has had its own.
    before = 0
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
        return RequestDraft(source, target, title, body, reviewers=self.reviewers, labels=("prod",))

    def open(self, source: str = "x", title: str = "Promote web") -> int:
        return self.forge.open(self.project, self.draft(source, title)).request.number

    def requests(self, state: RequestState | None = None) -> list[MergeRequest]:
        """The merge requests that the test made."""
        return [request for request in self.forge.requests(self.project, state) if request.number > self.before]

    def closed(self, source: str) -> list[MergeRequest]:
        """Those from a branch that were closed without merging."""
        found = self.forge.closed_requests(self.project, [source])[source]
        return [request for request in found if request.number > self.before]

    @abstractmethod
    def closed_by_ann(self, number: int) -> None:
        """Ann says no."""

    @abstractmethod
    def edited_by_ann(self, number: int, body: str) -> None:
        """Ann writes another text."""

    @abstractmethod
    def noted_by_ann(self, number: int, text: str) -> None:
        """Ann says something."""

    @abstractmethod
    def notes_of_ours(self, number: int) -> list[str]:
        """What the notes of promobot say."""

    @abstractmethod
    def approved_by_ann(self, number: int) -> bool:
        """Ann says yes, where the forge lets people say that."""

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

    def edited_by_ann(self, number: int, body: str) -> None:
        self._ann.update(self.project, number, title=self._ann.get(self.project, number).title, body=body)

    def noted_by_ann(self, number: int, text: str) -> None:
        """There are no notes but promobot's."""

    def notes_of_ours(self, number: int) -> list[str]:
        return [self.forge.get(self.project, number).note]

    def approved_by_ann(self, number: int) -> bool:  # noqa: ARG002 - nobody can
        return False

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
        self.rest = gitlab_rest(running.url, self.project, self.token)
        self.forge: GitLabForge = self.another()

    def another(self, token: str | None = None) -> GitLabForge:
        """The forge for one more process."""
        access = ForgeAccess("work", self.running.url, token or self.token, "GITLAB_TOKEN", self.running.ca_file)
        return GitLabForge(access, pace=Pace(8, sleep=self.sleeps), sleep=self.sleeps)

    def closed_by_ann(self, number: int) -> None:
        self.gitlab.close(self.made.requests[number], self.ann)

    def edited_by_ann(self, number: int, body: str) -> None:
        self.made.requests[number].description = body

    def noted_by_ann(self, number: int, text: str) -> None:
        life.say(self.gitlab, self.made.requests[number], self.ann, text)

    def notes_of_ours(self, number: int) -> list[str]:
        notes = self.made.requests[number].notes
        return [unmarked(note.body) for note in notes if note.author != self.ann and not note.system]

    def approved_by_ann(self, number: int) -> bool:
        self.made.requests[number].approvals[self.ann.id] = life.now()
        return True

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
        self.rest = github_rest(f"{running.url}/api/v3", self.project, self.token)
        self.forge: GitHubForge = self.another()

    def another(self, token: str | None = None, **settings: Any) -> GitHubForge:
        """The forge for one more process."""
        access = ForgeAccess("hub", self.running.url, token or self.token, "GITHUB_TOKEN", self.running.ca_file)
        return GitHubForge(access, pace=Pace(8, sleep=self.sleeps), sleep=self.sleeps, **settings)

    def closed_by_ann(self, number: int) -> None:
        self.hub.close(self.project, number, "ann")

    def edited_by_ann(self, number: int, body: str) -> None:
        self.hub.pulls(self.project)[number].body = body

    def noted_by_ann(self, number: int, text: str) -> None:
        self.hub.comment(self.project, number, "ann", text)

    def notes_of_ours(self, number: int) -> list[str]:
        comments = self.hub.pulls(self.project)[number].comments
        return [unmarked(comment.body) for comment in comments if comment.login != "ann"]

    def approved_by_ann(self, number: int) -> bool:
        self.hub.review(self.project, number, "ann")
        return True

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


PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "local": local_place,
    "github": github_place,
    "gitlab": gitlab_place,
    "gitlab-premium": lambda root: gitlab_place(root, premium=True),
}
