"""Registries, and how to log in to them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from bot.config.base import FilePath, Model, as_tuple
from bot.config.paths import glob_match
from bot.images import DOCKER_HUB, DOCKER_HUB_ENDPOINT, ImageRef, split_registry


class BasicAuth(Model):
    """A user name and a password; the password is named, never written here."""

    type: Literal["basic"]
    username: str = Field(min_length=1)
    password_env: str | None = Field(
        default=None, min_length=1, description="Environment variable that holds the password."
    )
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


class DockerAuth(Model):
    """The login that `docker login` and its like left in Docker's `config.json`."""

    type: Literal["docker"]
    config: FilePath | None = Field(
        default=None, description="The file, if it isn't `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`."
    )


_LAST_PORT = (1 << 16) - 1

Auth: TypeAlias = Annotated[BasicAuth | DockerAuth, Field(discriminator="type")]


def as_repositories(glob: str) -> str:
    """A path of repositories below a registry, `*` in it standing for something. Raises ValueError for any other."""
    try:
        ImageRef(None, glob.replace("*", "x"))
    except ValueError:
        raise ValueError(
            f"{glob!r} is no path of repositories: lower-case words with . _ - inside and / between, no host, no tag"
        ) from None
    return glob


def _as_image_names(glob: str) -> str:
    """The same, with a host before it or not."""
    as_repositories(split_registry(glob)[1])
    return glob


ImageGlobs = Annotated[tuple[Annotated[str, AfterValidator(_as_image_names)], ...], BeforeValidator(as_tuple)]


def _is_host(host: str) -> str:
    try:
        fits = ImageRef(host, "x").registry == split_registry(f"{host}/x")[0]
    except ValueError:
        fits = False
    _, colon, port = host.rpartition(":")
    if not fits or (colon and port.isdigit() and int(port) > _LAST_PORT):
        raise ValueError(f"{host!r} is no host[:port], such as auth.example.com")
    return host


def _is_endpoint(endpoint: str) -> str:
    try:
        _is_host(endpoint if ":" in endpoint else f"{endpoint}:443")  # with a port, `registry` is a host too
    except ValueError:
        raise ValueError(f"{endpoint!r} is no host[:port], such as localhost:5000") from None
    return endpoint


Endpoint = Annotated[str, AfterValidator(_is_endpoint)]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_is_host)], ...], BeforeValidator(as_tuple)]


class RegistryConfig(Model):
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
        _is_host(host)
        if path != "x":
            as_repositories(path.removesuffix("/x"))
        return url

    @property
    def host(self) -> str:
        """The host that manifests write."""
        return self.url.partition("/")[0]

    @property
    def prefix(self) -> str:
        """The path below the host that every image of this registry begins with; often empty."""
        return self.url.partition("/")[2]

    @property
    def address(self) -> str:
        """Where to connect, `host[:port]`."""
        return self.endpoint or (DOCKER_HUB_ENDPOINT if self.host == DOCKER_HUB else self.host)

    @property
    def place(self) -> tuple[str, str]:
        """What tells whether two are one: where to connect, and the prefix there."""
        return self.address.lower().removesuffix(":80" if self.plain_http else ":443"), self.prefix

    def path_of(self, image: ImageRef) -> str | None:
        """The repository path of `image` below this registry's prefix, or None where it lives elsewhere.

        Where prefixes nest, it may still be another registry's: see `Config.path_in`.
        """
        begins = f"{self.url}/"
        return image.name.removeprefix(begins) if image.name.startswith(begins) else None

    def fits(self, glob: str, path: str) -> bool:
        """Whether a glob fits the image at `path` by any of its names: below the prefix, with it, with the host too."""
        return any(glob_match(glob, name) for name in (path, f"{self.prefix}/{path}", f"{self.url}/{path}"))

    def image(self, path: str) -> ImageRef:
        """The image that lives at `path` below this registry's prefix."""
        return ImageRef(*split_registry(f"{self.url}/{path}"))
