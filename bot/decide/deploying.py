"""What has Flux apply the manifests of a new service: a Flux Kustomization for each service, if there are such."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from bot.config import PathPattern
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask
from bot.decide.sentences import Sentence, sentence
from bot.errors import ManifestError
from bot.manifests import KUSTOMIZATIONS, Applied, ScalarEdit, find_applied, set_images
from bot.questions import Files, Paths
from bot.repositories import File

# So many other services are looked at, and so many files that are called after one of them.
_NEIGHBOURS = 20
_CANDIDATES = 50
_SERVICE = "{service}"
_ENDINGS = (".yaml", ".yml")


def following(path: str, content: bytes, copied: Mapping[str, str]) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    """A copy that applies the copies instead of what they were copied from; `copied` are files by what they became.

    With it, the folders that are applied now, and those that aren't of copies. Raises ManifestError.
    """
    edits, moved, kept = [], [], []
    for applied in find_applied(path, content):
        folder = _moved(applied.folder, copied)
        if folder is not None and folder != applied.folder:
            edits.append(ScalarEdit(applied.document, applied.pointer, applied.instead(folder)))
            moved.append(applied.instead(folder))
        elif folder is None:
            kept.append(applied.text)
    return set_images(path, content, edits), tuple(moved), tuple(kept)


def _moved(folder: str, copied: Mapping[str, str]) -> str | None:
    """What a folder of copied files is called now; None where no copy is in it, or copies disagree."""
    found = set()
    for origin, path in copied.items():
        if _holds(folder, origin):
            below = origin.removeprefix(folder)
            found.add(folder if _holds(folder, path) else path.removesuffix(below) if path.endswith(below) else None)
    return found.pop() if len(found) == 1 else None


def _holds(folder: str, path: str) -> bool:
    return path.startswith(f"{folder}/")


def missing_objects(
    ask: Ask, target: Snapshot, manifest: Manifest, created: Collection[str]
) -> tuple[Sentence, ...] | None:
    """What deploys other services and is missing for this one, as sentences: none where nothing is.

    None where it isn't known what deploys others.
    """
    paths = sorted(ask.maybe(Paths(target.rev)) or ())
    neighbours = _neighbours(paths, target.environment.patterns)
    if _is_beside(manifest, neighbours, paths):
        return ()
    patterns = _patterns(paths, neighbours)
    files = ask.maybe(Files(target.rev, tuple(sorted(path for path, _ in patterns.values())))) or ()
    contents = {file.path: file for file in files}
    own = [
        (_called(pattern, _SERVICE, manifest.name), applied, path, folder)
        for pattern, (path, name) in patterns.items()
        for applied in _applied_by(contents.get(path), name, neighbours[name])
        if _holds(folder := _called(applied.folder, name, manifest.name), manifest.file.path)
    ]
    missing = tuple(
        sentence(
            "{} is missing: a Flux Kustomization that applies {}, as {} applies {}",
            *(wanted, applied.instead(folder), path, applied.text),
        )
        for wanted, applied, path, folder in own
        if wanted not in {*paths, *created}
    )
    return missing if own else None


def _neighbours(paths: Iterable[str], patterns: Iterable[PathPattern]) -> dict[str, list[str]]:
    """The manifests of some services of the environment, by what it calls these."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for pattern in patterns:
            values = pattern.match(path)
            name = pattern.service(values) if values is not None else ""
            if name in found or (name and len(found) < _NEIGHBOURS):
                found.setdefault(name, []).append(path)
    return found


def _is_beside(manifest: Manifest, neighbours: Mapping[str, list[str]], paths: Iterable[str]) -> bool:
    """Whether others have theirs in the same folder, without a kustomization: all that is there is deployed."""
    folder = posixpath.dirname(manifest.file.path)
    beside = any(posixpath.dirname(path) == folder for every in neighbours.values() for path in every)
    return beside and {posixpath.join(folder, name) for name in KUSTOMIZATIONS}.isdisjoint(paths)


def _patterns(paths: Iterable[str], neighbours: Collection[str]) -> dict[str, tuple[str, str]]:
    """Paths with `{service}`, those that most neighbours have first; each with that of one, and its name."""
    found: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for path in paths:
        if path.endswith(_ENDINGS):
            for name in {*path.split("/"), posixpath.basename(path).rpartition(".")[0]}.intersection(neighbours):
                pattern = _called(path, name, _SERVICE)
                counts[pattern] += 1
                found.setdefault(pattern, (path, name))
    return {pattern: found[pattern] for pattern, _ in counts.most_common(_CANDIDATES)}


def _applied_by(file: File | None, name: str, manifests: Iterable[str]) -> Iterator[Applied]:
    """The folders of a service's own manifests that a file has Flux apply."""
    try:
        every = find_applied(file.path, file.content) if file else ()
    except ManifestError:
        return
    for applied in every:
        if name in applied.folder.split("/") and any(_holds(applied.folder, path) for path in manifests):
            yield applied


def _called(path: str, name: str, other: str) -> str:
    """A path as that of another service: where a folder, or the file but for its ending, is called so."""
    *folders, file = path.split("/")
    stem, dot, ending = file.rpartition(".")
    file = f"{other}{dot}{ending}" if stem == name else file
    return "/".join(other if part == name else part for part in (*folders, file))
