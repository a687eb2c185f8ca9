"""What tools and folders call environments, whatever the name is; and clusters, which may be environments or not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from bot.errors import ManifestError
from bot.layout import words
from bot.layout.helmfile import helmfile_environments
from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.formats.objects import is_object, mapping, objects
from bot.manifests.source import decode
from bot.manifests.walk import Place, Resolved, entries, items, resolve

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
# What people call the parameter of an ApplicationSet that stands for the environment.
_PARAMETERS = frozenset({"env", "environment", "stage"})
_USE = re.compile(r"\{\{-?\s*\.?(\w+)\s*-?\}\}")


def environments_told(files: Mapping[str, bytes]) -> frozenset[str]:
    """The names that helmfile, Argo CD's ApplicationSets and folders such as `environments` give to environments."""
    told = {one.name for one in helmfile_environments(files)}
    told.update(name for path, content in files.items() for name in _by_application_sets(path, content))
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for folder in _children(files, words.holds_environments):
        above, _, name = folder.rpartition("/")
        beside[above].add(name)
    return frozenset(told.union(*(names for names in beside.values() if len(names) > 1)))


def clusters_told(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders in a folder that is called after clusters."""
    return tuple(sorted(_children(paths, words.holds_clusters)))


def _children(paths: Iterable[str], holds: Callable[[str], bool]) -> set[str]:
    """The folders below one that holds such, but for what others inherit from."""
    found: set[str] = set()
    for path in paths:
        *folders, _ = path.split("/")
        for number, folder in enumerate(folders[1:], 1):
            if holds(folders[number - 1]) and not words.is_shared(folder):
                found.add("/".join(folders[: number + 1]))
    return found


def _by_application_sets(path: str, content: bytes) -> Iterator[str]:
    """The values of parameters called `env` or the like, where paths are made of them.

    https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-List/
    """
    if b"ApplicationSet" not in content:
        return
    try:
        roots = document.parse(path, decode(path, content))
    except ManifestError:
        return
    for root in roots:
        for _, found in objects(Place(0), resolve(root)[0]) if root else ():
            if is_object(found, ("argoproj.io",), ("ApplicationSet",)) and "spec" in found:
                spec = mapping(found["spec"].value)
                used = set(_parameters(spec["template"].value)) if "template" in spec else set()
                yield from _elements(spec["generators"].value, used) if "generators" in spec else ()


def _parameters(node: Resolved) -> Iterator[str]:
    """The parameters that a template makes paths of."""
    for text in _scalars(node):
        if "://" not in text and ("/" in text or text.endswith((".yaml", ".yml"))):
            yield from (name for name in _USE.findall(text) if not _PARAMETERS.isdisjoint(_words(name)))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _scalars(node: Resolved) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield node.text
    elif isinstance(node, document.Mapping):
        for entry in entries(node).values():
            yield from _scalars(entry.value)
    else:
        for item, _ in items(node):
            yield from _scalars(item)


def _elements(node: Resolved, parameters: set[str]) -> Iterator[str]:
    """What lists of elements give for these parameters, in generators inside of generators too."""
    if isinstance(node, document.Mapping):
        found = entries(node)
        for name, entry in found.items():
            if name in parameters and isinstance(entry.value, Scalar):
                yield entry.value.text
            yield from _elements(entry.value, parameters)
    elif isinstance(node, document.Sequence):
        for item, _ in items(node):
            yield from _elements(item, parameters)
