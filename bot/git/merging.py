"""What merging makes of single files, by git's own merge of their lines."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.git.command import GitDirectory
from bot.repositories import File

_NO_FILES: Mapping[str, File] = {}


def merged_files(
    git: GitDirectory, base: Mapping[str, File], ours: Mapping[str, File], theirs: Mapping[str, File]
) -> tuple[File, ...] | None:
    """The files by path where both sides come from `base`; None where they conflict."""
    found: list[File] = []
    for path in sorted({*base, *ours, *theirs}):
        before, our, their = base.get(path), ours.get(path), theirs.get(path)
        if their in (before, our):
            merged = our
        elif before == our:
            merged = their
        else:
            merged = _merged(git, before, our, their)
            if merged is None:
                return None
        if merged is not None:
            found.append(merged)
    return tuple(found)


def _merged(git: GitDirectory, before: File | None, our: File | None, their: File | None) -> File | None:
    """A file that both sides changed; None where they conflict, as one made, deleted or retyped it; or isn't read."""
    if before is None or our is None or their is None or {our.mode, their.mode} != {before.mode}:
        return None
    if before.unread or our.unread or their.unread:
        return None
    with tempfile.TemporaryDirectory(prefix="promobot-") as folder:
        ends = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for end, file in zip(ends, (our, before, their), strict=True):
            end.write_bytes(file.content)
        # It ends with the number of conflicts, or 255 for what has no lines.
        done = git.run("merge-file", "--stdout", "--", *map(str, ends), statuses=range(256))
    return File(our.path, our.mode, done.stdout) if done.returncode == 0 else None
