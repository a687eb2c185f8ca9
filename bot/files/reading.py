"""Reading manifests, never more of one than is ever parsed."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from bot.errors import ManifestError, UsageError
from bot.manifests.source import MAX_BYTES, too_large

STDIN = "-"


def check_given(paths: Iterable[str]) -> None:
    """Raise UsageError, which names it, for what isn't there, is a link, or is neither file nor folder."""
    for path in paths:
        if path != STDIN:
            _check_one(path)


def _check_one(path: str) -> None:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            status = Path(path).stat()
            # What a shell gives for `<(helm template …)` is a link too, but to a pipe.
            if not stat.S_ISFIFO(status.st_mode):
                raise UsageError(f"{path} is a symbolic link", hint=f"name what it leads to: {os.path.realpath(path)}")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {_reason(error)}", hint="name files or folders that are there") from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise UsageError(f"{path} is neither a file nor a folder", hint="name files or folders")


def read_given(path: str) -> bytes:
    """The content of a file or pipe that a user named, of stdin for `-`. Raises ManifestError."""
    if path == STDIN:
        return _limited(path, sys.stdin.buffer.read(MAX_BYTES + 1))
    if stat.S_ISFIFO(Path(path).stat().st_mode):
        with Path(path).open("rb") as pipe:
            return _limited(path, pipe.read(MAX_BYTES + 1))
    return read_manifest(path)


def read_manifest(path: str) -> bytes:
    """The content of a regular file. Raises ManifestError for anything else, and for what is too large."""
    try:
        # A file that was exchanged for a link or pipe since it was listed is neither followed nor waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ManifestError(f"{path}:1: no regular file")
            if status.st_size > MAX_BYTES:
                raise too_large(path)
            return _limited(path, file.read(MAX_BYTES + 1))
    except OSError as error:
        raise ManifestError(f"{path}:1: can't be read: {_reason(error)}") from None


def _limited(path: str, content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise too_large(path)
    return content


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
