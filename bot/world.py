"""The adapters that a configuration names, each made when it is first needed and kept for the run."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.config import BasicAuth, Config, RegistryConfig
from bot.errors import ConfigError
from bot.forges import FORGES, Forge
from bot.git import Clone, Identity
from bot.images import Digest
from bot.questions import Location
from bot.registry import Copied, Copier, ImageRepository, Login, Progress, RegistryAccess, RegistryClient
from bot.repositories import Repository

T = TypeVar("T")

# Tokens of clouds come near 4 KiB; more is the wrong file, or one without an end.
_LARGEST_PASSWORD = 1 << 16


@dataclass(frozen=True)
class World:
    """Everything outside that a pass talks to.

    `environ` is where secrets named by the configuration are looked up, `cache` a folder that keeps clones between
    runs; losing it costs time only. Safe to use from several threads.
    """

    config: Config
    environ: Mapping[str, str]
    cache: Path
    _made: dict[tuple[str, object], Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def clone(self, repository: Repository) -> Clone:
        """The kept clone of a repository. Raises ConfigError."""
        return self._once(("clone", repository), lambda: self._make_clone(repository))

    def forge(self, name: str) -> Forge:
        """The forge of that name. Raises ConfigError."""
        return self._once(("forge", name), lambda: self._make_forge(name))

    def registry(self, name: str) -> RegistryClient:
        """A reader of the registry of that name. Raises ConfigError where its password is missing."""
        return self._once(("registry", name), lambda: RegistryClient(self._access(name)))

    def copy(
        self, source: Location, digest: Digest, destination: Location, tag: str, *, watch: Callable[[Progress], None]
    ) -> bool:
        """Copy exactly `digest` under `tag`; False where it was already there. Raises RegistryError.

        `watch` is told how far it is, while bytes cross.

        One at a time for each tag: a registry has no compare-and-set, so two that saw it absent would both write it.
        """
        ends = [ImageRepository(self.registry(end.registry), end.repository) for end in (source, destination)]
        place = ends[1].place(tag)
        with self._once(("tag", (place.access.endpoint, place.repository, tag)), threading.Lock):
            return isinstance(self._copier.copy(ends[0], digest, ends[1], tag, watch=watch), Copied)

    @property
    def _copier(self) -> Copier:
        return self._once(("copier", ""), lambda: Copier(self.cache))

    def _once(self, key: tuple[str, object], make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def _make_forge(self, name: str) -> Forge:
        forge = self.config.forges[name]
        return FORGES[forge.type](forge.path, user=self.config.author.name)

    def _make_clone(self, repository: Repository) -> Clone:
        url = self.forge(repository.forge).git_url(repository.project)
        # The URL's digest tells apart what the readable part can't; two users of one URL share the clone.
        readable = re.sub(r"[^a-z0-9]+", "-", repository.project.lower()).strip("-")
        folder = f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"
        author = self.config.author
        return Clone(url, self.cache / "git" / folder, Identity(author.name, author.email))

    def _access(self, name: str) -> RegistryAccess:
        registry: RegistryConfig = self.config.registries[name]
        return RegistryAccess(
            name=name,
            host=registry.host,
            endpoint=registry.endpoint or registry.host,
            plain_http=registry.plain_http,
            ca_file=registry.ca_file,
            login=_login(name, registry.auth, self.environ) if registry.auth else None,
        )


def _login(name: str, auth: BasicAuth, environ: Mapping[str, str]) -> Login:
    if auth.password_file is not None:
        try:
            return Login(auth.username, _read_password(auth.password_file))
        except OSError as error:
            raise ConfigError(
                f"registries.{name}.auth.password_file: {auth.password_file}: {error.strerror}",
                hint="write the password into that file, readable by you alone",
            ) from None
    variable = auth.password_env or ""
    if variable not in environ:
        raise ConfigError(f"registries.{name}.auth.password_env: {variable} is not set", hint=f"export {variable}=…")
    # As bytes of UTF-8, whatever the locale made of them.
    return Login(auth.username, os.fsencode(environ[variable]).decode("utf-8", "surrogateescape"))


def _read_password(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_LARGEST_PASSWORD + 1)
    if len(content) > _LARGEST_PASSWORD:
        raise OSError(errno.EFBIG, f"more than {_LARGEST_PASSWORD} bytes")
    return content.decode("utf-8", "surrogateescape").rstrip("\n")
