"""What a repository holds, as far as its layout is told by it, and what its layout is taken to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.images import ImageRef

# Stands for the environment's name in a path; no file is called so by chance.
ENV = "{env}"


@dataclass(frozen=True)
class Told:
    """An image whose version is the value of a variable: the scalar at `pointer`, and `where` it is used."""

    pointer: str
    holds: Literal["image", "tag"]
    image: ImageRef
    where: str


@dataclass(frozen=True)
class Seen:
    """A manifest: the images that it names, and of how many more it only gives a part, such as the tag.

    `told` are those among the images that it takes a rule to find; `gaps` say what variables in it can't be told.
    `several` are environments that its images are of, where one file holds them all.
    """

    path: str
    images: tuple[ImageRef, ...] = ()
    parts: int = 0
    told: tuple[Told, ...] = ()
    gaps: tuple[str, ...] = ()
    several: tuple[str, ...] = ()

    @property
    def tells(self) -> bool:
        """Whether it says anything about an image."""
        return bool(self.images or self.parts)

    @property
    def versioned(self) -> bool:
        """Whether it says which version runs: else it may be about images without running one."""
        return bool(self.parts) or any(image.tag or image.digest for image in self.images)


@dataclass(frozen=True)
class Tree:
    """The manifests of a repository, or of one of its branches.

    `names` are those that its tools call environments, `clusters` the folders in one that is called after clusters.
    `environment` is the one that all of it is of, as it is `told_by` the name of the branch or the repository.
    """

    seen: tuple[Seen, ...]
    names: frozenset[str] = frozenset()
    clusters: tuple[str, ...] = ()
    environment: str = ""
    told_by: Literal["", "branch", "repository"] = ""


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

    @property
    def place(self) -> str:
        """The folder, or file, that is called after the environment."""
        before, _, after = self.around.partition(ENV)
        return f"{before}{self.environment}{after if '/' not in after else ''}"


@dataclass(frozen=True)
class Served:
    """A manifest of an environment and whose it is; `pattern` is its path with `{env}` and `{service}`."""

    marked: Marked
    service: str
    pattern: str
    guessed: bool = False

    @property
    def path(self) -> str:
        """The pattern with the environment's name."""
        return self.pattern.replace(ENV, self.marked.environment)

    @property
    def images(self) -> tuple[ImageRef, ...]:
        """The images that the manifest names."""
        return self.marked.seen.images


@dataclass(frozen=True)
class Field:
    """An entry of `fields`: the scalar at `pointer` of manifests at `path` holds an image, or the tag of `image`."""

    path: str
    pointer: str
    holds: Literal["image", "tag"]
    image: str = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Environment:
    """An environment that was recognised.

    `repository` is the number of the tree that it was found in, `source` where its images come from by custom.
    `exclude` are files that fit `paths` by chance; `services` are those whose manifests say something of an image;
    `registry` is a name among the layout's; `tag` is a template, where tags are cut on the way here.
    """

    name: str
    repository: int
    paths: tuple[str, ...]
    services: tuple[str, ...]
    registry: str
    source: str | None = None
    tag: str = ""
    exclude: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """An environment's manifests that are in another repository than those that make it up, and their services."""

    environment: str
    repository: int
    services: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What was recognised. `registries` are URLs by name; `silent` are environments that name no image anywhere."""

    environments: tuple[Environment, ...]
    registries: dict[str, str]
    silent: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
