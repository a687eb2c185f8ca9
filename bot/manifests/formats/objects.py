"""What kind of Kubernetes object a document is."""

from __future__ import annotations

from collections.abc import Iterator

from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.walk import Entries, Place, Resolved, entries, items


def text(found: Entries, key: str) -> str:
    """The text under a key, empty where there is none."""
    entry = found.get(key)
    return entry.value.text if entry and isinstance(entry.value, Scalar) else ""


def is_object(found: Entries, groups: tuple[str, ...], kinds: tuple[str, ...]) -> bool:
    """Whether an object has one of these kinds, in one of these API groups."""
    return text(found, "kind") in kinds and text(found, "apiVersion").rpartition("/")[0] in groups


def objects(place: Place, root: Resolved) -> Iterator[tuple[Place, Entries]]:
    """A document and the objects in it: the items of a List, the resources of a Flux ResourceSet."""
    if not isinstance(root, document.Mapping):
        return
    found, key = entries(root), "items"
    yield place, found
    if text(found, "kind") == "ResourceSet" and "spec" in found:
        spec = found["spec"]
        place, found, key = place.at("spec", spec.problem), mapping(spec.value), "resources"
    inner = found.get(key)
    if inner and isinstance(inner.value, document.Sequence):
        below = place.at(key, inner.problem)
        for index, (item, problem) in enumerate(items(inner.value)):
            if isinstance(item, document.Mapping):
                yield below.at(index, problem), entries(item)


def mapping(node: Resolved | None) -> Entries:
    """The entries of a mapping, none for anything else."""
    return entries(node) if isinstance(node, document.Mapping) else {}
