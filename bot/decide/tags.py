"""The tag that an image gets in the next environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.config import TagScheme, groups_of
from bot.images import is_tag

# https://semver.org/spec/v2.0.0.html#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string,
# with an optional leading v and without build metadata, since a tag can't hold a plus sign.
_VERSION = re.compile(
    r"(?P<v>v?)(?P<major>0|[1-9][0-9]*)\.(?P<minor>0|[1-9][0-9]*)\.(?P<patch>0|[1-9][0-9]*)"
    r"(?P<pre>(?:-[0-9A-Za-z][0-9A-Za-z.-]*?)?)"
)
# What images for one platform alone are called at the end: Go's names of architectures, Docker's and the kernel's.
_ARCH = re.compile(
    r"-(?:(?:linux|windows|darwin)-)?(?:(?:linux|windows)|amd64|x86[_-]64|386|i386|arm64(?:[-_/]?v8)?|aarch64"
    r"|arm(?:32)?(?:[-_]?v[5-8])?|armhf|ppc64le|s390x|riscv64|loong64|mips64(?:le)?)"
)
# What follows a version and says which of several images of it this is; no pre-release is called that.
_FLAVOUR = re.compile(
    r"(?:^|[-.])(alpine|slim|debian|bookworm|bullseye|trixie|ubuntu|jammy|noble|focal|ubi|distroless|scratch|musl"
    r"|busybox|wolfi|nanoserver|windowsservercore|ltsc|fips|cuda|rocm|gpu|debug)[0-9.]*(?=$|[-.])",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Version:
    """A tag that is a semantic version, and the `arch` at its end with its dash: `v1.2.3-rc1-arm64`.

    `parts` are what templates are filled from: `v` is `v` or empty, `pre` and `arch` begin with a dash or are empty.
    """

    tag: str
    parts: Mapping[str, str]

    @classmethod
    def parse(cls, tag: str) -> Version | None:
        """None for a tag that is no version."""
        release, arch = split_arch(tag)
        found = _VERSION.fullmatch(release)
        return cls(tag, {**found.groupdict(), "arch": arch}) if found else None


def split_arch(tag: str) -> tuple[str, str]:
    """A tag without the architecture at its end, and that with its dash: `1.2.3`, `-amd64`."""
    for found in re.finditer("-", tag):
        if _ARCH.fullmatch(tag, found.start()):
            return tag[: found.start()], tag[found.start() :]
    return tag, ""


def target_tag(scheme: TagScheme, source: str) -> str:
    """What becomes of the source's tag.

    Raises ValueError where it doesn't fit the scheme, where the scheme would drop what tells it from another image of
    the same version, and where the result is no tag.
    """
    parts = _parts(scheme, source)
    if scheme.to == "same":
        return source
    tag = _PLACEHOLDER.sub(lambda found: parts[found[1]], scheme.to)
    if not is_tag(tag):
        raise ValueError(f"{scheme.to} makes {tag!r} of {source}, which is no tag")
    return tag


def _parts(scheme: TagScheme, source: str) -> Mapping[str, str]:
    if scheme.match is not None:
        groups = groups_of(scheme.match, source)
        if groups is None:
            raise ValueError(f"{source} doesn't fit {scheme.match}, so it gets no tag")
        return groups
    if scheme.to == "same":
        return {}
    version = Version.parse(source)
    if version is None:
        raise ValueError(f"{source} is not a version such as 1.2.3-rc1, so {scheme.to} can't be filled")
    _refuse_loss(scheme, version)
    return version.parts


def _refuse_loss(scheme: TagScheme, version: Version) -> None:
    """Two images of one version, for two architectures say, must not become one tag."""
    kept = set(_PLACEHOLDER.findall(scheme.to))
    arch, pre = version.parts["arch"], version.parts["pre"]
    if arch and "arch" not in kept:
        raise ValueError(f"{version.tag} is for {arch[1:]} alone, which {scheme.to} would drop: add {{arch}}")
    flavour = _FLAVOUR.search(pre.removeprefix("-"))
    if flavour and "pre" not in kept:
        raise ValueError(
            f"{version.tag} is the {flavour[1]} image of its version, which {scheme.to} would drop: add {{pre}}"
        )
