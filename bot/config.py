"""What `promobot.yaml` says, as values. Reading the file is in configfile.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from bot.images import ImageParts, ImageRef, split_registry
from bot.manifests import FieldRule, Part
from bot.repositories import Repository

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=63)]

PLACEHOLDER = "{service}"
# The service as it stands in the names of variables.
VARIABLE_PLACEHOLDER = "{SERVICE}"

# https://www.rfc-editor.org/rfc/rfc6901#section-3, without the pointer to a whole document.
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")


class _Model(BaseModel):
    """Every part of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_path(value: object) -> object:
    return Path(value) if isinstance(value, str) else value


FilePath = Annotated[Path, BeforeValidator(_as_path)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class LocalForge(_Model):
    """Merge requests over bare repositories in a folder of this machine; for trials and air gaps."""

    type: Literal["local"]
    path: FilePath = Field(description="Folder that holds the bare repositories, `<path>/<project>.git`.")


class BasicAuth(_Model):
    """A user name and a password; the password is named, never written here."""

    type: Literal["basic"]
    username: str = Field(min_length=1)
    password_env: str | None = Field(default=None, description="Environment variable that holds the password.")
    password_file: FilePath | None = Field(default=None, description="File that holds the password and nothing else.")

    @field_validator("username")
    @classmethod
    def _can_be_sent(cls, username: str) -> str:
        if ":" in username:  # https://www.rfc-editor.org/rfc/rfc7617#section-2
            raise ValueError("a user name can't hold a colon")
        return username

    @model_validator(mode="after")
    def _says_where_the_password_is(self) -> BasicAuth:
        if (self.password_env is None) == (self.password_file is None):
            raise ValueError("give either password_env or password_file")
        return self


class DockerAuth(_Model):
    """The login that `docker login` and its like left in Docker's `config.json`."""

    type: Literal["docker"]
    config: FilePath | None = Field(
        default=None, description="The file, if it isn't `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`."
    )


Auth: TypeAlias = Annotated[BasicAuth | DockerAuth, Field(discriminator="type")]


def _is_host(host: str) -> str:
    try:
        fits = ImageRef(host, "x").registry == split_registry(f"{host}/x")[0]
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{host!r} is no host[:port], such as auth.example.com")
    return host


def _is_endpoint(endpoint: str) -> str:
    try:
        _is_host(endpoint if ":" in endpoint else f"{endpoint}:443")  # with a port, `registry` is a host too
    except ValueError:
        raise ValueError(f"{endpoint!r} is no host[:port], such as localhost:5000") from None
    return endpoint


Endpoint = Annotated[str, AfterValidator(_is_endpoint)]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_is_host)], ...], BeforeValidator(_as_tuple)]


class RegistryConfig(_Model):
    """A registry, or a prefix inside one, that environments pull from."""

    url: str = Field(description="What manifests write before the image's path: `host[:port][/prefix]`, no scheme.")
    endpoint: Endpoint | None = Field(
        default=None, description="Where to connect, `host[:port]`, if not to the host above."
    )
    plain_http: bool = Field(default=False, description="Talk HTTP without TLS.")
    ca_file: FilePath | None = Field(default=None, description="PEM file of the authority that signed its certificate.")
    token_hosts: Hosts = Field(
        default=(), description="Further hosts, `host[:port]`, that may ask for the login and give tokens for it."
    )
    concurrency: int = Field(default=16, ge=1, le=64, description="How many requests at a time it is sent at most.")
    auth: Auth | None = None

    @field_validator("url")
    @classmethod
    def _is_prefix(cls, url: str) -> str:
        if "://" in url:
            raise ValueError("write host[:port][/prefix] without a scheme")
        host, path = split_registry(f"{url}/x")
        if host is None:
            raise ValueError("begin with a host, such as registry.example.com or localhost:5000")
        ImageRef(host, path)
        return url

    @property
    def host(self) -> str:
        """The host that manifests write."""
        return self.url.partition("/")[0]

    @property
    def prefix(self) -> str:
        """The path below the host that every image of this registry begins with; often empty."""
        return self.url.partition("/")[2]

    def path_of(self, image: ImageRef) -> str | None:
        """The repository path of `image` below this registry's prefix, or None where it lives elsewhere.

        Where prefixes nest, it may still be another registry's: see `Config.path_in`.
        """
        begins = f"{self.url}/"
        return image.name.removeprefix(begins) if image.name.startswith(begins) else None

    def image(self, path: str) -> ImageRef:
        """The image that lives at `path` below this registry's prefix."""
        return ImageRef(*split_registry(f"{self.url}/{path}"))


class RepositoryConfig(_Model):
    """The branch that an environment is deployed from."""

    forge: str
    project: str
    branch: str = "main"

    @property
    def repository(self) -> Repository:
        """The repository without the branch."""
        return Repository(self.forge, self.project)


class Approvers(_Model):
    """Who is asked to review an environment's merge requests."""

    groups: Strings = ()
    users: Strings = ()
    required: int = Field(default=1, ge=0)


def fill(text: str, service: str) -> str:
    """The text for one service: `{service}` is its name, `{SERVICE}` the same as variables have it (`a-b`: A_B)."""
    variable = re.sub(r"[^A-Z0-9]", "_", service.upper())
    return text.replace(PLACEHOLDER, service).replace(VARIABLE_PLACEHOLDER, variable)


def _is_pointer(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError(f"{text!r} is no JSON pointer; write such as /spec/chart/spec/version")
    return text


Pointer = Annotated[str, AfterValidator(_is_pointer)]


class FieldConfig(_Model):
    """A scalar that says an image, or a part of one, where promobot would not look by itself."""

    path: str | None = Field(
        default=None, description="Which of `paths` it is in; may be left out where there is only one."
    )
    pointer: Pointer = Field(
        description="JSON pointer of the scalar (RFC 6901), such as `/spec/postBuild/substitute/{SERVICE}_IMAGE_TAG`; "
        "`{service}` is the service's name, `{SERVICE}` the same in capitals and underscores."
    )
    holds: Literal["image", "tag"] = Field(description="What the scalar says: a whole image, or the tag of `image`.")
    image: str | None = Field(
        default=None,
        description="The image that the scalar is the tag of, `[host/]path` with `{service}`; not with `holds: image`.",
    )

    @field_validator("image")
    @classmethod
    def _is_name(cls, image: str | None) -> str | None:
        if image is None:
            return None
        name = ImageRef.parse(fill(image, "x"))
        if name.tag or name.digest:
            raise ValueError(f"{image}: leave tag and digest out")
        return image

    @model_validator(mode="after")
    def _says_which_image(self) -> FieldConfig:
        if (self.image is None) != (self.holds == "image"):
            wrong = "needs `image`, the image that it is the tag of" if self.image is None else "says it by itself"
            raise ValueError(f"`holds: {self.holds}` {wrong}")
        return self

    def rule(self, service: str) -> FieldRule:
        """What this says of one service's manifest. Raises ValueError where the service's name makes no image."""
        image = ImageParts.of(ImageRef.parse(fill(self.image, service))) if self.image else None
        return FieldRule(fill(self.pointer, service), Part(self.holds), image)


class EnvironmentConfig(_Model):
    """One environment: where it is described, which registry it pulls from, and where its images come from."""

    name: Name
    from_: str | None = Field(default=None, alias="from", description="The environment that images come from.")
    repository: RepositoryConfig
    paths: Strings = Field(min_length=1, description="Manifests, with `{service}` for one path segment.")
    registry: str
    fields: Annotated[tuple[FieldConfig, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="Images in places where promobot would not look by itself."
    )
    tag: str = Field(default="same", description="The tag here: `same`, or such as `{major}.{minor}.{patch}`.")
    write: Literal["as-found", "tag", "tag+digest"] = Field(
        default="as-found",
        description="What an image is written as: with a digest where it has one, without one, or always with one.",
    )
    also_promote: Annotated[tuple[Pointer, ...], BeforeValidator(_as_tuple)] = Field(
        default=(),
        description="JSON pointers of further scalars that are carried with the image, from and to the document that "
        "names it, such as `/spec/chart/spec/version`.",
    )
    when_missing: Literal["copy"] | None = Field(
        default=None,
        description="`copy`: what the source has and this environment hasn't is proposed as a draft, made from the "
        "source's manifest.",
    )
    promote: Literal["auto", "manual"] = Field(
        default="manual", description="Whether `reconcile` proposes on its own what is due."
    )
    approvers: Approvers = Approvers()

    @field_validator("name")
    @classmethod
    def _fits_a_branch(cls, name: str) -> str:
        if ".." in name or name.endswith(".lock"):  # see git-check-ref-format(1)
            raise ValueError(f"{name} can't be part of a branch's name")
        return name

    @field_validator("paths")
    @classmethod
    def _has_placeholder(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if path.count(PLACEHOLDER) != 1:
                raise ValueError(f"{path!r} must hold {PLACEHOLDER} exactly once")
            if path.startswith("/") or ".." in path.split("/"):
                raise ValueError(f"{path!r} must stay inside the repository")
        return paths

    @field_validator("tag")
    @classmethod
    def _known_placeholders(cls, tag: str) -> str:
        unknown = set(re.findall(r"\{([^}]*)\}", tag)) - {"major", "minor", "patch"}
        if unknown:
            raise ValueError(f"unknown placeholder {{{min(unknown)}}}; known are {{major}}, {{minor}} and {{patch}}")
        if set("{}") & set(re.sub(r"\{[^{}]*\}", "", tag)):
            raise ValueError("a brace without its partner")
        return tag


class Author(_Model):
    """Who promobot's commits are by; commits of anybody else on its branches are left alone."""

    name: str = "promobot"
    email: str = "promobot@localhost"


class Config(_Model):
    """The whole file."""

    forges: dict[Name, LocalForge]
    registries: dict[Name, RegistryConfig]
    environments: Annotated[tuple[EnvironmentConfig, ...], BeforeValidator(_as_tuple)] = Field(min_length=1)
    author: Author = Author()

    def environment(self, name: str) -> EnvironmentConfig:
        """The environment of that name; raises KeyError."""
        return {env.name: env for env in self.environments}[name]

    def path_in(self, registry: str, image: ImageRef) -> str | None:
        """The path of `image` below the prefix of the registry of that name, None where it lives elsewhere.

        Where several registries' prefixes fit, it lives in the one with the longest.
        """
        here = self.registries[registry]
        fitting = (len(other.url) for other in self.registries.values() if other.path_of(image) is not None)
        return here.path_of(image) if max(fitting, default=0) == len(here.url) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every environment's name, in the file's order."""
        return tuple(env.name for env in self.environments)

    @property
    def hops(self) -> Iterator[tuple[EnvironmentConfig, EnvironmentConfig]]:
        """Each (source, target) pair, targets in the file's order."""
        for target in self.environments:
            if target.from_ is not None:
                yield self.environment(target.from_), target
