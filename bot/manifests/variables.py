"""Where Flux finds the value of a `${VARIABLE}`: https://fluxcd.io/flux/components/kustomize/kustomizations/.

(Section "Post build variable substitution".) Pure: what files say is gathered first, then asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.images import ImageParts
from bot.manifests import document
from bot.manifests.document import Mapping, Scalar, Sequence
from bot.manifests.fields import ImageField, Part
from bot.manifests.find import find_sites
from bot.manifests.formats.objects import mapping, text
from bot.manifests.source import decode
from bot.manifests.walk import Entry, Place, entries, items

# With what may follow the name, such as `:-default`; `$${…}` is an escape.
_USE = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)(?=[}:=/#%^,?+-])")
_SPEAKS_OF_SETTINGS = re.compile(rb"postBuild|ConfigMap")
_SHOWN = 3


@dataclass(frozen=True)
class Setting:
    """A variable's value, in a Flux Kustomization that applies `folder`, or in the ConfigMap named `config_map`."""

    variable: str
    path: str
    line: int
    pointer: str
    folder: str = ""
    config_map: str = ""
    text: str = ""
    document: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.pointer})"

    def applies(self, path: str) -> bool:
        """Whether its Flux Kustomization applies the file at `path`."""
        return _holds(self.folder, path)


@dataclass(frozen=True)
class Reference:
    """A Flux Kustomization that applies `folder` takes variables from all that an object holds."""

    kind: str
    name: str
    path: str
    line: int
    folder: str = ""
    document: int = 0

    def applies(self, path: str) -> bool:
        """Whether its Flux Kustomization applies the file at `path`."""
        return _holds(self.folder, path)


Fact: TypeAlias = Setting | Reference


@dataclass(frozen=True)
class Use:
    """An image that variables are a part of: what its scalars say as they stand, and what is known besides."""

    path: str
    line: int
    texts: dict[Part, str]
    fixed: ImageParts


def uses(path: str, content: bytes) -> tuple[Use, ...]:
    """The images of a file that hold a `${VARIABLE}`. Raises ManifestError where it can't be read."""
    if b"${" not in content:
        return ()
    found = find_sites(path, _roots(path, content))
    said = (
        Use(path, site.field.line, {part: slot.text for part, slot in site.slots.items()}, site.fixed) for site in found
    )
    return tuple(use for use in said if any("${" in text for text in use.texts.values()))


def variables(path: str, content: bytes, image: ImageField) -> tuple[str, ...]:
    """The variables that a field's scalars use, each once. Raises ManifestError where the file can't be read."""
    if b"${" not in content:
        return ()
    texts = (
        slot.text
        for site in find_sites(path, _roots(path, content))
        if (site.field.document, site.field.pointer) == (image.document, image.pointer)
        for slot in site.slots.values()
    )
    return tuple(dict.fromkeys(name for said in texts for name in _USE.findall(said)))


def facts(path: str, content: bytes) -> Iterator[Fact]:
    """What a file says about variables: Flux Kustomizations and ConfigMaps. Raises ManifestError."""
    if not _SPEAKS_OF_SETTINGS.search(content):
        return
    for number, root in enumerate(_roots(path, content)):
        if isinstance(root, Mapping):
            kind = text(entries(root), "kind")
            if kind == "Kustomization":
                yield from _in_kustomization(path, number, root)
            elif kind == "ConfigMap":
                yield from _in_config_map(path, number, root)


@dataclass
class Settings:
    """What all files say about variables."""

    set_at: dict[str, list[Setting]] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def add(self, found: Iterable[Fact]) -> None:
        """Learn from one more file."""
        for fact in found:
            if isinstance(fact, Setting):
                self.set_at.setdefault(fact.variable, []).append(fact)
            else:
                self.references.append(fact)

    def whence(self, variable: str, path: str) -> str:
        """Where the value comes from for the file at `path`, as a sentence; empty where no file tells.

        Flux Kustomizations whose folder holds the file count; all of them where none does, as for a shared base.
        """
        settings = self.set_at.get(variable, [])
        near = _said([one for one in settings if one.config_map or one.applies(path)], self._near(path))
        said = near or _said(settings, self.references)
        return f"{variable} {said}" if said else ""

    def _near(self, path: str) -> list[Reference]:
        return [reference for reference in self.references if reference.applies(path)]


def _holds(folder: str, path: str) -> bool:
    """By the path's end: where the repository begins isn't known."""
    return bool(folder) and f"/{folder}/" in f"/{path}"


def _said(settings: list[Setting], references: list[Reference]) -> str:
    """Flux Kustomizations win over what they refer to."""
    names = {reference.name for reference in references if reference.kind == "ConfigMap"}
    if found := [one for one in settings if not one.config_map] or [one for one in settings if one.config_map in names]:
        return f"is set in {_some(found)}"
    if references:
        sources = dict.fromkeys(f"{reference.kind} {reference.name}" for reference in references)
        return f"may be set in {_some(sources)} (substituteFrom in {references[0].path}:{references[0].line})"
    return ""


def _some(found: Iterable[object]) -> str:
    texts = [str(one) for one in found]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _in_kustomization(path: str, number: int, root: Mapping) -> Iterator[Fact]:
    spec = entries(root).get("spec")
    if spec is None or not isinstance(spec.value, Mapping):
        return
    below = entries(spec.value)
    folder = text(below, "path").removeprefix("./").strip("/")
    post_build = below.get("postBuild")
    if post_build is None or not isinstance(post_build.value, Mapping):
        return
    place = Place(number).at("spec").at("postBuild")
    given = entries(post_build.value)
    for name, entry in _children(given.get("substitute")):
        pointer = place.at("substitute").at(name).pointer
        yield Setting(name, path, entry.key.line, pointer, folder, text=_text(entry), document=number)
    listed = given.get("substituteFrom")
    for item, _ in items(listed.value) if listed and isinstance(listed.value, Sequence) else ():
        if isinstance(item, Mapping):
            source = entries(item)
            yield Reference(text(source, "kind"), text(source, "name"), path, item.line, folder, number)


def _in_config_map(path: str, number: int, root: Mapping) -> Iterator[Setting]:
    found = entries(root)
    metadata = found.get("metadata")
    name = text(mapping(metadata.value), "name") if metadata else ""
    for key, entry in _children(found.get("data")):
        pointer = Place(number).at("data").at(key).pointer
        yield Setting(key, path, entry.key.line, pointer, config_map=name, text=_text(entry), document=number)


def _text(entry: Entry) -> str:
    return entry.value.text if isinstance(entry.value, Scalar) else ""


def _children(entry: Entry | None) -> Iterator[tuple[str, Entry]]:
    if entry is not None and isinstance(entry.value, Mapping):
        yield from entries(entry.value).items()


def _roots(path: str, content: bytes) -> tuple[document.Node | None, ...]:
    return document.parse(path, decode(path, content))
