"""Who may hold an image: its repositories at the registries of the chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.config import Config
from bot.errors import RegistryError
from bot.images import Digest, ImageRef
from bot.promotion import Deployed
from bot.registries import Registries
from bot.registry import ImageRepository

_CONFIGURE = "to log in there, or to reach it otherwise than by https, put it among `registries`"


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
        # As plans and merge requests write it, with the registry's prefix before it, or without.
        prefixes = (f"{registry.prefix}/" for registry in config.registries.values() if registry.prefix)
        given = max(filter(image.repository.startswith, prefixes), key=len, default="")
        return image.repository.removeprefix(given)
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
