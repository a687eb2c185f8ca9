"""Environments: where each is described, what it pulls, and where its images come from."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from bot.config.base import Model, Name, OneOrMore, Project, as_tuple
from bot.config.branches import BranchTemplate, beginning
from bot.config.fields import FieldConfig
from bot.config.paths import Globs, PathPattern, PathText
from bot.config.registries import ImageGlobs, as_repositories
from bot.config.settings import Settings
from bot.repositories import Repository, is_branch

Setting = Literal[
    "tag",
    "write",
    "also_promote",
    "when_missing",
    "promote",
    "supersede",
    "merge",
    "approvers",
    "merge_requests",
    "gates",
    "floating_tags",
    "replace_unreleased",
    "allow_image_policy",
]


def _is_branch(name: str) -> str:
    if not is_branch(name):
        raise ValueError(f"no branch can be called {name!r}")
    return name


class RepositoryConfig(Model):
    """The branch that an environment is deployed from."""

    forge: str
    project: Project
    branch: Annotated[str, AfterValidator(_is_branch)] = "main"
    branches: BranchTemplate = Field(
        default="promobot/{environment}/{unit}",
        description="What promobot's own branches are called, with `{unit}`, the service or group, at the end.",
    )
    pin_branches: BranchTemplate = Field(
        default="promobot-pin/{environment}/{unit}",
        description="What the branches of `promobot pin` are called, in the same way.",
    )

    @property
    def repository(self) -> Repository:
        """The repository without the branch."""
        return Repository(self.forge, self.project)


class Limits(Model):
    """How much is proposed at a time."""

    open_requests: int | None = Field(
        default=5,
        ge=1,
        description="How many merge requests of promobot may be open at a time in the environment's repository; "
        "`null`: any number.",
    )


class EnvironmentConfig(Settings):
    """One environment: where it is described, which registry it pulls from, and where its images come from."""

    name: Name
    from_: OneOrMore = Field(
        default=(),
        alias="from",
        description="The environment that images come from; of several, all that have the service must run the same.",
    )
    repository: RepositoryConfig
    paths: Annotated[tuple[PathText, ...], BeforeValidator(as_tuple)] = Field(
        min_length=1, description="Manifests, with `{service}` for one path segment or a part of it."
    )
    exclude: Globs = Field(default=(), description="Files that fit `paths` and are left out; `**` crosses folders.")
    registry: str
    images: ImageGlobs = Field(
        default=(),
        description="Which repositories of the registry move, such as `shop/*`, with its prefix or without; none: all.",
    )
    repositories: dict[str, str] = Field(
        default={},
        description="What repositories of the source's registry are called in this one, such as `shop/*: live/shop-*`.",
    )
    fields: Annotated[tuple[FieldConfig, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Images in places where promobot would not look by itself."
    )
    lock: Annotated[tuple[Setting, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Settings that `services` doesn't change here."
    )
    limits: Limits = Limits()

    @field_validator("name")
    @classmethod
    def _fits_a_branch(cls, name: str) -> str:
        if ".." in name or name.endswith(".lock"):  # see git-check-ref-format(1)
            raise ValueError(f"{name} can't be part of a branch's name")
        return name

    @field_validator("repositories")
    @classmethod
    def _have_one_star(cls, repositories: dict[str, str]) -> dict[str, str]:
        for theirs, ours in repositories.items():
            if theirs.count("*") > 1 or ours.count("*") != theirs.count("*"):
                raise ValueError(f"{theirs}: {ours}: write one * on both sides, or none")
            as_repositories(theirs)
            as_repositories(ours)
        return repositories

    @cached_property
    def patterns(self) -> tuple[PathPattern, ...]:
        """`paths`, to match and fill."""
        return tuple(PathPattern(path) for path in self.paths)

    @property
    def branch_prefix(self) -> str:
        """What the names of all promotions' branches into it begin with."""
        return beginning(self.repository.branches, self.name)

    @property
    def pin_prefix(self) -> str:
        """The same of the branches that propose images of its own for an overlay; no promotion's begins so."""
        return beginning(self.repository.pin_branches, self.name)

    def mapping(self, path: str) -> str | None:
        """The first entry of `repositories` that a path of the source's registry fits."""
        for theirs in self.repositories:
            begin, star, end = theirs.partition("*")
            if path == theirs or (
                star and len(path) >= len(begin) + len(end) and path.startswith(begin) and path.endswith(end)
            ):
                return theirs
        return None

    def mapped(self, path: str) -> str:
        """What a repository path of the source's registry is called here."""
        theirs = self.mapping(path)
        if theirs is None:
            return path
        begin, _, end = theirs.partition("*")
        return self.repositories[theirs].replace("*", path[len(begin) : len(path) - len(end)])
