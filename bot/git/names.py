"""Names that come from outside: refused before they reach a command line if Git could read them as something else."""

from __future__ import annotations

import re

from bot.errors import GitError
from bot.repositories import is_branch

_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BAD_SEGMENT = re.compile(r"\.{0,2}|\.git", re.IGNORECASE)


def object_id(text: str) -> str:
    """The object id `text`. Raises GitError if it is none."""
    if not _OBJECT.fullmatch(text):
        raise GitError(f"{text!r} is not a Git object id", hint="give the whole id, 40 or 64 hexadecimal digits")
    return text


def branch_ref(branch: str) -> str:
    """The full name of a branch's ref. Raises GitError for what git-check-ref-format(1) forbids."""
    if error := not_a_branch(branch):
        raise error
    return f"refs/heads/{branch}"


def not_a_branch(name: str) -> GitError | None:
    """Why no branch can be called that, None where one can."""
    if is_branch(name):
        return None
    return GitError(f"{name!r} is not a branch name", hint="see git help check-ref-format")


def file_path(path: str) -> str:
    """A path inside a repository. Raises GitError for one that leaves it or names Git's own files."""
    if "\0" in path or any(_BAD_SEGMENT.fullmatch(segment) for segment in path.split("/")):
        raise GitError(f"{path!r} is not a path inside a repository", hint="give it relative to the repository's root")
    return path
