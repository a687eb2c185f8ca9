"""Merges in a bare repository, without a work tree."""

from __future__ import annotations

import re
from datetime import datetime

from bot.errors import ConflictError
from bot.git.command import GitDirectory
from bot.git.identity import Identity, stamp

# git-merge-tree(1): 0 is clean, 1 is conflicts, anything else is a failure.
_CONFLICTS = 1


def contains(git: GitDirectory, commit: str, other: str) -> bool:
    """Whether `other` is `commit` or one of its ancestors."""
    return git.run("merge-base", "--is-ancestor", other, commit, statuses=(0, 1)).returncode == 0


def merged_tree(git: GitDirectory, ours: str, theirs: str) -> str:
    """The tree of both commits merged. Raises ConflictError naming the files that both changed differently."""
    done = git.run(
        "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs, statuses=(0, _CONFLICTS)
    )
    tree, *files = done.stdout.decode("utf-8", "replace").rstrip("\0").split("\0")
    if done.returncode == _CONFLICTS:
        names = ", ".join(dict.fromkeys(files))
        raise ConflictError(
            f"the branches conflict in {names}", hint="bring the source branch up to date with the target branch"
        )
    return tree


def merge_commit(git: GitDirectory, tree: str, parents: tuple[str, str], message: str, by: str, when: datetime) -> str:
    """A merge commit made by a person known by name alone."""
    name = "".join(character for character in by if character.isprintable()).strip(" <>.,:;'\"") or "unknown"
    address = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "unknown"
    signature = f"{Identity(name, f'{address}@users.invalid')} {stamp(when)}"
    headers = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines = [*headers, f"author {signature}", f"committer {signature}", "", message]
    # Not git commit-tree, which has its own ideas about which names a person may have.
    stdin = "\n".join(lines).encode("utf-8", "replace")
    return git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=stdin).stdout.decode().strip()
