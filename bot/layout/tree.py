"""What a repository holds, as far as its layout is told by it, and what its layout is taken to be."""

from __future__ import annotations

from dataclasses import dataclass

from bot.images import ImageRef


@dataclass(frozen=True)
class Seen:
    """A manifest: the images that it names, and of how many more it only gives a part, such as the tag."""

    path: str
    images: tuple[ImageRef, ...] = ()
    parts: int = 0

    @property
    def tells(self) -> bool:
        """Whether it says anything about an image."""
        return bool(self.images or self.parts)

    @property
    def versioned(self) -> bool:
        """Whether it says which version runs: else it may be about images without running one."""
        return bool(self.parts) or any(image.tag or image.digest for image in self.images)


@dataclass(frozen=True)
class Place:
    """Where a path names its environment: `text[start:end]` of the segment number `segment`, counted from 0."""

    segment: int
    start: int
    end: int


@dataclass(frozen=True)
class Marked:
    """A manifest of an environment; `around` is its path with `{env}` for the environment's name."""

    seen: Seen
    environment: str
    around: str


@dataclass(frozen=True)
class Served:
    """A manifest of an environment and whose it is; `pattern` is its path with `{env}` and `{service}`."""

    marked: Marked
    service: str
    pattern: str
    guessed: bool = False


@dataclass(frozen=True)
class Environment:
    """An environment that was recognised.

    `repository` is the number of the tree that it was found in, `source` where its images come from by custom.
    `exclude` are files that fit `paths` by chance; `services` are those whose manifests say something of an image;
    `registry` is a name among the layout's.
    """

    name: str
    repository: int
    paths: tuple[str, ...]
    services: tuple[str, ...]
    registry: str
    source: str | None = None
    exclude: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """What was recognised. `registries` are URLs by name; `silent` are environments that name no image anywhere."""

    environments: tuple[Environment, ...]
    registries: dict[str, str]
    silent: tuple[str, ...] = ()
