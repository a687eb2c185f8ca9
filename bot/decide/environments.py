"""What an environment says about its services, read at one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from bot.config import Config, EnvironmentConfig, FieldConfig, glob_match, is_service
from bot.decide.facts import Ask, Refusal
from bot.errors import ExitCode, ManifestError
from bot.manifests import FieldRule, ImageField, find_images
from bot.plan import Guard
from bot.questions import BranchHead, Changed, Files, Found
from bot.repositories import File, Rev


@dataclass(frozen=True)
class Manifest:
    """One file that describes a service in an environment; `slot` is the index of the path pattern it fits.

    `values` are its placeholders', which make up the `name` that the environment's paths call the service by. `told` is
    what the configuration says of images in it that nobody would find otherwise. One that is `copied` is the source's
    file, on its way to be the target's.
    """

    slot: int
    file: File
    name: str
    values: Mapping[str, str] = field(default_factory=dict, compare=False)
    told: tuple[FieldConfig, ...] = ()
    copied: bool = False

    @property
    def rules(self) -> tuple[FieldRule, ...]:
        """What is told, for this service. Raises Refusal where its name makes no image."""
        try:
            return tuple(field.rule(self.name) for field in self.told)
        except ValueError as error:
            raise Refusal(
                f"{self.file.path}: `fields` makes no valid image name of {self.name}: {error}",
                "correct `image` in `fields`, or rename the service",
            ) from None

    @cached_property
    def fields(self) -> tuple[ImageField, ...]:
        """The images that it names. Raises Refusal where the file can't be read exactly."""
        if self.file.is_link:
            raise Refusal(
                f"{self.file.path} is a symbolic link, which promobot doesn't edit",
                "let `paths` name the file that it points to",
                ExitCode.MANIFEST,
            )
        for rule, one in self.misled:
            where = f"{self.file.path}:{one.line}: {rule.pointer}"
            reason, _, remedy = one.gap.partition("; ")
            raise Refusal(f"{where}: {reason}", remedy or "correct the manifest or `fields`", ExitCode.MANIFEST)
        return self._found

    @property
    def misled(self) -> Iterator[tuple[FieldRule, ImageField]]:
        """What somebody pointed to must be there, and say an image: without it the service is not what they think."""
        for rule in self.rules:
            for one in self._found:
                if one.pointer == rule.pointer and one.image is None:
                    yield rule, one

    @cached_property
    def _found(self) -> tuple[ImageField, ...]:
        try:
            return _find_images(self.file.path, self.file.content, self.rules)
        except ManifestError as error:
            raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None


def fields_at(manifest: Manifest, content: bytes | None) -> tuple[ImageField, ...]:
    """The images that a manifest named when this was its content; none where that was no file or can't be read."""
    if content is None:
        return ()
    try:
        return replace(manifest, file=replace(manifest.file, content=content)).fields
    except Refusal:
        return ()


@dataclass(frozen=True)
class Nameless:
    """A file that would be the manifest of a service if one could be called `name`, or were called so here."""

    path: str
    name: str


@dataclass(frozen=True)
class Snapshot:
    """What an environment's branch says at one commit: manifests by service, in the order of their paths.

    `nameless` are the files that fit a path pattern, but no service can be called what stands there.
    """

    environment: EnvironmentConfig
    rev: Rev
    manifests: dict[str, tuple[Manifest, ...]]
    nameless: tuple[Nameless, ...] = ()

    @cached_property
    def paths(self) -> frozenset[str]:
        """Every manifest's."""
        return frozenset(manifest.file.path for manifests in self.manifests.values() for manifest in manifests)


# Deciding asks in rounds, and each round reads the same bytes again: parse them once. A cache that can't hold all of a
# round holds nothing for the next: this one is for 10,000 services in four environments, with three files each.
_find_images = lru_cache(maxsize=1 << 17)(find_images)


def head_of(environment: EnvironmentConfig) -> BranchHead:
    """The question that must be answered before anything else about an environment."""
    return BranchHead(environment.repository.repository, environment.repository.branch)


def unchanged(target: Snapshot, paths: Iterable[str]) -> Guard:
    """That the target's branch goes on from the commit that was decided upon, and has these files as they were.

    What else was merged meanwhile doesn't matter: a commit on top of the older one merges without conflict.
    """
    repository, branch = target.environment.repository.repository, target.environment.repository.branch
    question = Changed(repository, branch, target.rev.commit, tuple(sorted(set(paths))))
    return Guard(question, Found(frozenset()))


def read_environments(
    ask: Ask, config: Config, environments: Sequence[EnvironmentConfig], services: Sequence[str]
) -> tuple[Snapshot, ...]:
    """The manifests of these services (none: of all) at the heads of the environments' branches."""
    ask.together(*(head_of(environment) for environment in environments))
    files = [_files_of(ask, config, environment, services) for environment in environments]
    ask.together(*files)
    return tuple(_snapshot(ask, config, *pair) for pair in zip(environments, files, strict=True))


def _files_of(ask: Ask, config: Config, environment: EnvironmentConfig, services: Sequence[str]) -> Files:
    head = ask.maybe(head_of(environment))
    if head is None:
        raise Refusal(
            f"{environment.repository.repository} has no branch {environment.repository.branch}",
            f"push the branch, or correct `repository.branch` of environment {environment.name}",
            ExitCode.GIT,
        )
    return Files(Rev(environment.repository.repository, head), tuple(_globs(config, environment, services)))


def _snapshot(ask: Ask, config: Config, environment: EnvironmentConfig, question: Files) -> Snapshot:
    found: dict[str, list[Manifest]] = {}
    nameless: list[Nameless] = []
    for file in ask.maybe(question) or ():
        fitting = tuple(manifests_at(environment, file))
        manifest = next((manifest for manifest in fitting if is_service(manifest.name)), None)
        service = config.service_called(manifest.name, environment.name) if manifest else None
        if manifest is not None and service is not None:
            found.setdefault(service, []).append(manifest)
        elif fitting:
            nameless.append(Nameless(file.path, fitting[0].name))
    manifests = {service: tuple(manifests) for service, manifests in sorted(found.items())}
    return Snapshot(environment, question.rev, manifests, tuple(nameless))


def _globs(config: Config, environment: EnvironmentConfig, services: Sequence[str]) -> Iterator[str]:
    for pattern in environment.patterns:
        if services and pattern.placeholders == ("service",):
            for service in services:
                yield pattern.fill({"service": config.name_of(service, environment.name)})
        else:
            yield pattern.glob


def service_at(config: Config, environment: EnvironmentConfig, path: str) -> str | None:
    """The service that an environment has a manifest of at this path, as far as the path tells."""
    manifest = next(manifests_at(environment, File(path, "", b"")), None)
    return config.service_called(manifest.name, environment.name) if manifest else None


def manifests_at(environment: EnvironmentConfig, file: File) -> Iterator[Manifest]:
    """The file as a manifest, once for each path pattern that it fits."""
    if any(glob_match(glob, file.path) for glob in environment.exclude):
        return
    for slot, pattern in enumerate(environment.patterns):
        values = pattern.match(file.path)
        if values is not None:
            yield manifest_of(environment, slot, file, values)


def manifest_of(environment: EnvironmentConfig, slot: int, file: File, values: Mapping[str, str]) -> Manifest:
    """The file as a manifest that fits the path pattern number `slot` with these placeholders' values."""
    told = tuple(rule for rule in environment.fields if rule.path in {None, environment.paths[slot]})
    return Manifest(slot, file, environment.patterns[slot].service(values), values, told)
