"""Reading every manifest of some files and folders, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from bot.errors import ManifestError
from bot.files import STDIN, Link, Listed, Unlisted, read_given, read_manifest, walk
from bot.manifests import ImageField, find_images
from bot.manifests.variables import Fact, Settings, facts, variables


@dataclass(frozen=True)
class Read:
    """A manifest and its images."""

    path: str
    images: tuple[ImageField, ...]


@dataclass(frozen=True)
class Unread:
    """A file or folder that can't be read. `given`: whether the user named it, and didn't just a folder above.

    Texts, not the error: its traceback would keep the file's content.
    """

    path: str
    message: str
    hint: str = ""
    template: bool = False
    given: bool = False


Scanned: TypeAlias = Read | Unread | Link


class Scan:
    """The manifests of the given files and folders, in that order. It holds one file at a time."""

    def __init__(self, given: Sequence[str]) -> None:
        self._given = given
        self._settings: Settings | None = None

    def __iter__(self) -> Iterator[Scanned]:
        for found in self._listed():
            match found:
                case Listed(path):
                    yield self._scan(path)
                case Unlisted(path, reason):
                    yield Unread(path, f"{path}: can't be listed: {reason}")
                case Link():
                    yield found

    def _listed(self) -> Iterator[Listed | Unlisted | Link]:
        met: set[str] = set()
        for path in self._given:
            for found in walk(path) if path != STDIN and Path(path).is_dir() else (Listed(path),):
                # Only where several paths were given may they overlap, and is it worth the memory.
                if len(self._given) == 1 or not isinstance(found, Listed) or _is_new(found.path, met):
                    yield found

    def _scan(self, path: str) -> Read | Unread:
        content = b""
        given = path in self._given
        try:
            content = read_given(path) if given else read_manifest(path)
            images = find_images(path, content)
            return Read(path, tuple(self._explained(path, content, image) for image in images))
        except ManifestError as error:
            return Unread(path, error.message, error.hint, template=b"{{" in content, given=given)

    def _explained(self, path: str, content: bytes, image: ImageField) -> ImageField:
        """A refusal for the sake of variables says where these are set."""
        if not image.refusal or b"${" not in content:
            return image
        names = variables(path, content, image)
        if names and self._settings is None:
            self._settings = self._gather()
        said = [self._settings.whence(name, path) for name in names] if self._settings else []
        return replace(image, refusal="; ".join(filter(None, [image.refusal, *said])))

    def _gather(self) -> Settings:
        """A second look at the same files, taken only where a variable was met."""
        settings = Settings()
        for found in self._listed():
            if isinstance(found, Listed) and found.path != STDIN:
                settings.add(_facts(found.path))
        return settings


def _is_new(path: str, met: set[str]) -> bool:
    """Whether a file wasn't met before; a/b and ./a/b are the same."""
    absolute = str(Path(path).absolute())
    if absolute in met:
        return False
    met.add(absolute)
    return True


def _facts(path: str) -> tuple[Fact, ...]:
    try:
        return tuple(facts(path, read_manifest(path)))
    except ManifestError:  # the first look warns of it
        return ()
