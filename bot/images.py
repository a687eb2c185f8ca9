"""Image references and digests: parsed once at the edge into values that cannot be wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

# Grammar: https://pkg.go.dev/github.com/distribution/reference and
# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")

# Names of one registry: the one that people write, the one of logins, the one that answers.
DOCKER_HUB = "docker.io"
DOCKER_HUB_ENDPOINT = "registry-1.docker.io"
DOCKER_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", DOCKER_HUB_ENDPOINT})


@dataclass(frozen=True, order=True)
class Digest:
    """A manifest's sha256 digest, `sha256:` and 64 lower-case hexadecimal digits.

    Raises ValueError for anything else.
    """

    text: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.text):
            raise ValueError(f"not a sha256 digest: {self.text[:80]!r}")

    def __str__(self) -> str:
        return self.text

    @property
    def short(self) -> str:
        """`sha256:` and the first 12 digits, for tables; never for comparing."""
        return self.text[:19]


@dataclass(frozen=True)
class ImageRef:
    """An image as a manifest names it; None stands for a part that the manifest leaves out.

    `registry` is `host[:port]`, `repository` the path below it. Parsing and printing are inverse.
    Raises ValueError where a part does not fit the reference grammar.
    """

    registry: str | None
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if self.registry is not None and not _HOST.fullmatch(self.registry):
            raise ValueError(f"not a registry host: {self.registry[:80]!r}")
        if not _REPOSITORY.fullmatch(self.repository):
            raise ValueError(f"not a repository path: {self.repository[:80]!r}")
        if self.tag is not None and not is_tag(self.tag):
            raise ValueError(f"not a tag: {self.tag[:80]!r}")

    @classmethod
    def parse(cls, text: str) -> ImageRef:
        """Read `[registry/]repository[:tag][@digest]`; raises ValueError."""
        name, at, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        registry, repository = split_registry(f"{head}{slash}{last}")
        return cls(registry, repository, tag if colon else None, Digest(digest) if at else None)

    def as_docker_reads_it(self) -> ImageRef:
        """With everything said that Docker takes for granted: `nginx` is `docker.io/library/nginx:latest`.

        https://pkg.go.dev/github.com/distribution/reference#ParseNormalizedNamed
        """
        registry = DOCKER_HUB if self.registry is None or self.registry in DOCKER_HUB_HOSTS else self.registry
        official = registry == DOCKER_HUB and "/" not in self.repository
        tag = "latest" if self.tag is None and self.digest is None else self.tag
        return ImageRef(registry, f"library/{self.repository}" if official else self.repository, tag, self.digest)

    @property
    def name(self) -> str:
        """The reference without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    def at(self, tag: str | None, digest: Digest | None) -> ImageRef:
        """The same name under another tag and digest."""
        return replace(self, tag=tag, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


@dataclass(frozen=True)
class ImageParts:
    """What is said about an image, or shall be said of it; None stands for a part that is left out.

    An overlay may give a tag alone, a chart's defaults a repository alone. Raises ValueError where a part does not
    fit the reference grammar.
    """

    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        ImageRef(self.registry, self.repository if self.repository is not None else "x", self.tag, self.digest)

    @classmethod
    def of(cls, image: ImageRef) -> ImageParts:
        """The parts of a reference."""
        return cls(image.registry, image.repository, image.tag, image.digest)

    @classmethod
    def parse(cls, text: str) -> ImageParts:
        """Read `[registry/][repository][:tag][@digest]`, such as `:1.2`, `app@sha256:…` or `quay.io/`.

        Raises ValueError, for an empty text too.
        """
        if text.startswith((":", "@")):
            version = ImageRef.parse(f"x{text}")
            return cls(tag=version.tag, digest=version.digest)
        if text.endswith("/"):
            return cls(registry=text.removesuffix("/"))
        return cls.of(ImageRef.parse(text))

    @property
    def ref(self) -> ImageRef | None:
        """The reference that the parts make up, None without a repository."""
        if self.repository is None:
            return None
        return ImageRef(self.registry, self.repository, self.tag, self.digest)

    def __str__(self) -> str:
        if self.ref is not None:
            return str(self.ref)
        registry = f"{self.registry}/" if self.registry else ""
        return registry + str(ImageRef(None, "x", self.tag, self.digest))[1:]


def split_registry(name: str) -> tuple[str | None, str]:
    """Split `host/path` by Docker's rule: a first segment with a dot or colon, or `localhost`, is a host."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return None, name


def is_tag(text: str) -> bool:
    """Whether `text` fits the grammar of a tag."""
    return _TAG.fullmatch(text) is not None
