"""Who and what there is on the double, and what people do there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from tests.doubles.github import life
from tests.doubles.github.accounts import Account, AppRegistration, Installation, Role, Team, Token
from tests.doubles.github.limits import Limits
from tests.doubles.github.state import Comment, Project, Pull
from tests.doubles.repository import Repository

_OWNER = "apps-owner"


@dataclass
class Inhabited:
    """Accounts, repositories and tokens. Repositories are below `root`.

    `latency` is how often a pull request is read before it is known to merge, `older` a server without what is new,
    `lacks` the fields of pull requests that are too new for it.
    """

    root: Path
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    latency: int = 1
    older: bool = False
    lacks: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    accounts: dict[str, Account] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    apps: dict[int, AppRegistration] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1000))
    lock: threading.RLock = field(default_factory=threading.RLock)

    # --- who and what there is --------------------------------------------------------------------------

    def account(self, login: str, kind: Literal["User", "Bot", "Organization"] = "User") -> Account:
        """The account of that name, made if there is none yet."""
        return self.accounts.setdefault(login, Account(next(self.ids), login, kind))

    def team(self, organization: str, slug: str, *members: str) -> Team:
        self.account(organization, "Organization")
        for member in members:
            self.account(member)
        team = Team(next(self.ids), organization, slug, list(members))
        self.teams[organization, slug] = team
        return team

    def project(self, path: str, files: Mapping[str, bytes], **settings: Any) -> Project:
        """A new repository; `settings` are of `Project`. Who has a role there gets an account."""
        return self._settled(path, Repository.create(self.root, path, files), settings)

    def adopt(self, path: str, **settings: Any) -> Project:
        """The same with a repository that is there."""
        return self._settled(path, Repository(self.root / f"{path}.git"), settings)

    def _settled(self, path: str, repository: Repository, settings: Mapping[str, Any]) -> Project:
        owner, _, name = path.partition("/")
        self.account(owner, "Organization")
        made = Project(next(self.ids), owner, name, repository, self.now(), **settings)
        for login in made.roles:
            self.account(login)
        for slug, role in made.teams.items():
            for member in self.teams[owner, slug].members:
                made.roles[member] = max(role, made.roles.get(member, Role.NONE))
        self.projects[path] = made
        return made

    def classic(self, login: str, *scopes: str, expires: datetime | None = None) -> str:
        """A personal access token of the old kind."""
        return self._token(f"ghp_{uuid4().hex}", Token(login, "classic", frozenset(scopes), expires=expires))

    def fine_grained(self, login: str, permissions: Mapping[str, str], *projects: str) -> str:
        """A token with permissions, for some repositories alone."""
        token = Token(login, "fine-grained", permissions=permissions, projects=frozenset(projects))
        return self._token(f"github_pat_{uuid4().hex}", token)

    def _token(self, text: str, token: Token) -> str:
        self.account(token.login)
        self.tokens[text] = token
        return text

    def register(self, slug: str, public_key: str) -> AppRegistration:
        """A GitHub App."""
        made = AppRegistration(next(self.ids), slug, public_key)
        self.account(made.login, "Bot")
        self.account(_OWNER, "Organization")
        self.apps[made.id] = made
        return made

    def install(self, app: AppRegistration, owner: str, permissions: Mapping[str, str], *projects: str) -> Installation:
        """The App on an account, on all of its repositories or some."""
        made = Installation(next(self.ids), owner, permissions, frozenset(projects) or None)
        app.installations[made.id] = made
        return made

    def installation_token(self, app: AppRegistration, installation: Installation) -> tuple[str, datetime]:
        """A token of an App, good for an hour."""
        expires = self.now().replace(microsecond=0) + timedelta(hours=1)
        projects = installation.projects
        if projects is None:
            projects = frozenset(path for path in self.projects if path.startswith(f"{installation.account}/"))
        token = Token(app.login, "installation", frozenset(), installation.permissions, projects, expires)
        return self._token(f"ghs_{uuid4().hex}", token), expires

    # --- what people do ---------------------------------------------------------------------------------

    def review(self, path: str, number: int, login: str, state: life.Verdict = "APPROVED") -> None:
        with self.lock:
            project = self.synced(path)
            life.review(project.pulls[number], next(self.ids), login, state, self.now())
            life.settle(project, self.now())

    def comment(self, path: str, number: int, login: str, text: str) -> None:
        with self.lock:
            said = Comment(next(self.ids), login, text, self.now(), self.now())
            self.projects[path].pulls[number].comments.append(said)

    def open(
        self, path: str, login: str, source: str, *, fork: str = "", target: str = "main", title: str = "t"
    ) -> Pull:
        """Somebody opens a pull request on the site, from a branch here or of a fork that was deleted since."""
        with self.lock:
            project = self.synced(path)
            head, base = project.repository.head(source), project.repository.head(target)
            assert head is not None
            assert base is not None
            self.account(login)
            made = Pull(
                next(self.ids),
                next(project.numbers),
                title,
                "",
                source,
                target,
                login,
                head,
                base,
                self.now(),
                self.now(),
            )
            made.fork = fork
            project.pulls[made.number] = made
            return made

    def merge(self, path: str, number: int, login: str, method: str = "merge") -> str:
        """Somebody merges on the site."""
        with self.lock:
            project = self.synced(path)
            pull = project.pulls[number]
            pull.computing = 0
            made = life.merge(project, pull, login=login, method=method, now=self.now())
            self.synced(path)
            return made

    def land(self, path: str) -> None:
        """The merge queue looks at what is said of its commits by now, and merges all that it may."""
        with self.lock:
            life.land(self.synced(path), self.now())
            self.synced(path)

    def close(self, path: str, number: int, login: str) -> None:
        with self.lock:
            life.close(self.synced(path).pulls[number], login, self.now())

    def pulls(self, path: str) -> dict[int, Pull]:
        """The pull requests of a repository as they are now."""
        with self.lock:
            return self.synced(path).pulls

    def synced(self, path: str) -> Project:
        """The repository, with what was pushed meanwhile."""
        project = self.projects[path]
        life.sync(project, self.now(), latency=self.latency)
        return project
