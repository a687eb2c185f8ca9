"""What an environment says about its services, read at one commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.config import PLACEHOLDER, EnvironmentConfig, FieldConfig
from bot.decide.facts import Ask, Refusal
from bot.errors import ExitCode, ManifestError
from bot.manifests import FieldRule, ImageField, find_images
from bot.questions import Absent, BranchHead, Files
from bot.repositories import File, Rev

_SERVICE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_SYMLINK = "120000"


@dataclass(frozen=True)
class Manifest:
    """One file that describes a service in an environment; `slot` is the index of the path pattern it fits.

    `told` is what the configuration says of images in it that nobody would find otherwise.
    """

    slot: int
    file: File
    service: str
    told: tuple[FieldConfig, ...] = ()

    @property
    def rules(self) -> tuple[FieldRule, ...]:
        """What is told, for this service. Raises Refusal where its name makes no image."""
        try:
            return tuple(field.rule(self.service) for field in self.told)
        except ValueError as error:
            raise Refusal(str(error), "correct `fields`, or call the service otherwise") from None

    @property
    def fields(self) -> tuple[ImageField, ...]:
        """The images that it names. Raises Refusal where the file can't be read exactly."""
        if self.file.mode == _SYMLINK:
            raise Refusal(f"{self.file.path}: is a symbolic link", "name the file it points to", ExitCode.MANIFEST)
        try:
            found = _find_images(self.file.path, self.file.content, self.rules)
        except ManifestError as error:
            raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None
        self._refuse_broken_rules(found)
        return found

    def _refuse_broken_rules(self, found: tuple[ImageField, ...]) -> None:
        """What somebody pointed to must be there, and say an image: without it the service is not what they think."""
        pointers = {rule.pointer for rule in self.rules}
        for field in found:
            if field.pointer in pointers and field.image is None:
                where = f"{self.file.path}:{field.line}: {field.pointer}"
                raise Refusal(f"{where}: {field.gap}", "correct the manifest or `fields`", ExitCode.MANIFEST)


@dataclass(frozen=True)
class Snapshot:
    """What an environment's branch says at one commit: manifests by service, in the order of their paths."""

    environment: EnvironmentConfig
    rev: Rev
    manifests: dict[str, tuple[Manifest, ...]]


# Deciding asks in rounds, and each round reads the same bytes again: parse them once.
_find_images = lru_cache(maxsize=1 << 14)(find_images)


def is_service(name: str) -> bool:
    """Whether a service can be called that."""
    return _SERVICE.fullmatch(name) is not None


def head_of(environment: EnvironmentConfig) -> BranchHead:
    """The question that must be answered before anything else about an environment."""
    return BranchHead(environment.repository.repository, environment.repository.branch)


def read_environments(
    ask: Ask, environments: Sequence[EnvironmentConfig], services: Sequence[str]
) -> tuple[Snapshot, ...]:
    """The manifests of these services (none: of all) at the heads of the environments' branches."""
    ask.together(*(head_of(environment) for environment in environments))
    files = [_files_of(ask, environment, services) for environment in environments]
    ask.together(*files)
    return tuple(_snapshot(ask, *pair) for pair in zip(environments, files, strict=True))


def _files_of(ask: Ask, environment: EnvironmentConfig, services: Sequence[str]) -> Files:
    head = ask(head_of(environment))
    if isinstance(head, Absent):
        raise Refusal(
            f"{environment.repository.repository} has no branch {environment.repository.branch}",
            f"correct repository.branch of environment {environment.name}",
            ExitCode.GIT,
        )
    return Files(Rev(environment.repository.repository, head.value), tuple(_globs(environment, services)))


def _snapshot(ask: Ask, environment: EnvironmentConfig, question: Files) -> Snapshot:
    files = ask(question)
    found: dict[str, list[Manifest]] = {}
    for file in files.value if not isinstance(files, Absent) else ():
        match = next(_matches(environment, file.path), None)
        if match is not None:
            slot, service = match
            found.setdefault(service, []).append(manifest_of(environment, slot, service, file))
    manifests = {service: tuple(manifests) for service, manifests in sorted(found.items())}
    return Snapshot(environment, question.rev, manifests)


def manifest_of(environment: EnvironmentConfig, slot: int, service: str, file: File) -> Manifest:
    """The file as a manifest of this service, which fits the path pattern number `slot`."""
    told = tuple(field for field in environment.fields if field.path in {None, environment.paths[slot]})
    return Manifest(slot, file, service, told)


def _globs(environment: EnvironmentConfig, services: Sequence[str]) -> Iterator[str]:
    for path in environment.paths:
        for service in services or ("*",):
            yield path.replace(PLACEHOLDER, service)


def _matches(environment: EnvironmentConfig, path: str) -> Iterator[tuple[int, str]]:
    for slot, pattern in enumerate(environment.paths):
        service = service_in(pattern, path)
        if service is not None:
            yield slot, service


def service_in(pattern: str, path: str) -> str | None:
    """The service that a path belongs to by a pattern, None where it doesn't fit."""
    glob = "([^/]+)".join(_segment_regex(part) for part in pattern.split(PLACEHOLDER))
    match = re.fullmatch(glob, path)
    return match[1] if match and is_service(match[1]) else None


def _segment_regex(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in text.split("*"))
