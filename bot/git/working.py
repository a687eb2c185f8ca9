"""Somebody's working copy of a repository: where it was cloned from, and which branch it is of. Only read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.errors import GitError
from bot.git.command import GitDirectory
from bot.git.reading import objects, tree
from bot.ownership import not_ours

_FILES = frozenset({"100644", "100755"})


@dataclass(frozen=True)
class WorkingCopy:
    """A working copy; `origin` is the URL of its remote, and may hold a password. `branch` is the remote's default."""

    root: Path
    origin: str | None
    branch: str | None
    empty: bool

    def branches(self) -> dict[str, str]:
        """The refs of the remote's branches as the last fetch saw them, by name; of its own where it has no remote."""
        remote = self._refs("refs/remotes/origin/")
        return remote or self._refs("refs/heads/")

    def files(self, ref: str, wanted: Callable[[str], bool]) -> dict[str, bytes]:
        """The wanted files of a commit, by path, as far as their contents are here."""
        return committed(self.root / ".git", ref, wanted)

    def _refs(self, prefix: str) -> dict[str, str]:
        said = _said(GitDirectory(self.root / ".git"), "for-each-ref", "--format=%(refname)", prefix) or ""
        # Names may have what else ends a line in Unicode.
        names = (ref.removeprefix(prefix) for ref in said.split("\n") if ref)
        return {name: f"{prefix}{name}" for name in names if name != "HEAD"}


def committed(directory: Path, ref: str, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The wanted files of a commit, by path, as far as their contents are in this Git directory."""
    git = GitDirectory(directory)
    entries = [entry for entry in tree(git, ref) if entry.mode in _FILES and wanted(entry.path)]
    contents = objects(git, (entry.oid for entry in entries))
    return {entry.path: contents[entry.oid] for entry in entries if entry.oid in contents}


def working_copy(folder: Path) -> WorkingCopy | None:
    """The working copy that a folder is in, if any. Raises GitError where it isn't ours to believe."""
    here = folder.resolve()
    root = next((above for above in (here, *here.parents) if (above / ".git").exists()), None)
    if root is None:
        return None
    if why := not_ours(root):
        raise GitError(f"the repository {root} {why}", hint="clone it as yourself")
    git = GitDirectory(root / ".git")
    head = _said(git, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    branch = head.removeprefix("origin/") if head else _said(git, "symbolic-ref", "--quiet", "--short", "HEAD")
    empty = _said(git, "rev-parse", "--verify", "--quiet", "HEAD") is None
    return WorkingCopy(root, _said(git, "config", "--get", "remote.origin.url"), branch, empty)


def _said(git: GitDirectory, *args: str) -> str | None:
    done = git.run(*args, statuses=(0, 1))
    return done.stdout.decode("utf-8", "surrogateescape").strip() or None
