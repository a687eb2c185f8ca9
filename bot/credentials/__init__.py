"""Where logins come from: environment variables, files, and what `docker login` left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.config import BasicAuth, DockerAuth, RegistryConfig
from bot.credentials.dockerconfig import docker_login
from bot.credentials.password import read_key, read_password, read_token
from bot.registry import Login

__all__ = ["login_for", "read_key", "read_token"]


def login_for(name: str, registry: RegistryConfig, environ: Mapping[str, str]) -> Login | None:
    """How to log in to the registry that the configuration calls `name`; None: anonymously.

    Raises ConfigError, which names the variable or the file and the key in it, and never what they hold.
    """
    match registry.auth:
        case BasicAuth() as auth:
            return Login(auth.username, read_password(f"registries.{name}.auth", auth, environ))
        case DockerAuth() as auth:
            return docker_login(f"registries.{name}.auth", registry, auth.config, environ)
        case None:
            return None
        case _:
            assert_never(registry.auth)
