"""Projects of the local forge: bare repositories, ready for promobot."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.errors import ForgeError, GitError
from bot.git import writing
from bot.git.command import GitDirectory, Remote
from bot.git.failure import explain
from bot.git.identity import Identity, stamp
from bot.git.names import branch_ref
from bot.repositories import FileChange

_SEGMENT = re.compile(r"(?![.-])[\w.+ -]+(?<![. ])")
# Seconds for a copy from this machine's disk.
_COPY_TIMEOUT = 600.0
# Merge requests are changed through the forge only, never by a push. Many may change them at once: the time limits,
# in milliseconds, are for how long git waits for another to let go of a ref.
_CONFIG = """\
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tdenyNonFastForwards = false
\tdenyDeletes = false
\thideRefs = refs/promobot
[core]
\tfilesRefLockTimeout = 1000
\tpackedRefsTimeout = 2000
"""


def project_directory(root: Path, project: str) -> Path:
    """Where a project's repository is. Raises ForgeError for a path that could lead out of the root."""
    if not all(_SEGMENT.fullmatch(segment) for segment in project.split("/")):
        raise ForgeError(f"{project!r} is not a project's path", hint="write it like group/name")
    return root.absolute() / f"{project}.git"


def create_project(
    root: Path,
    project: str,
    files: Mapping[str, bytes],
    *,
    who: Identity,
    when: datetime,
    branch: str = "main",
) -> Path:
    """Make a project whose default branch holds these files in one commit, and return its bare repository.

    Raises ForgeError if there is one already, GitError if a path or branch cannot be.
    """
    with _made(root, project, branch) as git:
        changes = [FileChange(path, content) for path, content in files.items()]
        writing.commit(
            git,
            branch_ref(branch),
            None,
            writing.with_modes(changes, {}),
            message="First commit",
            signature=f"{who} {stamp(when)}",
        )
    return project_directory(root, project)


def copy_project(root: Path, project: str, source: Path, branches: Mapping[str, str]) -> Path:
    """Make a project whose branches, the default one first, are these refs of the repository `source`, with history.

    Raises ForgeError if there is one already, GitError if it can't be read.
    """
    with _made(root, project, next(iter(branches))) as git:
        remote = Remote(source.absolute().as_uri(), None, _COPY_TIMEOUT, {})
        refs = [f"{ref}:{branch_ref(branch)}" for branch, ref in branches.items()]
        done = remote.run("fetch", "--quiet", "--no-tags", "origin", *refs, clone=git)
        if done.returncode != 0:
            words, hint = explain(done.stderr)
            raise GitError(f"{source} can't be copied: {words}", hint=hint)
    return project_directory(root, project)


@contextmanager
def _made(root: Path, project: str, branch: str) -> Iterator[GitDirectory]:
    """An empty repository that becomes the project when it is filled: nobody ever finds half a project."""
    directory = project_directory(root, project)
    if directory.exists():
        raise ForgeError(f"{directory} exists already", hint="choose another project, or remove it")
    new = directory.with_name(f".{directory.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    git = GitDirectory(new)
    git.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
    with (new / "config").open("a", encoding="utf-8") as config:
        config.write(_CONFIG)
    yield git
    new.rename(directory)
