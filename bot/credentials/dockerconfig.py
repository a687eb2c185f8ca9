"""Logins from Docker's `config.json`, as container tools read it.

Format: https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties, and with keys
for paths https://github.com/containers/image/blob/v5.33.0/docs/containers-auth.json.5.md
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config import RegistryConfig
from bot.credentials.password import checked
from bot.errors import ConfigError
from bot.images import DOCKER_HUB_HOSTS
from bot.registry import Login

_LARGEST = 1 << 20
# What an entry says a login by; it may have others, such as an address for mail.
_MEMBERS = ("auth", "identitytoken", "registrytoken", "username", "password")
# What `docker login` writes without being told a host.
_HUB_KEY = "index.docker.io"
_INSTEAD = (
    "use `auth: {type: basic, …}`, or log in with a DOCKER_CONFIG folder of its own that names no credential store"
)


def docker_login(where: str, registry: RegistryConfig, config: Path | None, environ: Mapping[str, str]) -> Login:
    """The login for a registry; `where` is how messages name the configuration's part.

    Looked up by the name that manifests use and then by the endpoint, each with its prefix first and then with less and
    less of it. Raises ConfigError.
    """
    path = config or _default(where, environ)
    file = _File(f"{where}: {path}", _load(f"{where}: {path}", path))
    keys = list(_keys(registry.url))
    if registry.endpoint is not None:
        keys += _keys(f"{registry.endpoint}/{registry.prefix}".removesuffix("/"))
    for key in keys:
        if (login := file.login(key)) is not None:
            return login
    raise file.nothing(registry, keys)


def _default(where: str, environ: Mapping[str, str]) -> Path:
    if folder := environ.get("DOCKER_CONFIG"):
        return Path(folder) / "config.json"
    if home := environ.get("HOME"):
        return Path(home) / ".docker" / "config.json"
    raise ConfigError(
        f"{where}: neither DOCKER_CONFIG nor HOME is set", hint="name the file: auth: {type: docker, config: FILE}"
    )


def _load(named: str, path: Path) -> dict[str, Any]:
    try:
        # A pipe would be waited for without O_NONBLOCK, and a device has no end.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{named}: not a regular file", hint="name the config.json that docker login makes")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{named}: {error.strerror}", hint="docker login makes it, or name another file") from None
    if len(content) > _LARGEST:
        raise ConfigError(f"{named}: more than {_LARGEST} bytes", hint="that is not a config.json")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):  # its own words would quote the file
        raise ConfigError(f"{named}: not JSON", hint="docker login makes such a file") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{named}: not a JSON object", hint="docker login makes such a file")
    return data


def _keys(name: str) -> Iterator[str]:
    """`host/a/b`, `host/a`, `host`."""
    while name:
        yield name
        name = name.rpartition("/")[0]


@dataclass(frozen=True)
class _File:
    """The file's content; `named` is how messages name it."""

    named: str
    data: dict[str, Any]

    def login(self, key: str) -> Login | None:
        """The login under exactly this key, or for a host under one of the ways that it was written in once."""
        auths = self._section("auths")
        if key in auths:
            return self._of_entry(key, auths[key])
        if "/" not in key:
            for other, entry in auths.items():
                if _host(other) == _host(key) and (login := self._of_entry(other, entry)) is not None:
                    return login
        return None

    def nothing(self, registry: RegistryConfig, keys: list[str]) -> ConfigError:
        """Why there is no login under any of the keys: nobody logged in, or a program keeps it."""
        helpers = self._section("credHelpers")
        named = {_host(key): str(helper) for key, helper in helpers.items()}
        for key in keys:
            if helper := named.get(_host(key)):
                return self._kept_elsewhere(f"credHelpers.{key}", helper, registry)
        if store := self.data.get("credsStore"):
            return self._kept_elsewhere("credsStore", str(store), registry)
        return ConfigError(
            f"{self.named}: auths has no login for {registry.url}",
            hint=f"docker login {registry.host}, as who runs this",
        )

    def _kept_elsewhere(self, key: str, helper: str, registry: RegistryConfig) -> ConfigError:
        return ConfigError(
            f"{self.named}: {key}: the login for {registry.host} is kept by the program docker-credential-{helper}, "
            "which promobot doesn't call",
            hint=_INSTEAD,
        )

    def _section(self, key: str) -> dict[str, Any]:
        section = self.data.get(key)
        if section is None:
            return {}
        if not isinstance(section, dict):
            raise ConfigError(f"{self.named}: {key} is not a JSON object", hint="docker login makes such a file")
        return section

    def _of_entry(self, key: str, entry: object) -> Login | None:
        """None for an entry that says nothing: what is left where a credential store has the login."""
        named = f"{self.named}: auths.{key}"
        match entry:
            case {"identitytoken": str(token)} | {"registrytoken": str(token)} if token:
                raise ConfigError(
                    f"{named} holds an identity token, which promobot can't log in by",
                    hint="log in by user name and password (or access token), or use `auth: {type: basic, …}`",
                )
            case {"auth": str(auth)} if auth:
                return _of_pair(named, auth)
            case {"username": str(username), "password": str(password)} if username:
                return _login(named, username, password.encode("utf-8", "surrogatepass"))
            case None:
                return None
            case dict() if all(entry.get(member) in (None, "") for member in _MEMBERS):
                return None
            case _:
                raise ConfigError(f"{named} is not a login", hint=f"docker login {key} makes one")


def _of_pair(named: str, auth: str) -> Login:
    """`auth` is base64 of `username:password`, by some tools without padding or in the alphabet of URLs."""
    plain = "".join(auth.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        pair = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"{named}.auth is not base64", hint="log in again: docker login") from None
    username, colon, password = pair.partition(b":")
    if not colon or not username:
        raise ConfigError(f"{named}.auth is not base64 of username:password", hint="log in again: docker login")
    # Docker's own reader takes zero bytes off the end, too.
    return _login(named, username.decode("utf-8", "surrogateescape"), password.rstrip(b"\0"))


def _login(named: str, username: str, password: bytes) -> Login:
    if ":" in username:
        raise ConfigError(f"{named}.username holds a colon", hint="log in again: docker login")
    try:
        username.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ConfigError(f"{named}.username is no text", hint="log in again: docker login") from None
    return Login(username, checked(f"{named}: its password", password, hint="log in again: docker login"))


def _host(key: str) -> str:
    """The host of a key such as `https://host/v1/` or `host`; Docker Hub's several names are one."""
    scheme, separator, rest = key.partition("://")
    host = (rest if separator and scheme in {"http", "https"} else key).lower()
    host = host.partition("/")[0] if separator else host
    return _HUB_KEY if host in DOCKER_HUB_HOSTS else host
