"""Argo CD's Application and ApplicationSet: Helm parameters and the images of their kustomizations.

https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-parameters and
https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/. `valuesObject` is read like everything else.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.fields import Part
from bot.manifests.formats.objects import is_object, mapping, text
from bot.manifests.keys import Meaning, is_image_key, meaning
from bot.manifests.shapes import PLAIN, Group, Named, alone, groups
from bot.manifests.site import Site, Slot
from bot.manifests.walk import Entries, Place, Resolved, items


def recognises(_path: str, found: Entries) -> bool:
    """By API group and kind."""
    return is_object(found, ("argoproj.io",), ("Application", "ApplicationSet"))


def sites(place: Place, found: Entries) -> Iterator[Site]:
    """The images of each source: `spec.source`, `spec.sources[]`, below `spec.template` too."""
    place, spec = _down(place, found, "spec")
    if "template" in spec:
        place, spec = _down(*_down(place, spec, "template"), "spec")
    if "source" in spec:
        yield from _in_source(*_down(place, spec, "source"))
    for below, item in _list(place, spec, "sources"):
        yield from _in_source(below, mapping(item))


def _down(place: Place, found: Entries, key: str) -> tuple[Place, Entries]:
    entry = found.get(key)
    return (place.at(key, entry.problem), mapping(entry.value)) if entry else (place.at(key), {})


def _list(place: Place, found: Entries, key: str) -> Iterator[tuple[Place, Resolved]]:
    entry = found.get(key)
    if entry and isinstance(entry.value, document.Sequence):
        below = place.at(key, entry.problem)
        yield from ((below.at(index, problem), item) for index, (item, problem) in enumerate(items(entry.value)))


def _in_source(place: Place, found: Entries) -> Iterator[Site]:
    below, helm = _down(place, found, "helm")
    if parameters := helm.get("parameters"):
        by_image = _by_image([*_list(below, helm, "parameters")])
        yield from groups(below.at("parameters", parameters.problem), parameters.value.line, by_image)
    for at, item in _list(*_down(place, found, "kustomize"), "images"):
        if isinstance(item, Scalar):
            # `name=newName:newTag`, https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
            name, equals, _ = item.text.rpartition("=")
            yield from alone(Part.IMAGE, Named(at, Slot(item, item, before=name + equals)), bare=True)


def _by_image(parameters: list[tuple[Place, Resolved]]) -> dict[str, Group]:
    """The parameters that speak of images: `app.image.tag`, `app.imageTag`, `redis.repository` beside `redis.tag`."""
    by_image: dict[str, Group] = {}
    for place, parameter in parameters:
        found = mapping(parameter)
        value = found.get("value")
        said = _meaning(text(found, "name"))
        if said and value and isinstance(value.value, Scalar):
            slot = Slot(value.key, value.value)
            by_image.setdefault(said.stem, {})[said.part] = Named(place.at("value", value.problem), slot)
    return by_image


def _meaning(name: str) -> Meaning | None:
    prefix, _, last = name.rpartition(".")
    if is_image_key(prefix.rpartition(".")[2]) and last in PLAIN:
        return Meaning(prefix, PLAIN[last])
    said = meaning(last)
    return Meaning(f"{prefix}.{last if said.part is Part.IMAGE else said.stem}", said.part) if said else None
