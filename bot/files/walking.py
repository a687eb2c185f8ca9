"""Which files of a folder may be manifests: by name, in a fixed order, links not followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

# YAML and JSON, and what helmfile, Ansible and others make them from: some of it is plain enough to be read.
_MANIFEST = re.compile(r"\.(?:ya?ml|json)(?:\.(?:gotmpl|tmpl|tpl|j2|jinja2?))?", re.IGNORECASE)
# What tools keep for themselves. Other hidden folders hold manifests of people (.github, .archive, .tekton).
_NOT_PEOPLES = frozenset(
    {".cache", ".direnv", ".git", ".hg", ".svn", ".terraform", ".tox", ".venv", "__pycache__", "node_modules"}
)


@dataclass(frozen=True)
class Listed:
    """A file to read."""

    path: str


@dataclass(frozen=True)
class Link:
    """A symbolic link to a folder or to what may be a manifest; it isn't followed."""

    path: str


@dataclass(frozen=True)
class Unlisted:
    """A folder that can't be listed."""

    path: str
    reason: str


def walk(folder: str) -> Iterator[Listed | Link | Unlisted]:
    """What is below a folder, sorted by name, each with its path joined to `folder`.

    It holds the names of the folders that it is in, not those of the whole tree.
    """
    pending = _below(folder)
    while pending:
        entry = pending.pop()
        if isinstance(entry, Unlisted):
            yield entry
        elif entry.is_symlink():
            if _is_manifest(entry.name) or _leads_to_folder(entry):
                yield Link(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            if entry.name not in _NOT_PEOPLES:
                pending += _below(entry.path)
        elif _is_manifest(entry.name) and entry.is_file(follow_symlinks=False):
            yield Listed(entry.path)


def is_manifest(path: str) -> bool:
    """Whether `walk` would list a file of this path: what is in a Git repository is told by its name alone."""
    *folders, name = path.split("/")
    return _is_manifest(name) and _NOT_PEOPLES.isdisjoint(folders)


def _below(folder: str) -> list[os.DirEntry[str] | Unlisted]:
    """A folder's entries, the last one first."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        return [Unlisted(folder, error.strerror or str(error))]
    return [*found]


def _is_manifest(name: str) -> bool:
    found = _MANIFEST.search(name)
    return found is not None and found.end() == len(name)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False
