"""Commits without a work tree: git fast-import makes blobs, trees and the commit in one process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.errors import GitError
from bot.git.command import GitDirectory
from bot.git.names import file_path
from bot.repositories import FileChange

_REGULAR = "100644"


def with_modes(files: Sequence[FileChange], present: Mapping[str, str]) -> dict[FileChange, str]:
    """Each file with its Git mode: what it has among those `present` (mode by path), or that of a regular file.

    Raises GitError for a path that cannot be in a repository, or would be a file and a folder at once.
    """
    wanted = {file: present.get(file_path(file.path), _REGULAR) for file in files}
    after = {*present, *(file.path for file in files)}
    folders = {folder for path in after for folder in _folders(path)}
    if both := sorted(folders.intersection(after)):
        raise GitError(f"{both[0]} would be a file and a folder at once", hint="choose another path")
    return wanted


def _folders(path: str) -> Iterable[str]:
    return (path[:at] for at, character in enumerate(path) if character == "/")


def commit(
    git: GitDirectory,
    ref: str,
    parent: str | None,
    files: Mapping[FileChange, str],
    *,
    message: str,
    signature: str,
) -> str:
    """Put one commit with these files (and their modes) on top of `parent`, point `ref` at it, and return its id.

    `signature` is `Name <address> <seconds> <zone>`, of author and committer alike.
    """
    lines = [f"commit {ref}", "mark :1", f"author {signature}", f"committer {signature}"]
    stream = ["\n".join(lines).encode(), b"\n", _data(_text(message))]
    if parent:
        stream.append(f"from {parent}\n".encode())
    for file, mode in files.items():
        stream += [b"M %s inline %s\n" % (mode.encode(), _quoted(file.path)), _data(file.content)]
    stream.append(b"get-mark :1\ndone\n")
    done = git.run("fast-import", "--quiet", "--done", "--force", stdin=b"".join(stream))
    return done.stdout.decode().strip()


def _text(message: str) -> bytes:
    return f"{message.replace(chr(0), '').rstrip()}\n".encode("utf-8", "replace")


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    """C-style quotes with every unusual byte in octal, which fast-import reads for any path."""
    characters = path.encode("utf-8", "surrogateescape")
    return b'"%s"' % b"".join(bytes([c]) if 0x20 <= c < 0x7F and c not in b'"\\' else b"\\%03o" % c for c in characters)
