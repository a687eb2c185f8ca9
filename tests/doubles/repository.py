"""Bare repositories of a double's projects, and people who work in them; refs change by compare-and-set alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bot.forges.local import create_project, merging
from bot.git import writing
from bot.git.command import GitDirectory
from bot.git.identity import Identity, stamp
from bot.repositories import FileChange

PAT = Identity("Pat", "pat@example.com")
ABSENT = "0" * 40


@dataclass(frozen=True)
class Repository:
    """One of them; `path` is the folder."""

    path: Path

    @classmethod
    def create(cls, root: Path, project: str, files: Mapping[str, bytes], branch: str = "main") -> Repository:
        """A new one at `<root>/<project>.git`, whose default branch has these files in one commit."""
        path = create_project(root, project, files, who=PAT, when=datetime.now(UTC), branch=branch)
        return cls(path)

    @property
    def directory(self) -> GitDirectory:
        """The repository for whoever runs git in it."""
        return GitDirectory(self.path)

    def git(self, *args: str, statuses: tuple[int, ...] = (0,)) -> str:
        """What a git command prints."""
        return self.directory.run(*args, statuses=statuses).stdout.decode("utf-8", "replace").rstrip("\n")

    # --- branches ---------------------------------------------------------------------------------------

    @property
    def default_branch(self) -> str:
        return (self.path / "HEAD").read_text(encoding="utf-8").removeprefix("ref: refs/heads/").rstrip("\n")

    def heads(self) -> dict[str, str]:
        """Every branch's commit, by the branch's name: from git's files, since each request to a double asks for it."""
        loose = _loose(self.path / "refs/heads")  # first: git packs a ref before it removes its file
        heads = {**_packed(self.path / "packed-refs"), **loose}
        return {name: heads[name] for name in sorted(heads)}

    def head(self, branch: str) -> str | None:
        return self.heads().get(branch)

    def move(self, branch: str, new: str | None, old: str | None) -> bool:
        """Point a branch at `new` (None: delete it) if it is at `old` (None: absent); whether that was so."""
        arguments = ["update-ref", f"refs/heads/{branch}", new or ABSENT, old or ABSENT]
        return self.directory.run(*arguments, statuses=(0, 1, 128)).returncode == 0

    # --- commits ----------------------------------------------------------------------------------------

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch's name or a commit's id means; None where it means none."""
        found = self.git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", statuses=(0, 1)
        )
        return self.head(revision) or found or None

    def contains(self, commit: str, other: str) -> bool:
        """Whether `other` is `commit` or one of its ancestors."""
        return merging.contains(self.directory, commit, other)

    def base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        return self.git("merge-base", one, other, statuses=(0, 1)) or None

    def between(self, base: str, head: str) -> list[str]:
        """The commits that `head` has and `base` has not, newest first."""
        return self.git("rev-list", f"{base}..{head}").splitlines()

    def files(self, commit: str) -> dict[str, bytes]:
        """Every file of a commit, by path."""
        names = self.directory.run("ls-tree", "-r", "-z", "--name-only", commit).stdout.decode().split("\0")
        return {name: self.read(commit, name) or b"" for name in names if name}

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's content; None where the commit hasn't got it."""
        done = self.directory.run("cat-file", "blob", f"{commit}:{path}", statuses=(0, 128))
        return None if done.returncode else done.stdout

    def change(self, target: str, head: str) -> str:
        """What a commit would bring to another, or to a branch by its whole name, as people read it."""
        return self.git("diff", f"{target}...{head}", statuses=(0, 128))

    def write(
        self, parent: str, files: Mapping[str, bytes], message: str, who: Identity = PAT, when: datetime | None = None
    ) -> str:
        """A commit on top of another, which no branch has yet."""
        # fast-import moves the ref that it writes, whatever it was: so that is one of nobody else.
        ref = f"refs/promobot/doubles/{uuid4().hex}"
        changes = writing.with_modes([FileChange(path, content) for path, content in files.items()], {})
        signature = f"{who} {stamp(when or datetime.now(UTC))}"
        commit = writing.commit(self.directory, ref, parent, changes, message=message, signature=signature)
        self.git("update-ref", "-d", ref, commit)
        return commit

    def commit(
        self, branch: str, files: Mapping[str, bytes], message: str = "Change", *, base: str = "", who: Identity = PAT
    ) -> str:
        """A person pushes one more commit on a branch, which else begins at `base` (a branch; the default one)."""
        heads = self.heads()
        old = heads.get(branch)
        new = self.write(old or heads[base or self.default_branch], files, message, who)
        assert self.move(branch, new, old), f"{branch} moved meanwhile"
        return new

    def squashed(self, onto: str, tree: str, message: str, who: Identity = PAT) -> str:
        """A commit with a whole tree on top of another."""
        signature = f"{who} {stamp(datetime.now(UTC))}"
        lines = [f"tree {tree}", f"parent {onto}", f"author {signature}", f"committer {signature}", "", message]
        content = "\n".join(lines).encode()
        done = self.directory.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=content)
        return done.stdout.decode().strip()


def _loose(folder: Path) -> dict[str, str]:
    heads = {}
    for inside, _, names in os.walk(folder):  # unlike rglob it bears that a folder goes
        for path in (Path(inside, name) for name in names if not name.endswith(".lock")):
            with suppress(FileNotFoundError):
                heads[path.relative_to(folder).as_posix()] = path.read_text(encoding="ascii").rstrip("\n")
    return heads


def _packed(file: Path) -> dict[str, str]:
    """https://git-scm.com/docs/git-pack-refs; what a tag points to has a line of its own, `^` before it."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else ()
    refs = (line.split(" ", 1) for line in lines if line[0] not in "#^")
    return {ref.removeprefix("refs/heads/"): commit for commit, ref in refs if ref.startswith("refs/heads/")}
