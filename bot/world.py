"""The adapters that a configuration names, each made when it is first needed and kept for the run."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.config import Config
from bot.forges import Committing, Forge
from bot.git import Clone, Identity
from bot.hosts import Hosts
from bot.images import Digest
from bot.questions import Location
from bot.registries import Registries
from bot.registry import Copied, Copier, ImageRepository, Progress, RegistryClient, Tagged, move_tag
from bot.repositories import Repository

T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """How far observing is: what was turned to last, and how many of the questions so far are answered."""

    where: str
    answered: int
    asked: int


class Lookout:
    """Tells whoever watches how far observing is. Safe to use from several threads."""

    def __init__(self) -> None:
        self.watch: Callable[[Look], None] | None = None
        self._lock = threading.Lock()
        self._now = Look("", 0, 0)

    def tell(self, where: str = "", *, answered: int = 0, asked: int = 0) -> None:
        """What is turned to now, or how many more questions are answered or asked."""
        with self._lock:
            now = self._now
            self._now = Look(where or now.where, now.answered + answered, now.asked + asked)
            if self.watch is not None:
                self.watch(self._now)


@dataclass(frozen=True)
class World:
    """Everything outside that a pass talks to.

    `environ` is where secrets named by the configuration are looked up, `cache` a folder that keeps clones between
    runs; losing it costs time only. Safe to use from several threads.
    """

    config: Config
    environ: Mapping[str, str]
    cache: Path
    lookout: Lookout = field(default_factory=Lookout)
    _made: dict[tuple[str, object], Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def clone(self, repository: Repository) -> Clone:
        """The kept clone of a repository. Raises ConfigError."""
        self.lookout.tell(repository.project)
        return self._once(("clone", repository), lambda: self._make_clone(repository))

    def committing(self, repository: Repository) -> Committing | None:
        """What makes the commits of a repository, where its forge itself does."""
        make = self.hosts.committing
        return self._once(("committing", repository), lambda: make(repository.forge, repository.project))

    def forge(self, name: str) -> Forge:
        """The forge of that name. Raises ConfigError where its token is missing."""
        return self.hosts.forge(name)

    def registry(self, name: str) -> RegistryClient:
        """A reader of the registry of that name. Raises ConfigError where its password is missing."""
        self.lookout.tell(f"registry {name}")
        return self.registries.client(name)

    @property
    def registries(self) -> Registries:
        """The registries that the configuration names."""
        return self._once(("registries", ""), lambda: Registries(self.config.registries, self.environ))

    @property
    def hosts(self) -> Hosts:
        """The forges that the configuration names."""
        config = self.config
        return self._once(
            ("hosts", ""), lambda: Hosts(config.forges, self.environ, config.author.name, self.lookout.tell)
        )

    def close(self) -> None:
        """Close what is kept open to registries and forges."""
        self.registries.close()
        self.hosts.close()

    def copy(
        self, source: Location, digest: Digest, destination: Location, tag: str, *, watch: Callable[[Progress], None]
    ) -> bool:
        """Copy exactly `digest` under `tag`; False where it was already there. Raises RegistryError.

        `watch` is told how far it is, while bytes cross.

        One at a time for each tag: a registry has no compare-and-set, so two that saw it absent would both write it.
        """
        origin, end = self._images(source), self._images(destination)
        with self._only_one(end, tag):
            return isinstance(self._copier.copy(origin, digest, end, tag, watch=watch), Copied)

    def move_tag(self, location: Location, tag: str, *, expected: Digest | None, digest: Digest) -> bool:
        """Make a tag lead to `digest` instead of `expected`; False where it did before.

        Raises TagMovedError, a ConflictError, if it leads to a third image by now, else RegistryError.
        """
        images = self._images(location)
        with self._only_one(images, tag):
            return isinstance(move_tag(images, tag, expected=expected, digest=digest), Tagged)

    def _images(self, location: Location) -> ImageRepository:
        return ImageRepository(self.registry(location.registry), location.repository)

    def _only_one(self, images: ImageRepository, tag: str) -> threading.Lock:
        place = images.place(tag)
        return self._once(("tag", (place.access.endpoint, place.repository, tag)), threading.Lock)

    @property
    def _copier(self) -> Copier:
        return self._once(("copier", ""), lambda: Copier(self.cache))

    def _once(self, key: tuple[str, object], make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def _make_clone(self, repository: Repository) -> Clone:
        url = self.forge(repository.forge).git_url(repository.project)
        # The URL's digest tells apart what the readable part can't; two users of one URL share the clone.
        readable = re.sub(r"[^a-z0-9]+", "-", repository.project.lower()).strip("-")
        folder = f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"
        author, access = self.config.author, self.hosts.git(repository.forge, repository.project)
        identity = Identity(author.name, author.email, self.hosts.signing(repository.forge))
        return Clone(url, self.cache / "git" / folder, identity, credential=access.credential, env=access.env)
