"""What `promobot.yaml` says, as values. Reading the file is in bot/configfile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from bot.config.base import FilePath, Model, Name, as_tuple
from bot.config.environments import EnvironmentConfig, Limits, RepositoryConfig
from bot.config.expressions import groups_of
from bot.config.fields import FieldConfig, fill
from bot.config.forges import ForgeConfig, GitHubApp, GitHubForge, GitLabForge, LocalForge, ServerForge
from bot.config.paths import PathPattern, glob_match, is_service
from bot.config.registries import Auth, BasicAuth, DockerAuth, RegistryConfig
from bot.config.services import GroupConfig, ServiceRule, SourceConfig
from bot.config.settings import Approvers, Gates, MergeRequests, Settings, TagScheme
from bot.images import ImageRef
from bot.repositories import Repository

__all__ = [
    "Approvers",
    "Auth",
    "Author",
    "BasicAuth",
    "Config",
    "DockerAuth",
    "EnvironmentConfig",
    "FieldConfig",
    "ForgeConfig",
    "Gates",
    "GitHubApp",
    "GitHubForge",
    "GitLabForge",
    "GroupConfig",
    "Limits",
    "LocalForge",
    "MergeRequests",
    "PathPattern",
    "RegistryConfig",
    "RepositoryConfig",
    "ServerForge",
    "ServiceRule",
    "Settings",
    "SourceConfig",
    "TagScheme",
    "fill",
    "glob_match",
    "groups_of",
    "is_service",
]


def _is_of_an_author(text: str) -> str:
    if not text.strip() or not text.isprintable() or set("<>") & set(text):
        raise ValueError(f"{text!r} can't stand in a commit: one line, without < and >, and not empty")
    return text


AuthorText = Annotated[str, AfterValidator(_is_of_an_author)]


class Author(Model):
    """Who promobot's commits are by; commits of anybody else on its branches are left alone."""

    name: AuthorText = "promobot"
    email: AuthorText = "promobot@localhost"


class Config(Model):
    """The whole file."""

    forges: dict[Name, ForgeConfig]
    registries: dict[Name, RegistryConfig]
    environments: Annotated[tuple[EnvironmentConfig, ...], BeforeValidator(as_tuple)] = Field(min_length=1)
    services: Annotated[tuple[ServiceRule, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="Rules for services by their names."
    )
    groups: dict[Name, GroupConfig] = Field(default={}, description="What holds for a group that `services` names.")
    author: Author = Author()
    templates: FilePath | None = Field(
        default=None, description="Folder with templates that replace promobot's own of the same name."
    )

    def environment(self, name: str) -> EnvironmentConfig:
        """The environment of that name; raises KeyError."""
        return self._environments[name]

    @cached_property
    def _environments(self) -> Mapping[str, EnvironmentConfig]:
        return {env.name: env for env in self.environments}

    @property
    def names(self) -> tuple[str, ...]:
        """Every environment's name, in the file's order."""
        return tuple(env.name for env in self.environments)

    @property
    def targets(self) -> tuple[EnvironmentConfig, ...]:
        """The environments that images are promoted to, in the file's order."""
        return tuple(env for env in self.environments if env.from_)

    def may_be_automatic(self, target: EnvironmentConfig) -> bool:
        """Whether anything is promoted into an environment without being named."""
        if target.promote == "auto" or "promote" in target.lock:
            return target.promote == "auto"
        rules = (rule for rule in self.services if not rule.environments or target.name in rule.environments)
        return any(rule.promote == "auto" for rule in rules)

    def may_float(self, environment: EnvironmentConfig) -> bool:
        """Whether any tag follows an environment's branch."""
        if environment.floating_tags or "floating_tags" in environment.lock:
            return bool(environment.floating_tags)
        rules = (rule for rule in self.services if not rule.environments or environment.name in rule.environments)
        return any(rule.floating_tags for rule in rules)

    def same_registry(self, name: str) -> tuple[str, ...]:
        """Every name for what is reached at the address of the registry `name`, itself included."""
        address, _ = self.registries[name].place
        return tuple(other for other, registry in self.registries.items() if registry.place[0] == address)

    # --- services ---------------------------------------------------------------------------------------

    def settings(self, environment: str, service: str) -> Settings:
        """How a service is promoted into an environment: as the environment says, unless a rule says otherwise.

        What the environment locks no rule changes.
        """
        env = self.environment(environment)
        said = {name: getattr(env, name) for name in Settings.model_fields}
        for rule in self._rules(service):
            if not rule.environments or environment in rule.environments:
                told = (Settings.model_fields.keys() & rule.model_fields_set) - set(env.lock)
                said.update({name: getattr(rule, name) for name in told})
        return Settings.model_construct(**said)

    def group(self, service: str) -> str | None:
        """The group that a service is promoted with."""
        return next((rule.group for rule in reversed(self._rules(service)) if rule.group), None)

    def misnamed(self, services: Collection[str]) -> set[str]:
        """Groups of these services that are called like another of them, which would go with the group unasked."""
        groups = {group for service in services if (group := self.group(service))}
        return {name for name in groups if name in services and self.group(name) != name}

    def owner(self, service: str) -> str:
        """Who owns a service; often nobody is said to."""
        return next((rule.owner for rule in reversed(self._rules(service)) if rule.owner), "")

    def code(self, service: str) -> Repository | None:
        """The repository of a service's code; None where nobody says."""
        return next((rule.source.repository for rule in reversed(self._rules(service)) if rule.source), None)

    def skips(self, environment: str, service: str) -> bool:
        """Whether a service doesn't go through an environment."""
        return any(environment in rule.skip for rule in self._rules(service))

    def sources(self, target: EnvironmentConfig, service: str) -> tuple[EnvironmentConfig, ...]:
        """The environments that a service comes to the target from: for one that it skips, those before it."""
        found: dict[str, EnvironmentConfig] = {}
        for name in target.from_:
            env = self.environment(name)
            passed = self.sources(env, service) if self.skips(name, service) else (env,)
            found.update({source.name: source for source in passed})
        return tuple(found.values())

    def upstream(self, target: EnvironmentConfig) -> tuple[EnvironmentConfig, ...]:
        """Every environment that some service may come to the target from."""
        skipped = {name for rule in self.services for name in rule.skip}
        found: dict[str, EnvironmentConfig] = {}
        for name in target.from_:
            env = self.environment(name)
            further = self.upstream(env) if name in skipped else ()
            found.update({source.name: source for source in (env, *further)})
        return tuple(found.values())

    def before(self, target: EnvironmentConfig) -> tuple[str, ...]:
        """Every environment that images pass on their way to the target, the nearest first."""
        found = dict.fromkeys(target.from_)
        for name in list(found):
            found.update(dict.fromkeys(self.before(self.environment(name))))
        return tuple(found)

    def service_called(self, name: str, environment: str) -> str | None:
        """The service that an environment's paths call `name`; None where rules call that one otherwise."""
        known = (rule.known_as(name, environment) for rule in reversed(self.services))
        return next((one for one in (*known, name) if one and self.name_of(one, environment) == name), None)

    def name_of(self, service: str, environment: str) -> str:
        """What an environment's paths call a service."""
        called = (rule.called(service, environment) for rule in reversed(self._rules(service)))
        return next(filter(None, called), service)

    def _rules(self, service: str) -> Sequence[ServiceRule]:
        return [rule for rule in self.services if rule.fits(service)]

    # --- images -----------------------------------------------------------------------------------------

    def path_in(self, registry: str, image: ImageRef) -> str | None:
        """The path of `image` below the prefix of the registry of that name, None where it lives elsewhere.

        Where several registries' prefixes fit, it lives in the one with the longest.
        """
        here = self.registries[registry]
        fitting = (len(other.url) for other in self.registries.values() if other.path_of(image) is not None)
        return here.path_of(image) if max(fitting, default=0) == len(here.url) else None

    def moving_path(self, environment: str, image: ImageRef) -> str | None:
        """The path of an image below the environment's registry, None where it is not of those that move."""
        env = self.environment(environment)
        path = self.path_in(env.registry, image)
        if path is None or not env.images:
            return path
        registry = self.registries[env.registry]
        return path if any(registry.fits(glob, path) for glob in env.images) else None

    def moves_to(self, environment: str, image: ImageRef) -> bool:
        """Whether an image is one of those that are promoted to here, under its name here or a source's."""
        env = self.environment(environment)
        names = [env.name, *(source.name for source in self.upstream(env))]
        return any(self.moving_path(name, image) is not None for name in names)

    @property
    def hops(self) -> Iterator[tuple[EnvironmentConfig, EnvironmentConfig]]:
        """Each (source, target) pair, targets in the file's order."""
        for target in self.targets:
            for name in target.from_:
                yield self.environment(name), target
