"""Flux HelmRelease: images below `spec.values`, whether or not the document names a chart (overlays don't).

https://fluxcd.io/flux/components/helm/helmreleases/#values; helm.fluxcd.io is the Helm Operator's older kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.manifests import shapes
from bot.manifests.document import Mapping, Scalar
from bot.manifests.site import Site
from bot.manifests.walk import Place, entries

_GROUPS = ("helm.toolkit.fluxcd.io/", "helm.fluxcd.io/")


def recognises(_path: str, root: Mapping) -> bool:
    """By apiVersion and kind, whatever the file is called."""
    found = {name: entry.value for name, entry in entries(root).items()}
    version, kind = found.get("apiVersion"), found.get("kind")
    return (
        isinstance(version, Scalar)
        and version.text.startswith(_GROUPS)
        and isinstance(kind, Scalar)
        and kind.text == "HelmRelease"
    )


def sites(document: int, root: Mapping) -> Iterator[Site]:
    """The images below `spec.values`."""
    spec = entries(root).get("spec")
    if not spec or not isinstance(spec.value, Mapping):
        return
    values = entries(spec.value).get("values")
    if values:
        place = Place(document).at("spec", spec.problem).at("values", values.problem)
        yield from shapes.sites(place, "values", values.value)
