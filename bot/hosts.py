"""The forges of one run, by the names that the configuration gives, and how git gets at their projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import Any, assert_never

from bot.config import ForgeConfig, GitHubApp, GitHubForge, GitLabForge, LocalForge, ServerForge
from bot.credentials import read_key, read_token
from bot.forges import FORGES, AppKey, Committing, Forge, ForgeAccess
from bot.git import Credential, Signing
from bot.network.pace import Pace
from bot.repositories import TRIGGER

# How many requests at a time a forge is sent, and the pause (in seconds) that is still waited for when it wants one.
_AT_A_TIME = 8
_LONGEST_PAUSE = 120.0
# The user's name beside a token, for which any will do.
_BESIDE_TOKEN = MappingProxyType({"gitlab": "oauth2", "github": "x-access-token"})


# What a pipeline says of itself: where it runs, and who started it.
_PIPELINES = MappingProxyType(
    {"gitlab": ("CI_SERVER_URL", "GITLAB_USER_LOGIN"), "github": ("GITHUB_SERVER_URL", "GITHUB_ACTOR")}
)


@dataclass(frozen=True)
class GitAccess:
    """What git needs for a forge: what its server asks for by https, and variables for its environment."""

    credential: Credential | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Hosts:
    """Each forge is made when it is first needed and kept for the run; threads may share it.

    `environ` is where tokens named by the configuration are looked up, `user` what promobot calls itself. Whatever the
    names that lead to one address, they share one pace; `tell` hears of pauses that a forge wants.
    """

    configured: Mapping[str, ForgeConfig]
    environ: Mapping[str, str]
    user: str
    tell: Callable[[str], None]
    _made: dict[str, Forge] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)
    _lock: Lock = field(default_factory=Lock)

    def forge(self, name: str) -> Forge:
        """The forge of that name. Raises ConfigError where its token is missing."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def git(self, name: str, project: str) -> GitAccess:
        """How git gets at a project on the forge of that name. Raises ConfigError where its token is missing."""
        config = self.configured[name]
        match config:
            case LocalForge():
                return GitAccess()
            case ServerForge(git=str()):  # by ssh, with the keys and the agent of whoever runs this
                return GitAccess(None, {k: self.environ[k] for k in ("HOME", "SSH_AUTH_SOCK") if k in self.environ})
            case GitHubForge() | GitLabForge():
                env = {"GIT_SSL_CAINFO": str(config.ca_file)} if config.ca_file else {}
                return GitAccess(self._credential(name, config, project), env)
            case _:
                assert_never(config)

    def signing(self, name: str) -> Signing | None:
        """How commits for a forge are signed."""
        config = self.configured[name].signing
        if config is None:
            return None
        wanted = ("HOME", "GNUPGHOME", "SSH_AUTH_SOCK")
        env = {variable: self.environ[variable] for variable in wanted if variable in self.environ}
        return Signing(config.ssh_key_file, config.gpg_key or "", env)

    def committing(self, name: str, project: str) -> Committing | None:
        """What makes the commits of a project, where the forge itself does."""
        config = self.configured[name]
        if not isinstance(config, GitHubForge) or config.commits == "git":
            return None
        forge: Any = self.forge(name)
        made: Committing = forge.commits(project)
        return made

    def assignees(self, name: str, asked: Iterable[str]) -> tuple[str, ...]:
        """Who is meant on a forge: for TRIGGER who started the pipeline, if it is one of that forge, else nobody."""
        config = self.configured[name]
        if isinstance(config, LocalForge):
            return ()
        server, user = (self.environ.get(variable, "") for variable in _PIPELINES[config.type])
        started_by = user if server.rstrip("/") == config.url else ""
        meant = (started_by if one == TRIGGER else one for one in asked)
        return tuple(dict.fromkeys(filter(None, meant)))

    def close(self) -> None:
        """Close the kept connections."""
        self._closing.close()

    def _make(self, name: str) -> Forge:
        config = self.configured[name]
        match config:
            case LocalForge(path=path):
                return FORGES[config.type](path, user=self.user)
            case GitHubForge(app=GitHubApp() as app):
                return self._on_server(config, self._app_access(name, config, app), app=self._key(name, app))
            case GitHubForge() | GitLabForge():
                return self._on_server(config, self._access(name, config))
            case _:
                assert_never(config)

    def _on_server(self, config: GitHubForge | GitLabForge, access: ForgeAccess, **more: object) -> Forge:
        settings = {"user": self.user, "pace": self._pace(access), "ssh": config.git or "", **more}
        return FORGES[config.type](access, closing=self._closing, **settings)

    def _access(self, name: str, config: GitHubForge | GitLabForge) -> ForgeAccess:
        token = read_token(f"forges.{name}", config, self.environ)
        return ForgeAccess(name, config.url, token, config.token_env or str(config.token_file), config.ca_file)

    # --- Apps, whose tokens last for an hour ------------------------------------------------------------

    def _key(self, name: str, app: GitHubApp) -> AppKey:
        key, key_from = read_key(f"forges.{name}.app", app, self.environ)
        return AppKey(app.id, key, key_from, app.installation)

    def _app_access(self, name: str, config: GitHubForge, app: GitHubApp) -> ForgeAccess:
        key_from = f"the key of App {app.id}"
        remedy = f"give App {app.id} that permission on its page, and accept it where it is installed"
        return ForgeAccess(name, config.url, "", key_from, config.ca_file, remedy)

    def _credential(self, name: str, config: GitHubForge | GitLabForge, project: str) -> Credential:
        if isinstance(config, GitHubForge) and config.app is not None:
            forge: Any = self.forge(name)
            app = f"App {config.app.id} of forge {name}"
            return Credential(_BESIDE_TOKEN[config.type], partial(forge.git_token, project), app)
        access = self._access(name, config)
        return Credential(_BESIDE_TOKEN[config.type], access.token, f"{access.token_from} of forge {name}")

    def _pace(self, access: ForgeAccess) -> Pace:
        def tell(seconds: float) -> None:
            self.tell(f"forge {access.name}, which wants a pause of {seconds:.0f} s")

        if access.url not in self._paces:
            self._paces[access.url] = Pace(_AT_A_TIME, longest=_LONGEST_PAUSE, tell=tell)
        return self._paces[access.url]
