"""Starts git: no configuration, hook, template or prompt of the machine it runs on has any influence."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.errors import BotError, GitError
from bot.git.failure import explain, redact
from bot.process import Completed, TimedOutError, run

LOCAL_TIMEOUT = 120.0

_PROTOCOLS = "file:git:http:https:ssh"
_ENVIRONMENT = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    # A master connection left in the background would keep our pipes and the clone's lock open.
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oControlMaster=no",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
# Git asks it through a shell; the secret itself is only in the environment of git and its children.
_CREDENTIAL_HELPER = (
    '!f() { test "$1" != get || printf "username=%s\\npassword=%s\\n"'
    ' "$PROMOBOT_GIT_USERNAME" "$PROMOBOT_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True)
class Credential:
    """What a Git server asks for over HTTP. It is only ever given to the host of the repository's URL.

    A password that is renewed from time to time is given by who knows it. `name` is what messages call it.
    """

    username: str
    password: str | Callable[[], str] = field(repr=False)
    name: str = "the credential"

    @property
    def secret(self) -> str:
        """The password to show now."""
        return self.password if isinstance(self.password, str) else self.password()


@dataclass(frozen=True)
class GitDirectory:
    """A bare repository on this machine. Commands run here never reach the network, so never fetch a missing object.

    `fds` are inherited by git and all it starts: so a lock lasts as long as any of them lives.
    """

    path: Path
    error: type[BotError] = GitError
    fds: tuple[int, ...] = ()

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        statuses: Collection[int] = (0,),
        config: Mapping[str, str] = _NOTHING,
        env: Mapping[str, str] = _NOTHING,
    ) -> Completed:
        """Run a git command. Raises `error` if it ends with another status than these."""
        environment = _environment(config, {**env, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"})
        argv = ["git", f"--git-dir={self.path}", *args]
        try:
            done = run(argv, timeout=LOCAL_TIMEOUT, env=environment, stdin=stdin, pass_fds=self.fds)
        except TimedOutError as error:
            raise self.error(f"git {args[0]} in {self.path}: {error.message}") from None
        if done.returncode not in statuses:
            words, hint = explain(done.stderr)
            raise self.error(f"git {args[0]} in {self.path} failed: {words}", hint=hint)
        return done


@dataclass(frozen=True)
class Remote:
    """A repository on a server and how to reach it; `timeout` in seconds is for each command."""

    url: str
    credential: Credential | None
    timeout: float
    env: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        # Over HTTP even the name alone may be a token; over SSH it is only a name.
        if parts.password is not None or (parts.username is not None and parts.scheme.startswith("http")):
            raise GitError(
                f"the URL {redact(self.url)} has a credential in it",
                hint="other users of the machine could read it there: give it as a credential",
            )

    @property
    def credential_name(self) -> str:
        """What messages call what the server is shown, be it a key of ssh; empty where there is no server."""
        if self.credential:
            return self.credential.name
        return "" if self.url.startswith(("/", "file:")) else "the credential"

    def run(
        self,
        *args: str,
        clone: GitDirectory | None = None,
        stdin: bytes = b"",
        config: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a git command that may use the network, whatever its exit status. Raises GitError at the time limit."""
        secrets = {}
        if self.credential:
            secrets["PROMOBOT_GIT_USERNAME"] = self.credential.username
            secrets["PROMOBOT_GIT_PASSWORD"] = self.credential.secret
        environment = {"GIT_ALLOW_PROTOCOL": _PROTOCOLS, **self.env, **secrets}
        # Without a repository of ours git would read the configuration of the one around the current directory.
        argv = ["git", f"--git-dir={clone.path if clone else os.devnull}", *args]
        try:
            return run(
                argv,
                timeout=self.timeout,
                env=_environment(self._config() | dict(config or {}), environment),
                stdin=stdin,
                pass_fds=clone.fds if clone else (),
                starts_others=True,
            )
        except TimedOutError:
            raise GitError(
                f"git {args[0]} of {redact(self.url)} did not end within {self.timeout:g} s",
                hint="check the network and the server, then run again",
            ) from None

    def _config(self) -> dict[str, str]:
        """The remote lives here instead of in the clone's own configuration: other commands can't reach it."""
        config = {
            "remote.origin.url": self.url,
            # Ends a connection that was orphaned by a kill, too.
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(max(1, int(self.timeout))),
        }
        if self.credential:
            parts = urlsplit(self.url)
            config[f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"] = _CREDENTIAL_HELPER
        return config


def _environment(config: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    environment = {**_ENVIRONMENT, **extra}
    settings = {**_CONFIG, **config}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment
