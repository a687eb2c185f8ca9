"""What the chain's registries hold of an image: which tags lead where, and where else a digest is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import TypeAlias

from bot.config import Config
from bot.errors import BotError, RegistryError
from bot.images import Digest, ImageRef
from bot.parallel import in_parallel
from bot.promotion import Deployed
from bot.registries import Registries
from bot.registry import ImageRepository, Manifest, Overview, overview
from bot.versions import newest_first

# As many as a registry gets at a time unless the configuration says otherwise.
WORKERS = 16
# So many of a repository's tags are asked whether they lead to a digest.
MOST_ASKED = 200

_CONFIGURE = "to log in there, or to reach it otherwise than by https, put it among `registries`"

Tick: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class Holder:
    """A repository at a registry that may hold an image, and the environments that pull from there.

    `registry` is the configuration's name for it, or the host where it is not `configured`; `runs` is what those
    environments' manifests name of it. `repository` is the whole path below the host.
    """

    registry: str
    repository: str
    environments: tuple[str, ...] = ()
    runs: tuple[tuple[str, ImageRef], ...] = ()
    configured: bool = True

    def open(self, registries: Registries) -> ImageRepository:
        """The repository, to be read. Raises ConfigError where the registry's login is missing."""
        client = registries.client(self.registry) if self.configured else registries.anonymous(self.registry)
        return ImageRepository(client, self.repository)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Where nothing is configured, a failure's advice isn't to correct what the configuration says of it."""
        try:
            yield
        except RegistryError as error:
            if self.configured or f"registry {self.registry}" not in error.hint:
                raise
            raise RegistryError(error.message, hint=_CONFIGURE) from error

    def runs_tag(self, tag: str, digest: Digest | None) -> Iterator[tuple[str, bool]]:
        """The environments that run a tag, and whether their manifests say another digest than it has now."""
        for environment, image in self.runs:
            if image.tag == tag:
                yield environment, None not in {image.digest, digest} and image.digest != digest
            elif image.tag is None and image.digest is not None and image.digest == digest:
                yield environment, False


@dataclass(frozen=True)
class Listing:
    """The tags of a repository, newest first; None where it is absent, or with an `error` where that isn't known."""

    holder: Holder
    tags: tuple[str, ...] | None
    error: BotError | None = None

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Environments, each with a tag that its manifests name and that isn't there."""
        if self.error is not None:
            return ()
        named = ((environment, image.tag) for environment, image in self.holder.runs if image.tag is not None)
        return tuple((environment, tag) for environment, tag in named if tag not in (self.tags or ()))


@dataclass(frozen=True)
class TagEntry:
    """Where a tag leads at one registry. `digest` is None where it is gone, or with an `error` where it isn't known.

    With a digest, an `error` says why no more is known of the image.
    """

    holder: Holder
    tag: str
    digest: Digest | None = None
    overview: Overview | None = None
    error: BotError | None = None


@dataclass(frozen=True)
class Found:
    """A digest at another place: `tags` lead to it, as far as `asked` of the `known` tags tell."""

    holder: Holder
    tags: tuple[str, ...] = ()
    present: bool = False
    asked: int = 0
    known: int = 0
    error: BotError | None = None


# --- who may hold an image -------------------------------------------------------------------------------


def of_service(config: Config, deployed: Iterable[Deployed], service: str) -> tuple[tuple[Holder, ...], ...]:
    """The repositories of a service's images along the chain, those of one image together.

    An image's repositories are those of one path. Where no environment names more than one image, it is one image
    whatever its paths are.
    """
    named = [
        (item.environment, item.image)
        for item in deployed
        if item.service == service and item.ours and item.image is not None
    ]
    paths: dict[str, dict[str, None]] = {}
    for environment, image in named:
        paths.setdefault(environment, {})[_path(config, environment, image)] = None
    if all(len(of_one) == 1 for of_one in paths.values()):
        return (_holders(config, named),) if named else ()
    every = dict.fromkeys(path for of_one in paths.values() for path in of_one)
    return tuple(_holders(config, [one for one in named if _path(config, *one) == path]) for path in every)


def of_image(config: Config, image: ImageRef, deployed: Iterable[Deployed] = ()) -> tuple[Holder, ...]:
    """The repositories of an image's path: at its own registry, and at the others of the chain.

    An image without a host may be at any of them. One from a host that isn't configured is looked for there alone.
    """
    path = _path_anywhere(config, image)
    if path is None:
        return ()
    homes = [name for name in config.registries if config.path_in(name, image) is not None]
    chain = [environment.registry for environment in config.environments]
    holders = []
    for name in dict.fromkeys([*chain, *homes]):
        repository = config.registries[name].image(path).repository
        runs = tuple(
            (item.environment, item.image)
            for item in deployed
            if item.ours
            and item.image
            and config.environment(item.environment).registry == name
            and item.image.repository == repository
        )
        environments = tuple(env.name for env in config.environments if env.registry == name)
        holders.append(Holder(name, repository, environments, tuple(dict.fromkeys(runs))))
    return tuple(holders)


def home_of(config: Config, image: ImageRef) -> Holder | None:
    """The configured registry that an image lives in, and its repository there; None where it is none."""
    for name in config.registries:
        if config.path_in(name, image) is not None:
            return Holder(name, image.repository)
    return None


def _path_anywhere(config: Config, image: ImageRef) -> str | None:
    if image.registry is None:
        return image.repository
    return next(filter(None, (config.path_in(name, image) for name in config.registries)), None)


def _path(config: Config, environment: str, image: ImageRef) -> str:
    return config.path_in(config.environment(environment).registry, image) or ""


def _holders(config: Config, named: Sequence[tuple[str, ImageRef]]) -> tuple[Holder, ...]:
    """One for each registry and repository, in the order of the environments."""
    holders: dict[tuple[str, str], Holder] = {}
    for environment, image in named:
        key = config.environment(environment).registry, image.repository
        known = holders.get(key, Holder(*key))
        holders[key] = replace(
            known,
            environments=tuple(dict.fromkeys([*known.environments, environment])),
            runs=tuple(dict.fromkeys([*known.runs, (environment, image)])),
        )
    return tuple(holders.values())


# --- what they hold --------------------------------------------------------------------------------------


def list_tags(registries: Registries, holders: Sequence[Holder]) -> list[Listing]:
    """Every tag of every repository. What can't be found out is told as such; nothing is raised for it."""

    def one(holder: Holder) -> Listing:
        try:
            repository = holder.open(registries)
            with holder.blamed():
                tags = repository.registry.tags(repository.path)
        except BotError as error:
            return Listing(holder, None, error)
        return Listing(holder, None if tags is None else tuple(newest_first(tags)))

    return in_parallel(one, holders, workers=WORKERS)


def look_up(registries: Registries, wanted: Iterable[tuple[Holder, str]], tick: Tick) -> list[TagEntry]:
    """Where these tags lead, and what is there: a request for each, and one or two more for each digest.

    `tick` is called after each. What can't be found out is told as such; nothing is raised for it.
    """
    overviews = _Overviews()

    def one(pair: tuple[Holder, str]) -> TagEntry:
        holder, tag = pair
        try:
            repository = holder.open(registries)
            with holder.blamed():
                manifest = repository.registry.manifest(repository.path, tag)
        except BotError as error:
            return TagEntry(holder, tag, error=error)
        finally:
            tick()
        if manifest is None:
            return TagEntry(holder, tag)
        try:
            return TagEntry(holder, tag, manifest.digest, overviews.of(repository, manifest))
        except BotError as error:
            return TagEntry(holder, tag, manifest.digest, error=error)

    return in_parallel(one, wanted, workers=WORKERS)


def find_digest(registries: Registries, holders: Sequence[Holder], digest: Digest, like: str | None) -> list[Found]:
    """Where a digest is, and under which tags; the tag `like` is asked first, then the newest."""
    return in_parallel(partial(_find, registries, digest, like), holders, workers=WORKERS)


def _find(registries: Registries, digest: Digest, like: str | None, holder: Holder) -> Found:
    try:
        repository = holder.open(registries)
        if repository.registry.digest(repository.path, digest.text) is None:
            return Found(holder)
        known = newest_first(repository.registry.tags(repository.path) or ())
        asked = sorted(known, key=lambda tag: tag != like)[:MOST_ASKED]
        look = partial(repository.registry.digest, repository.path)
        digests = in_parallel(look, asked, workers=WORKERS)
    except BotError as error:
        return Found(holder, error=error)
    tags = [tag for tag, found in zip(asked, digests, strict=True) if found == digest]
    return Found(holder, tuple(newest_first(tags)), present=True, asked=len(asked), known=len(known))


@dataclass
class _Slot:
    lock: Lock = field(default_factory=Lock)
    overview: Overview | None = None


@dataclass
class _Overviews:
    """Each digest is looked into once, wherever and under however many tags it is."""

    _slots: dict[Digest, _Slot] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, repository: ImageRepository, manifest: Manifest) -> Overview:
        with self._lock:
            slot = self._slots.setdefault(manifest.digest, _Slot())
        with slot.lock:
            if slot.overview is None:
                slot.overview = overview(repository, manifest)
            return slot.overview


def same_digest(tagged: Iterable[TagEntry]) -> Mapping[Digest, tuple[str, ...]]:
    """The tags that lead to each digest, at whichever registry."""
    tags: dict[Digest, dict[str, None]] = {}
    for one in tagged:
        if one.digest is not None:
            tags.setdefault(one.digest, {})[one.tag] = None
    return {digest: tuple(of_digest) for digest, of_digest in tags.items()}


def differing(tagged: Iterable[TagEntry]) -> frozenset[str]:
    """The tags that lead to different digests at different registries."""
    digests: dict[str, set[Digest]] = {}
    for one in tagged:
        if one.digest is not None:
            digests.setdefault(one.tag, set()).add(one.digest)
    return frozenset(tag for tag, of_tag in digests.items() if len(of_tag) > 1)
