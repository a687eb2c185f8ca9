"""Rules for services by their names, and what goes together."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from bot.config.base import Model, Name, Project, one_or_more
from bot.config.paths import is_service
from bot.config.settings import Settings
from bot.repositories import Repository

_SERVICE = "{service}"
_Some = Annotated[tuple[str, ...], Field(min_length=1)]
_Patterns = Annotated[_Some, BeforeValidator(one_or_more, json_schema_input_type=str | _Some)]
_Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_more, json_schema_input_type=Name | tuple[Name, ...])]


class SourceConfig(Model):
    """The repository that a service's code is in."""

    forge: str
    project: Project

    @property
    def repository(self) -> Repository:
        """The repository as forges know it."""
        return Repository(self.forge, self.project)


class ServiceRule(Settings):
    """What holds for the services whose names fit; of several rules that say the same thing the last one counts.

    Only the settings that are written count; the others stay as the environment has them.
    """

    match: _Patterns = Field(description="Names of services, such as `payments-*`; `*` stands for anything.")
    environments: _Names = Field(default=(), description="Where the rule's settings hold; none: everywhere.")
    owner: str = Field(default="", description="Who owns them, as merge requests and tables say.")
    group: Name | None = Field(default=None, description="What is promoted in one merge request with them.")
    source: SourceConfig | None = Field(
        default=None,
        description="Where their code is, to tell by an image's revision whether it has all that the target's has.",
    )
    skip: _Names = Field(default=(), description="Environments that they don't go through.")
    names: dict[Name, str] = Field(
        default={}, description="What they are called in an environment's paths, such as `prod: {service}-live`."
    )

    @field_validator("names")
    @classmethod
    def _have_the_service(cls, names: dict[str, str]) -> dict[str, str]:
        for environment, name in names.items():
            if not is_service(name.replace(_SERVICE, "x")):
                raise ValueError(f"{environment}: {name!r} is no service's name; it may hold {{service}}, and no other")
        return names

    def fits(self, service: str) -> bool:
        """Whether it is about this service."""
        return any(fnmatchcase(service, pattern) for pattern in self.match)

    def called(self, service: str, environment: str) -> str | None:
        """What a service that it fits is called in the environment's paths; None where the rule doesn't say."""
        name = self.names.get(environment)
        return None if name is None else name.replace(_SERVICE, service)

    def known_as(self, name: str, environment: str) -> str | None:
        """The service that is called `name` in an environment's paths by this rule."""
        called = self.names.get(environment)
        if called is None:
            return None
        if _SERVICE not in called:
            exact = [pattern for pattern in self.match if is_service(pattern)]
            return exact[0] if called == name and len(exact) == 1 else None
        found = re.fullmatch("(.+)".join(re.escape(part) for part in called.split(_SERVICE, 1)), name)
        return found[1] if found and self.fits(found[1]) else None


class GroupConfig(Model):
    """What holds for services that are promoted in one merge request."""

    all_or_nothing: bool = Field(default=False, description="Whether one that is blocked holds the others.")
