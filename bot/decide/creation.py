"""A manifest that the target hasn't: made from the source's, and listed where its neighbours are."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from bot.config import Config, EnvironmentConfig, PathPattern
from bot.decide.deploying import following, missing_objects
from bot.decide.environments import Manifest, Snapshot, manifest_of
from bot.decide.facts import Ask, Refusal
from bot.decide.sentences import Sentence, sentence
from bot.errors import ExitCode, ManifestError
from bot.manifests import KUSTOMIZATIONS, Binding, add_resource, find_bindings, kustomization_resources
from bot.questions import Files
from bot.repositories import File, FileChange


@dataclass(frozen=True)
class Copy:
    """A manifest of the target as it is copied, from `origin` of `environment`, with what a reviewer has to look at.

    `applies` are the folders that it has Flux apply instead of those of its origin.
    """

    path: str
    environment: str
    origin: str
    bindings: tuple[Binding, ...]
    applies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Creation:
    """What is made for services that the target hasn't.

    `listings` are the kustomizations that get an entry, by path, with their content before; `notes` say what of that
    a person has to do.
    """

    copies: tuple[Copy, ...] = ()
    listings: tuple[FileChange, ...] = ()
    before: tuple[File, ...] = ()
    notes: tuple[Sentence, ...] = ()


def create_missing(
    ask: Ask, config: Config, sources: Mapping[str, Snapshot], target: Snapshot
) -> tuple[Snapshot, Creation]:
    """The target as if it had these services' manifests, each made from its source's, and what makes that true.

    Raises Refusal where the target's paths don't say where they belong.
    """
    copied = {service: tuple(_copied(config, source, target, service)) for service, source in sources.items()}
    notes: list[Sentence] = []
    made = {service: tuple(_following(pairs, notes)) for service, pairs in copied.items()}
    manifests = {**target.manifests, **{service: tuple(m for m, _ in pairs) for service, pairs in made.items()}}
    copies = tuple(copy for pairs in made.values() for _, copy in pairs)
    created = [manifest for pairs in made.values() for manifest, _ in pairs]
    return replace(target, manifests=manifests), _listed(ask, target, created, copies, notes)


def _copied(config: Config, source: Snapshot, target: Snapshot, service: str) -> Iterator[tuple[Manifest, Copy]]:
    for theirs in source.manifests[service]:
        values, path = _path(config, target.environment, theirs, service)
        file = File(path, theirs.file.mode, theirs.file.content)
        manifest = replace(manifest_of(target.environment, theirs.slot, file, values), copied=True)
        try:
            bindings = find_bindings(path, file.content, source.environment.name)
        except ManifestError as error:
            raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None
        yield manifest, Copy(path, source.environment.name, theirs.file.path, bindings)


def _following(pairs: Sequence[tuple[Manifest, Copy]], notes: list[Sentence]) -> Iterator[tuple[Manifest, Copy]]:
    """The copies, of which Flux Kustomizations apply the other copies. Raises Refusal."""
    paths = {copy.origin: copy.path for _, copy in pairs}
    for manifest, copy in pairs:
        try:
            content, applies, kept = following(copy.path, manifest.file.content, paths)
        except ManifestError as error:
            raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None
        applied = "{} applies {}, as {} does: see that it is right here"
        notes += (sentence(applied, copy.path, folder, copy.origin) for folder in kept)
        yield replace(manifest, file=replace(manifest.file, content=content)), replace(copy, applies=applies)


def _path(
    config: Config, environment: EnvironmentConfig, theirs: Manifest, service: str
) -> tuple[Mapping[str, str], str]:
    """Where the target has what `theirs` is, with the values of the placeholders there."""
    pattern = environment.patterns[theirs.slot] if theirs.slot < len(environment.patterns) else PathPattern("*")
    values = {"service": config.name_of(service, environment.name)}
    if pattern.placeholders != ("service",):
        values = dict(theirs.values)
    if not pattern.certain or not values.keys() >= set(pattern.placeholders):
        raise Refusal(
            f"{service} has no manifest in {environment.name}, and `paths` there don't say where a copy of "
            f"{theirs.file.path} belongs",
            f"add the manifest by hand, or give environment {environment.name} a path without * at the same position "
            "of `paths`",
            ExitCode.USAGE,
        )
    return values, pattern.fill(values)


# --- the kustomization ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """What to list, and the neighbour to list it below."""

    resource: str
    neighbour: str
    path: str


def _listed(
    ask: Ask, target: Snapshot, created: list[Manifest], copies: tuple[Copy, ...], notes: list[Sentence]
) -> Creation:
    candidates = {path: None for manifest in created for path in _candidates(manifest.file.path)}
    there = {file.path: file for file in ask.maybe(Files(target.rev, tuple(candidates))) or ()}
    made = {manifest.file.path: manifest.file.content for manifest in created}
    changed: dict[str, bytes] = {}
    for manifest in created:
        try:
            if not _is_listed_by_one_of(made, manifest.file.path) and not _list(
                target.environment, manifest, there, made.keys(), changed
            ):
                missing = missing_objects(ask, target, manifest, made.keys())
                unknown = sentence("no kustomization lists files like {}: see that it is deployed", manifest.file.path)
                notes += [unknown] if missing is None else missing
        except _NotListed as reason:
            notes.append(reason.note)
        except ManifestError as error:
            notes.append(sentence("{}: {}", error.message, error.hint))
    before = tuple(there[path] for path in changed)
    listings = tuple(FileChange(path, content) for path, content in changed.items())
    return Creation(copies, listings, before, tuple(dict.fromkeys(notes)))


class _NotListed(Exception):  # noqa: N818  not an error: a note for the reviewer
    """Why a created file is in no kustomization yet."""

    def __init__(self, words: str, *values: str) -> None:
        super().__init__(words)
        self.note = sentence(words, *values)


def _is_listed_by_one_of(made: Mapping[str, bytes], path: str) -> bool:
    """Whether a kustomization that is created as well lists a file. Raises ManifestError."""
    above = [candidate for candidate in _candidates(path) if candidate in made and candidate != path]
    return any(
        _joined(candidate, resource) == path
        for candidate in above
        for resource in kustomization_resources(candidate, made[candidate])
    )


def _candidates(path: str) -> Iterator[str]:
    """Every kustomization that may list a file, the nearest first."""
    folder = path
    while folder:
        folder = posixpath.dirname(folder)
        yield from (posixpath.join(folder, name) for name in KUSTOMIZATIONS)


def _list(
    environment: EnvironmentConfig,
    manifest: Manifest,
    there: Mapping[str, File],
    created: Set[str],
    changed: dict[str, bytes],
) -> bool:
    """Add the manifest to the nearest kustomization that lists its like, if any does.

    Raises _NotListed and ManifestError where that can't be done.
    """
    pattern = environment.paths[manifest.slot]
    for path in _candidates(manifest.file.path):
        if path not in there:
            continue
        content = changed.get(path, there[path].content)
        listed = kustomization_resources(path, content)
        if any(_joined(path, resource) == manifest.file.path for resource in listed):
            return True
        entries = [entry for resource in listed if (entry := _entry(pattern, manifest.values, path, resource))]
        if any(_joined(path, resource) in {entry.path for entry in entries} for resource in listed):
            return True
        if entries:
            entry = _only(path, entries)
            _must_be_whole(path, entry, manifest, there, created)
            changed[path] = add_resource(path, content, entry.resource, after=entry.neighbour)
            return True
    return False


def _joined(path: str, resource: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), resource))


def _entry(pattern: str, values: Mapping[str, str], path: str, resource: str) -> _Entry | None:
    """How the service would be listed beside this resource, where that is another service's manifest or folder."""
    joined = _joined(path, resource)
    part = PathPattern("/".join(pattern.split("/")[: joined.count("/") + 1]))
    folder_and_file = part.text != pattern and joined.endswith((".yaml", ".yml", ".json"))
    if not part.placeholders or part.match(joined) is None or folder_and_file:
        return None
    wanted = part.fill(values)
    folder = posixpath.dirname(path)
    relative = posixpath.relpath(f"/{wanted}", f"/{folder}")
    dot, slash = "./" if resource.startswith("./") else "", "/" if resource.endswith("/") else ""
    return _Entry(f"{dot}{relative}{slash}", resource, wanted)


def _only(path: str, entries: list[_Entry]) -> _Entry:
    if len({entry.path for entry in entries}) > 1:
        ways = " and ".join(dict.fromkeys(entry.neighbour for entry in entries))
        raise _NotListed("{} lists such files in several ways ({}), so the new one isn't in it: add it", path, ways)
    return entries[-1]


def _must_be_whole(path: str, entry: _Entry, manifest: Manifest, there: Mapping[str, File], created: Set[str]) -> None:
    """A folder can only be listed if it has a kustomization, or the listing itself breaks."""
    inside = {posixpath.join(entry.path, name) for name in KUSTOMIZATIONS}
    if entry.path != manifest.file.path and not inside & (there.keys() | created):
        raise _NotListed(
            "{} lists folders, and {} has no kustomization: add one, and list the folder", path, entry.path
        )
