"""Which folders a file has Flux apply: https://fluxcd.io/flux/components/kustomize/kustomizations/#path."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.formats.kustomize import FLUX_GROUP
from bot.manifests.formats.objects import is_object, mapping, objects
from bot.manifests.source import decode
from bot.manifests.walk import Place, resolve


@dataclass(frozen=True)
class Applied:
    """A folder that a Flux Kustomization applies, as `text` says it at `pointer`, and as the repository has it."""

    document: int
    pointer: str
    text: str

    @property
    def folder(self) -> str:
        """Without what is only a matter of style; empty for the whole repository."""
        return posixpath.normpath(f"/{self.text}").strip("/")

    def instead(self, folder: str) -> str:
        """Another folder, said in the same style."""
        plain = self.folder and self.folder in self.text
        return self.text.replace(self.folder, folder, 1) if plain else f"./{folder}"


def find_applied(path: str, content: bytes) -> tuple[Applied, ...]:
    """The folders of a file's Flux Kustomizations. Raises ManifestError where it can't be read."""
    if FLUX_GROUP.encode() not in content:
        return ()
    found = []
    for number, root in enumerate(document.parse(path, decode(path, content))):
        for place, entries in objects(Place(number), resolve(root)[0]) if root else ():
            spec = entries.get("spec") if is_object(entries, (FLUX_GROUP,), ("Kustomization",)) else None
            at = mapping(spec.value).get("path") if spec else None
            if at and isinstance(at.value, Scalar) and at.value.text:
                found.append(Applied(number, place.at("spec").at("path").pointer, at.value.text))
    return tuple(found)
