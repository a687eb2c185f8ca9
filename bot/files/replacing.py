"""Replacing files in place: all are written aside first, and none where somebody changed one meanwhile."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bot.errors import ConflictError, ManifestError, UsageError
from bot.files.reading import read_manifest

_NAME = "name a file that is there; `promobot images` lists the images of a folder"
# Device, inode, size and time of the last change, in nanoseconds: what differs once somebody wrote. Not the time of
# the last modification: that can be set back, as `cp -p` and `rsync` do.
_Stamp: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Original:
    """A file's content, and by what to tell whether it is still the same."""

    path: str
    content: bytes
    stamp: _Stamp

    @property
    def identity(self) -> tuple[int, int]:
        """The same for two names of one file."""
        return self.stamp[:2]


@dataclass(frozen=True)
class Replacement:
    """A file and what it shall hold."""

    original: Original
    content: bytes


def open_original(path: str) -> Original:
    """Read a file that is to be replaced.

    Raises UsageError for what is no regular file (a link would be replaced by a file) and ManifestError for what
    can't be read.
    """
    try:
        status = Path(path).lstat()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}", hint=_NAME) from None
    if stat.S_ISLNK(status.st_mode):
        raise UsageError(f"{path} is a symbolic link", hint=f"name what it leads to: {os.path.realpath(path)}")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is no file", hint=_NAME)
    # Stamped before it is read: a change between the two is noticed as well.
    return Original(path, read_manifest(path), _stamp(status))


def replace_all(replacements: Sequence[Replacement]) -> None:
    """Write every file with its mode and, where that is allowed, its owner; each changes from old to new at once.

    Nothing is written unless all could be prepared and none was changed since it was read: ConflictError says which
    was, ManifestError what is in the way. A failure midway names the files that are written and those that aren't.
    """
    batch = _Batch()
    try:
        for replacement in replacements:
            batch.prepare(replacement)
        for replacement in replacements:
            _check_unchanged(replacement.original)
        batch.commit()
    finally:
        batch.drop()


@dataclass
class _Batch:
    """Files that wait beside those that they replace."""

    waiting: list[tuple[Path, Replacement]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def prepare(self, replacement: Replacement) -> None:
        path = Path(replacement.original.path)
        try:
            with path.open("r+b"):  # a file that its owner made read-only stays as it is
                pass
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".promobot", dir=path.parent)
            self.waiting.append((Path(name), replacement))
            with os.fdopen(descriptor, "wb") as file:
                file.write(replacement.content)
                file.flush()
                _copy_rights(path.lstat(), descriptor)
                os.fsync(descriptor)
        except OSError as error:
            raise _unwritable(str(path), error, "nothing was changed; make room or give rights") from None

    def commit(self) -> None:
        folders = dict.fromkeys(aside.parent for aside, _ in self.waiting)
        while self.waiting:
            aside, replacement = self.waiting[0]
            path = replacement.original.path
            try:
                _check_unchanged(replacement.original)
                aside.replace(path)
            except ConflictError as error:
                raise ConflictError(error.message, hint=self._standing()) from None
            except OSError as error:
                raise _unwritable(path, error, self._standing()) from None
            del self.waiting[0]
            self.done.append(path)
        for folder in folders:
            _sync(folder)

    def drop(self) -> None:
        for aside, _ in self.waiting:
            with suppress(OSError):
                aside.unlink(missing_ok=True)

    def _standing(self) -> str:
        if not self.done:
            return "nothing was changed"
        left = ", ".join(replacement.original.path for _, replacement in self.waiting)
        return f"written: {', '.join(self.done)}; not written: {left}"


def _unwritable(path: str, error: OSError, hint: str) -> ManifestError:
    return ManifestError(f"{path}:1: can't be written: {error.strerror or error}", hint=f"{hint}; run it again")


def _check_unchanged(original: Original) -> None:
    try:
        now = _stamp(Path(original.path).lstat())
    except OSError:
        now = None
    if now != original.stamp:
        reason = f"{original.path}: somebody changed it meanwhile"
        raise ConflictError(reason, hint="nothing was changed; look at it, and run it again")


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns


def _copy_rights(status: os.stat_result, descriptor: int) -> None:
    """The owner first: changing it takes away setuid and the like."""
    with suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _sync(folder: Path) -> None:
    """So that a power cut doesn't bring back the old name; some file systems can't, and needn't."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
