"""The forges of one run, by the names that the configuration gives, and how git gets at their projects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import assert_never

from bot.config import ForgeConfig, GitLabForge, LocalForge
from bot.credentials import read_token
from bot.forges import FORGES, Forge, ForgeAccess
from bot.git import Credential
from bot.network.pace import Pace

# How many requests at a time a forge is sent, and the pause (in seconds) that is still waited for when it wants one.
_AT_A_TIME = 8
_LONGEST_PAUSE = 120.0
# Beside a token, forges take any name.
_ANYBODY = "oauth2"


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

    def git(self, name: str) -> GitAccess:
        """How git gets at the projects of the forge of that name. Raises ConfigError where its token is missing."""
        config = self.configured[name]
        match config:
            case LocalForge():
                return GitAccess()
            case GitLabForge(git=str()):  # by ssh, with the keys and the agent of whoever runs this
                return GitAccess(None, {k: self.environ[k] for k in ("HOME", "SSH_AUTH_SOCK") if k in self.environ})
            case GitLabForge(ca_file=ca_file):
                env = {"GIT_SSL_CAINFO": str(ca_file)} if ca_file else {}
                return GitAccess(Credential(_ANYBODY, self._access(name, config).token), env)
            case _:
                assert_never(config)

    def close(self) -> None:
        """Close the kept connections."""
        self._closing.close()

    def _make(self, name: str) -> Forge:
        config = self.configured[name]
        match config:
            case LocalForge(path=path):
                return FORGES[config.type](path, user=self.user)
            case GitLabForge(git=git):
                access = self._access(name, config)
                settings = {"user": self.user, "pace": self._pace(access), "ssh": git or ""}
                return FORGES[config.type](access, closing=self._closing, **settings)
            case _:
                assert_never(config)

    def _access(self, name: str, config: GitLabForge) -> ForgeAccess:
        token = read_token(f"forges.{name}", config, self.environ)
        return ForgeAccess(name, config.url, token, config.token_env or str(config.token_file), config.ca_file)

    def _pace(self, access: ForgeAccess) -> Pace:
        def tell(seconds: float) -> None:
            self.tell(f"forge {access.name}, which wants a pause of {seconds:.0f} s")

        if access.url not in self._paces:
            self._paces[access.url] = Pace(_AT_A_TIME, longest=_LONGEST_PAUSE, tell=tell)
        return self._paces[access.url]
