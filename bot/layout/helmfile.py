"""What helmfile calls environments, and the images whose versions are among the values that it has for each.

https://helmfile.readthedocs.io/en/latest/#environment
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import ManifestError
from bot.layout.feeding import Fed, Gap, feed
from bot.manifests import document
from bot.manifests.document import Node, Scalar
from bot.manifests.formats.objects import mapping
from bot.manifests.rules import locate
from bot.manifests.source import decode
from bot.manifests.variables import Setting, Use, uses
from bot.manifests.walk import items, resolve

_FILE = re.compile(r"(?:.*/)?(?:helmfile|helmfile\.d/[^/]+)\.ya?ml(?:\.gotmpl)?")
_TEMPLATE = ".gotmpl"
_DEFAULT = "default"
_ACTION = re.compile(r"\{\{((?:(?!\}\}).)*)\}\}", re.DOTALL)
_ALONE = re.compile(r"^[ \t]*(?:\{\{(?:(?!\}\}).)*\}\}[ \t]*)+$", re.DOTALL | re.MULTILINE)
_VALUE = re.compile(r"\.(?:Values|StateValues|Environment\.Values)\.(?P<key>[A-Za-z_][\w.]*)(?:\s*\|.*)?", re.DOTALL)
_NAME = ".Environment.Name"
_BETWEEN = re.compile(r"^---.*$", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """An environment of the helmfile in `folder`, and the files of its values, the one that counts most last."""

    name: str
    folder: str
    values: tuple[str, ...]


def helmfile_environments(files: Mapping[str, bytes]) -> tuple[Environment, ...]:
    """Those of all helmfiles of a repository; the one that counts where nobody names any is left out."""
    found = (environment for path, content in files.items() for environment in _environments(path, content))
    return tuple(one for one in found if one.name != _DEFAULT)


def values_named(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The files of values that helmfiles name, whatever they are called, `dev.env` say."""
    return tuple(path for environment in helmfile_environments(files) for path in environment.values)


def fed_by_helmfile(files: Mapping[str, bytes]) -> Iterator[Fed | Gap]:
    """The images in templates of values whose versions the files of environments say."""
    environments = helmfile_environments(files)
    templates = [path for path in files if path.endswith(_TEMPLATE) or _FILE.fullmatch(path)] if environments else []
    used = [use for path in templates for use in _uses(path, files[path])]
    for environment in environments:
        values = [value for path in reversed(environment.values) if (value := _read(path, files))]
        for use in used:
            if _is_below(environment.folder, use.path):
                found = feed(use, lambda name, values=values: _lookup(name, values))  # type: ignore[misc]
                if found:
                    yield found


def _is_below(folder: str, path: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _uses(path: str, content: bytes) -> tuple[Use, ...]:
    """Its images, with `${key}` for the values that they take; of all documents those that are YAML."""
    found: list[Use] = []
    for line, text in _documents(path, content):
        try:
            found += (Use(path, use.line + line, use.texts, use.fixed) for use in uses(path, text.encode()))
        except ManifestError:
            continue
    return tuple(found)


def _environments(path: str, content: bytes) -> Iterator[Environment]:
    if not _FILE.fullmatch(path):
        return
    folder = posixpath.dirname(path)
    for _, text in _documents(path, content):
        try:
            (root,) = document.parse(path, text) or (None,)
        except (ManifestError, ValueError):
            continue
        top = mapping(resolve(root)[0]) if root else {}
        found = top.get("environments")
        for name, entry in mapping(found.value).items() if found else ():
            values = mapping(entry.value).get("values")
            files = _listed(values.value, name) if values else ()
            yield Environment(name, folder, tuple(posixpath.normpath(posixpath.join(folder, file)) for file in files))


def _listed(node: Node, name: str) -> Iterator[str]:
    if isinstance(node, document.Sequence):
        yield from (item.text.replace(f"${{{_NAME}}}", name) for item, _ in items(node) if isinstance(item, Scalar))


def _read(path: str, files: Mapping[str, bytes]) -> tuple[str, Node] | None:
    """A file of values; None where it isn't there, or is a template itself."""
    try:
        roots = document.parse(path, decode(path, files[path])) if path in files else ()
    except ManifestError:
        return None
    return (path, roots[0]) if roots and roots[0] else None


def _lookup(name: str, values: Sequence[tuple[str, Node]]) -> Setting | None:
    pointer = "/" + name.replace(".", "/")
    for path, root in values:
        found = locate(0, root, pointer)
        if found and not found.place.problem:
            return Setting(name, path, found.slot.value.line, pointer, text=found.slot.whole)
    return None


def _documents(path: str, content: bytes) -> Iterator[tuple[int, str]]:
    """A template's documents as YAML, as far as that can be had, each with the lines before it."""
    try:
        text = decode(path, content)
    except ManifestError:
        return
    text = _ACTION.sub(_placeholder, _ALONE.sub(lambda found: "\n" * found[0].count("\n"), text))
    starts = [0, *(found.end() for found in _BETWEEN.finditer(text))]
    ends = [*(found.start() for found in _BETWEEN.finditer(text)), len(text)]
    yield from ((text.count("\n", 0, start), text[start:end]) for start, end in zip(starts, ends, strict=True))


def _placeholder(action: re.Match[str]) -> str:
    """What stands for an action: a variable for a value, with as many lines as it had."""
    said = action[1].strip("- \t\r\n")
    value = _VALUE.fullmatch(said)
    if value or said == _NAME:
        return f"${{{value['key'] if value else _NAME}}}"
    return "_" + "\n" * action[0].count("\n")
