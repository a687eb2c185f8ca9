"""Flux HelmRelease: what its post-renderer's kustomization replaces. Its values are read like everything else.

https://fluxcd.io/flux/components/helm/helmreleases/#post-renderers; helm.fluxcd.io is the Helm Operator's older kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.manifests import document
from bot.manifests.formats import kustomize
from bot.manifests.formats.objects import is_object, mapping
from bot.manifests.site import Site
from bot.manifests.walk import Entries, Place, items


def recognises(_path: str, found: Entries) -> bool:
    """By API group and kind, whatever the file is called."""
    return is_object(found, ("helm.toolkit.fluxcd.io", "helm.fluxcd.io"), ("HelmRelease",))


def sites(place: Place, found: Entries) -> Iterator[Site]:
    """The entries of `spec.postRenderers[].kustomize.images`."""
    spec = found.get("spec")
    renderers = mapping(spec.value).get("postRenderers") if spec else None
    if not spec or not renderers or not isinstance(renderers.value, document.Sequence):
        return
    place = place.at("spec", spec.problem).at("postRenderers", renderers.problem)
    for index, (item, problem) in enumerate(items(renderers.value)):
        if inner := mapping(item).get("kustomize"):
            below = place.at(index, problem).at("kustomize", inner.problem)
            yield from kustomize.in_images(below, mapping(inner.value))
