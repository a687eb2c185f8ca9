"""The repositories that `promobot init` is to look at: their manifests, and where they are on a forge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bot.errors import ForgeError, ManifestError, UsageError
from bot.files import Listed, read_manifest, walk
from bot.forges.local import project_directory
from bot.git.working import WorkingCopy, working_copy
from bot.layout import Seen
from bot.layout.written import Home
from bot.manifests import find_images

_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")


@dataclass(frozen=True)
class Estate:
    """A folder of manifests, and the repository that it is in; paths are those of the repository."""

    folder: Path
    working: WorkingCopy | None

    @classmethod
    def at(cls, path: str) -> Estate:
        """The folder of that name. Raises UsageError."""
        folder = Path(path)
        if not folder.is_dir():
            raise UsageError(f"{path} is no folder", hint="name the clone of a repository, or a folder of manifests")
        return cls(folder.resolve(), working_copy(folder))

    @property
    def root(self) -> Path:
        """What paths are relative to."""
        return self.working.root if self.working else self.folder

    @cached_property
    def manifests(self) -> tuple[Seen, ...]:
        """The manifests and their images; one that can't be read is one that says nothing."""
        listed = (found.path for found in walk(str(self.folder)) if isinstance(found, Listed))
        return tuple(_seen(path, Path(path).relative_to(self.root).as_posix()) for path in listed)

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
        branch = (self.working.branch if self.working else None) or "main"
        _, path = _host_and_path(self.working.origin or "") if self.working else ("", "")
        return Home(path if path and _is_project(path) else _project(self.root.name), branch)


def _seen(path: str, name: str) -> Seen:
    try:
        fields = find_images(name, read_manifest(path))
    except ManifestError:
        return Seen(name)
    images = tuple(field.image for field in fields if field.image)
    versions = sum(field.image is None and bool(field.parts.tag or field.parts.digest) for field in fields)
    return Seen(name, images, versions)


def _host_and_path(url: str) -> tuple[str, str]:
    """The server and the project's path; both empty for what is on no server."""
    scp = _SCP.fullmatch(url)
    try:
        host, path = (scp["host"], scp["path"]) if scp else (urlsplit(url).hostname or "", urlsplit(url).path)
    except ValueError:
        return "", ""
    # With a slip of the pen, a password is a part of the path: `https:/user:password@host/project`.
    return (host, path.strip("/").removesuffix(".git")) if host and "@" not in path else ("", "")


def _is_project(path: str) -> bool:
    try:
        project_directory(Path(), path)
    except ForgeError:
        return False
    return True


def _project(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "gitops"
