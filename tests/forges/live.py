"""A project on a real forge, where the cases of every forge run if somebody says where (docs/development.md).

promobot works by one token there, and Ann is whoever the other one is of. What a case finds is made anew for it, by a
commit on `main`; what it leaves is closed and deleted. Merge requests that have ended stay, as forges delete none.
"""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import github
import gitlab

from bot.forges import Forge
from bot.forges.access import ForgeAccess
from bot.forges.github import GitHubForge
from bot.forges.gitlab import GitLabForge
from bot.forges.notes import unmarked
from bot.git.command import Credential, Remote
from bot.git.identity import Identity
from bot.repositories import Reviewers
from tests.doubles.repository import PAT, Repository
from tests.forges.places import FILES, Place, github_rest, gitlab_rest

T = TypeVar("T")

_GIT_TIMEOUT = 60.0
_PATIENCE = 30
_EVERYTHING = "+refs/heads/*:refs/heads/*"


@dataclass(frozen=True)
class Settings:
    """Where the project is, and the tokens of promobot and of Ann."""

    url: str
    project: str
    token: str = field(repr=False)
    person: str = field(repr=False)

    def access(self) -> ForgeAccess:
        return ForgeAccess("live", self.url, self.token, "the live token")


def settings(environ: Mapping[str, str], **names: str) -> Settings:
    """Those that the environment has; the test fails where it has only some of them."""
    absent = [name for name in names.values() if not environ.get(name)]
    assert not absent, f"{', '.join(absent)} is not set, either (docs/development.md)"
    return Settings(**{key: environ[name].rstrip("/") for key, name in names.items()})


@dataclass(frozen=True)
class LiveRepository(Repository):
    """The project's repository: a copy that is fetched before it is looked at, and pushed from with a lease."""

    remote: Remote

    @classmethod
    def copy(cls, path: Path, remote: Remote) -> LiveRepository:
        made = cls(path, remote)
        path.mkdir(parents=True)
        made.git("init", "--quiet", "--bare", "--initial-branch=main")
        return made

    def heads(self) -> dict[str, str]:
        self._talk("fetch", "--quiet", "--prune", "--no-write-fetch-head", "origin", _EVERYTHING)
        return super().heads()

    def move(self, branch: str, new: str | None, old: str | None) -> bool:
        lease = f"--force-with-lease=refs/heads/{branch}:{old or ''}"
        arguments = ("push", "--quiet", lease, "origin", f"{new or ''}:refs/heads/{branch}")
        return self.remote.run(*arguments, clone=self.directory).returncode == 0

    def reset(self, files: Mapping[str, bytes]) -> None:
        """One more commit on `main`, so that it has these files and no other; no other branch."""
        heads = self.heads()
        for branch in heads.keys() - {"main"}:
            assert self.move(branch, None, heads[branch]), f"{branch} can't be deleted"
        if "main" not in heads or self.files(heads["main"]) != files:
            tree = self._tree(files)
            parents = [f"-p{heads['main']}"] if "main" in heads else []
            new = self.git(*_as(PAT), "commit-tree", *parents, "-m", "As a test begins", tree)
            assert self.move("main", new, heads.get("main")), "nobody may push to main"
        self.heads()

    def _tree(self, files: Mapping[str, bytes]) -> str:
        entries = [f"100644 blob {self._blob(content)}\t{path}\n" for path, content in sorted(files.items())]
        return self.directory.run("mktree", stdin="".join(entries).encode()).stdout.decode().strip()

    def _blob(self, content: bytes) -> str:
        return self.directory.run("hash-object", "-w", "--stdin", stdin=content).stdout.decode().strip()

    def _talk(self, *arguments: str) -> None:
        done = self.remote.run(*arguments, clone=self.directory)
        assert done.returncode == 0, done.stderr


def _as(who: Identity) -> tuple[str, ...]:
    return "-c", f"user.name={who.name}", "-c", f"user.email={who.email}"


class LivePlace(Place):
    """`person` is the forge's own library with Ann's token."""

    def __init__(self, root: Path, where: Settings, forge: Forge, user: str) -> None:
        self.project, self.forge = where.project, forge
        credential = Credential(user, where.person)
        remote = Remote(forge.git_url(where.project), credential, _GIT_TIMEOUT, {})
        self.repository: LiveRepository = LiveRepository.copy(root, remote)
        self.clear()
        self.before = max((request.number for request in forge.requests(where.project)), default=0)

    def clear(self) -> None:
        """Nothing is open, and nothing there but what a case begins with."""
        for request in self.forge.open_requests(self.project):
            self.forge.close(self.project, request.number, reason="a test has ended")
        self.repository.reset(FILES)

    @abstractmethod
    def closed_by_ann(self, number: int) -> None: ...


class LiveGitLab(LivePlace):
    """A project on a GitLab."""

    def __init__(self, root: Path, where: Settings) -> None:
        self._person = _gitlab(where.url, where.person)
        self.anns_name = _gitlab_user(where.url, where.person)
        self.reviewers = Reviewers(users=(self.anns_name,))
        self.rest = gitlab_rest(where.url, where.project, where.token)
        super().__init__(root, where, GitLabForge(where.access()), "oauth2")

    @property
    def _requests(self) -> Any:
        return self._person.projects.get(self.project, lazy=True).mergerequests

    def closed_by_ann(self, number: int) -> None:
        self._requests.update(number, {"state_event": "close"})

    def edited_by_ann(self, number: int, body: str) -> None:
        self._requests.update(number, {"description": body})

    def noted_by_ann(self, number: int, text: str) -> None:
        self._requests.get(number, lazy=True).notes.create({"body": text})

    def notes_of_ours(self, number: int) -> list[str]:
        notes = self._requests.get(number, lazy=True).notes.list(get_all=True)
        return [unmarked(note.body) for note in notes if not note.system and note.author["username"] != self.anns_name]

    def approved_by_ann(self, number: int) -> bool:
        self._requests.get(number, lazy=True).approve()
        return True

    def merged_by_ann(self, number: int) -> None:
        _soon(lambda: self._requests.get(number, lazy=True).merge(), gitlab.GitlabMRClosedError)

    def opened_by_ann(self, source: str) -> int:
        fields = {"source_branch": source, "target_branch": "main", "title": "Ann's"}
        return int(_soon(lambda: self._requests.create(fields), gitlab.GitlabCreateError).iid)


class LiveGitHub(LivePlace):
    """A repository on a GitHub."""

    closes_with_branch = True

    def __init__(self, root: Path, where: Settings) -> None:
        api = "https://api.github.com" if where.url == "https://github.com" else f"{where.url}/api/v3"
        self._person = github.Github(base_url=api, auth=github.Auth.Token(where.person))
        self.anns_name = _github_user(api, where.person)
        self.reviewers = Reviewers(users=(self.anns_name,))
        self.rest = github_rest(api, where.project, where.token)
        super().__init__(root, where, GitHubForge(where.access()), "x-access-token")

    @property
    def _repository(self) -> Any:
        return self._person.get_repo(self.project)

    def closed_by_ann(self, number: int) -> None:
        self._repository.get_pull(number).edit(state="closed")

    def edited_by_ann(self, number: int, body: str) -> None:
        self._repository.get_pull(number).edit(body=body)

    def noted_by_ann(self, number: int, text: str) -> None:
        self._repository.get_issue(number).create_comment(text)

    def notes_of_ours(self, number: int) -> list[str]:
        comments = self._repository.get_issue(number).get_comments()
        return [unmarked(comment.body) for comment in comments if comment.user.login != self.anns_name]

    def approved_by_ann(self, number: int) -> bool:
        self._repository.get_pull(number).create_review(event="APPROVE")
        return True

    def merged_by_ann(self, number: int) -> None:
        _soon(lambda: self._repository.get_pull(number).merge(), github.GithubException)

    def opened_by_ann(self, source: str) -> int:
        return int(self._repository.create_pull("main", source, title="Ann's").number)


def _soon(act: Callable[[], T], refused: type[Exception]) -> T:
    """What a forge may refuse for a moment, as right after a push."""
    for _ in range(_PATIENCE):
        try:
            return act()
        except refused:
            time.sleep(1)
    return act()


@cache
def _gitlab(url: str, token: str) -> gitlab.Gitlab:
    return gitlab.Gitlab(url, private_token=token, timeout=30, keep_base_url=True)


@cache
def _gitlab_user(url: str, token: str) -> str:
    client = _gitlab(url, token)
    client.auth()
    assert client.user is not None
    return str(client.user.username)


@cache
def _github_user(api: str, token: str) -> str:
    return github.Github(base_url=api, auth=github.Auth.Token(token)).get_user().login


@contextmanager
def live_gitlab(root: Path) -> Iterator[LivePlace]:
    """The one that the variables tell."""
    below = VARIABLES["live-gitlab"]
    where = settings(
        os.environ,
        url=f"{below}URL",
        project=f"{below}PROJECT",
        token=f"{below}TOKEN",
        person=f"{below}PERSON_TOKEN",
    )
    yield from _cleared(LiveGitLab(root, where))


@contextmanager
def live_github(root: Path) -> Iterator[LivePlace]:
    """The one that the variables tell."""
    below = VARIABLES["live-github"]
    environ = {f"{below}URL": "https://github.com", **os.environ}
    where = settings(
        environ, project=f"{below}REPO", url=f"{below}URL", token=f"{below}TOKEN", person=f"{below}PERSON_TOKEN"
    )
    yield from _cleared(LiveGitHub(root, where))


def _cleared(place: LivePlace) -> Iterator[LivePlace]:
    try:
        yield place
    finally:
        place.clear()


def _is_told(kind: str) -> bool:
    return any(text and name.startswith(VARIABLES[kind]) for name, text in os.environ.items())


VARIABLES = {"live-gitlab": "PROMOBOT_LIVE_GITLAB_", "live-github": "PROMOBOT_LIVE_GITHUB_"}
"""How the variables of each begin."""

_ALL: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "live-gitlab": live_gitlab,
    "live-github": live_github,
}

LIVE = {kind: place for kind, place in _ALL.items() if _is_told(kind)}
"""Those of which any variable is set; of no other a case is collected."""
