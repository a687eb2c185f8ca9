"""The repositories that `promobot init` is to look at: their manifests, and where they are on a forge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from bot.errors import ForgeError, ManifestError, UsageError
from bot.files import Listed, is_manifest, read_manifest, walk
from bot.forges.local import project_directory
from bot.git.working import WorkingCopy, working_copy
from bot.layout import Tree, look
from bot.layout.helmfile import values_named
from bot.layout.words import environments_of_branches
from bot.layout.written import Home, Server

# What both servers allow in a path, and what may stand in a comment whoever wrote it.
_ON_SERVER = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)+", re.ASCII)
_HOST = re.compile(r"[\w.-]+(?::\d+)?", re.ASCII)
# Where they take ssh at the port of https; people and the API are elsewhere.
_BY_SSH = {"altssh.gitlab.com": "gitlab.com", "ssh.github.com": "github.com"}
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")


@dataclass(frozen=True)
class Estate:
    """A folder of manifests, and the repository that it is in; paths are those of the repository.

    With a `branch` it is not what is checked out, but what `ref` has. `environment` is the one that all of it is of.
    """

    folder: Path
    working: WorkingCopy | None
    branch: str = ""
    ref: str = "HEAD"
    environment: str = ""

    @classmethod
    def at(cls, path: str) -> Estate:
        """The folder of that name. Raises UsageError."""
        folder = Path(path)
        if not folder.is_dir():
            raise UsageError(f"{path} is no folder", hint="name the clone of a repository, or a folder of manifests")
        return cls(folder.resolve(), working_copy(folder))

    def by_branches(self, order: Sequence[str] = ()) -> tuple[Estate, ...]:
        """An estate for each branch that is called like an environment, or as `order` has it."""
        refs = self.working.branches() if self.working else {}
        found = environments_of_branches(refs, order)
        return tuple(replace(self, branch=name, ref=refs[name], environment=found[name]) for name in found)

    @property
    def name(self) -> str:
        """What the repository is called."""
        return self.home.project.rpartition("/")[2]

    @property
    def root(self) -> Path:
        """What paths are relative to."""
        return self.working.root if self.working else self.folder

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The manifests by path, without those that can't be read."""
        if self.working and self.branch:
            below = self.folder.relative_to(self.root).as_posix()
            return self.working.files(self.ref, lambda path: is_manifest(path) and (below == "." or _in(below, path)))
        listed = (found.path for found in walk(str(self.folder)) if isinstance(found, Listed))
        files = self._read(Path(path).relative_to(self.root).as_posix() for path in listed)
        more = (path for path in values_named(files) if path not in files and self._is_inside(path))
        return files | self._read(more)

    def _is_inside(self, path: str) -> bool:
        """Whether no link, and no way up, leads out of the repository."""
        return not path.startswith("/") and (self.root / path).resolve() == self.root / path

    def _read(self, paths: Iterable[str]) -> dict[str, bytes]:
        contents = {path: _content(str(self.root / path)) for path in paths}
        return {path: content for path, content in contents.items() if content is not None}

    @cached_property
    def tree(self) -> Tree:
        """What tells its layout."""
        told_by: Literal["branch", "repository"] = "branch" if self.branch else "repository"
        return replace(look(self.files), environment=self.environment, told_by=told_by if self.environment else "")

    @property
    def local_project(self) -> tuple[Path, str] | None:
        """The folder and project that it was cloned from, where that is a bare repository on this machine."""
        origin = self.working.origin if self.working else None
        if origin is None or not origin.startswith(("/", "file:///")):
            return None
        path = Path(unquote(urlsplit(origin).path) if origin.startswith("file:") else origin)
        return (path.parent, path.stem) if path.suffix == ".git" and (path / "HEAD").exists() else None

    @property
    def remote(self) -> str | None:
        """`host/project` of the server that it was cloned from, without anything secret."""
        host, path = _host_and_path(self.working.origin or "") if self.working else ("", "")
        return f"{host}/{path}" if host and path else None

    @property
    def home(self) -> Home:
        """Its project and branch on the local forge, by where it was cloned from, else by its folder's name."""
        branch = self.branch or (self.working.branch if self.working else None) or "main"
        origin = (self.working.origin or "") if self.working else ""
        _, path = _host_and_path(origin)
        if path and _is_project(path):
            # Else it could not stand in a comment.
            return Home(path, branch, _server(origin, path) if branch.isprintable() else None)
        return Home(_project(self.root.name), branch)


def _content(path: str) -> bytes | None:
    try:
        return read_manifest(path)
    except ManifestError:
        return None


def _in(folder: str, path: str) -> bool:
    return path.startswith(f"{folder}/")


def _host_and_path(url: str) -> tuple[str, str]:
    """The server and the project's path; both empty for what is on no server."""
    scp = _SCP.fullmatch(url)
    try:
        host, path = (scp["host"], scp["path"]) if scp else (urlsplit(url).hostname or "", urlsplit(url).path)
    except ValueError:
        return "", ""
    # With a slip of the pen, a password is a part of the path: `https:/user:password@host/project`.
    return (host, path.strip("/").removesuffix(".git")) if host and "@" not in path else ("", "")


def _server(origin: str, path: str) -> Server | None:
    """The forge that it was cloned from, if its host is called like one."""
    host, _ = _host_and_path(origin)
    scheme, host = "https", _BY_SSH.get(host, host)
    if origin.startswith(("http:", "https:")):
        scheme, host = origin.partition(":")[0], urlsplit(origin).netloc.rpartition("@")[2].lower()
    if not _HOST.fullmatch(host) or not _ON_SERVER.fullmatch(path):
        return None
    if "gitlab" in host:
        return Server("gitlab", f"{scheme}://{host}")
    by_name = "github" in host or host.endswith(".ghe.com")
    return Server("github", f"{scheme}://{host}") if by_name and path.count("/") == 1 else None


def _is_project(path: str) -> bool:
    try:
        project_directory(Path(), path)
    except ForgeError:
        return False
    return True


def _project(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "gitops"
