"""What Flux Kustomizations apply, and the images whose versions are among the variables that they give.

https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import ManifestError
from bot.layout.feeding import Fed, Gap, feed
from bot.manifests import KUSTOMIZATIONS, kustomization_bases
from bot.manifests.variables import Setting, Use, facts, uses


@dataclass
class _Applied:
    """A Flux Kustomization: the folder that it applies, its variables, and the ConfigMaps that have more of them."""

    path: str
    folder: str
    settings: dict[str, Setting] = field(default_factory=dict)
    config_maps: list[str] = field(default_factory=list)


def fed_by_flux(files: Mapping[str, bytes]) -> Iterator[Fed | Gap]:
    """The images of a repository's files whose versions Flux Kustomizations, or ConfigMaps for these, say."""
    applied, config_maps = _gathered(files)
    used = {path: found for path, content in files.items() if (found := _uses(path, content))}
    paths = sorted(files)
    for one in applied if used else ():
        settings = _settings(one, config_maps)
        for path in _reached(one.folder, files, paths):
            for use in used.get(path, ()):
                if fed := feed(use, settings.get):
                    yield fed


def _gathered(files: Mapping[str, bytes]) -> tuple[list[_Applied], dict[str, list[Setting]]]:
    """The Kustomizations that give variables, and what ConfigMaps hold, by their names."""
    applied: dict[tuple[str, int], _Applied] = {}
    config_maps: defaultdict[str, list[Setting]] = defaultdict(list)
    for path, content in files.items():
        try:
            found = list(facts(path, content))
        except ManifestError:
            continue
        for fact in found:
            if isinstance(fact, Setting) and fact.config_map:
                config_maps[fact.config_map].append(fact)
                continue
            one = applied.setdefault((path, fact.document), _Applied(path, fact.folder))
            if isinstance(fact, Setting):
                one.settings[fact.variable] = fact
            elif fact.kind == "ConfigMap":
                one.config_maps.append(fact.name)
    return [*applied.values()], config_maps


def _settings(one: _Applied, config_maps: Mapping[str, list[Setting]]) -> dict[str, Setting]:
    """A Kustomization's variables: its own win, then those of the ConfigMap that it names last."""
    settings: dict[str, Setting] = {}
    for name in one.config_maps:
        found = config_maps.get(name, [])
        # Clusters call theirs alike: the one that stands nearest is meant.
        nearest = max((_shared(one.path, setting.path) for setting in found), default=0)
        settings |= {setting.variable: setting for setting in found if _shared(one.path, setting.path) == nearest}
    return settings | one.settings


def _shared(one: str, other: str) -> int:
    """How many folders two files have in common."""
    return len(posixpath.commonpath([posixpath.dirname(one) or ".", posixpath.dirname(other) or "."]).split("/"))


def _reached(folder: str, files: Mapping[str, bytes], paths: Sequence[str]) -> list[str]:
    """The files of a folder, and of all folders and files that its kustomizations are made from; `paths` are sorted."""
    pending, met = [folder] if folder not in {"", "."} else [], set[str]()
    found: dict[str, None] = {}
    while pending:
        place = pending.pop()
        if place in met:
            continue
        met.add(place)
        # "0" is what comes after "/".
        below = paths[bisect_left(paths, f"{place}/") : bisect_left(paths, f"{place}0")]
        for path in [place] if place in files else below:
            found[path] = None
            if posixpath.basename(path) in KUSTOMIZATIONS:
                pending += _bases(path, files[path])
    return [*found]


def _bases(path: str, content: bytes) -> Iterable[str]:
    try:
        listed = kustomization_bases(path, content)
    except ManifestError:
        return ()
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), base)) for base in listed if "://" not in base]


def _uses(path: str, content: bytes) -> tuple[Use, ...]:
    try:
        return uses(path, content)
    except ManifestError:
        return ()
