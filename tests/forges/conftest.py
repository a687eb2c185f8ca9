from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.forges.local import LocalForge, create_project
from bot.git import Clone, Identity, Pushed
from bot.repositories import FileChange, RequestDraft, Reviewers
from tests.git.conftest import processes
from tests.git.origin import git

__all__ = ["processes"]

PROJECT = "platform/gitops prod"
PAT = Identity("Pat", "pat@example.com")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class World:
    """A local forge with one project, and a person who pushes to it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "forge"
        self.bare = create_project(self.root, PROJECT, {"a": b"1\n", "b": b"1\n"}, who=PAT, when=NOON)
        self.forge = LocalForge(self.root, now=lambda: NOON)
        self.clone = Clone(self.forge.git_url(PROJECT), root / "clone.git", PAT)

    def head(self, branch: str) -> str | None:
        return self.clone.heads([branch]).get(branch)

    def push(self, branch: str, content: str, *, path: str = "a", base: str = "main") -> str:
        """One more commit on `branch`, which begins at `base`."""
        heads = self.clone.heads([branch, base])
        files = [FileChange(path, f"{content}\n".encode())]
        commit = self.clone.commit(heads.get(branch, heads[base]), files, content, NOON)
        assert self.clone.push(branch, commit, heads.get(branch)) == Pushed(changed=True)
        return commit

    def open(self, source: str = "x", title: str = "Promote web", body: str = "why") -> int:
        return self.forge.open(PROJECT, draft(source, title=title, body=body)).request.number

    def show(self, revision: str) -> str:
        return git(self.bare, "show", revision)

    def refs(self, prefix: str) -> list[str]:
        return git(self.bare, "for-each-ref", "--format=%(refname)", prefix).split()


def draft(source: str = "x", target: str = "main", title: str = "Promote web", body: str = "why") -> RequestDraft:
    return RequestDraft(source, target, title, body, reviewers=Reviewers(users=("ann", "bob")), labels=("prod",))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
