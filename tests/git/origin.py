"""A repository on a "server" (a bare one, over file://) with a person who works on it by plain git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

GIT = shutil.which("git") or "git"
_ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Pat",
    "GIT_AUTHOR_EMAIL": "pat@example.com",
    "GIT_COMMITTER_NAME": "Pat",
    "GIT_COMMITTER_EMAIL": "pat@example.com",
    "LC_ALL": "C.UTF-8",
}


def git(directory: Path, *args: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    done = subprocess.run(
        [GIT, "-c", "gc.auto=0", "-C", str(directory), *args],
        env={"PATH": os.environ["PATH"], **_ENV, **(env or {})},
        input=stdin,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout.strip()


class Origin:
    def __init__(self, root: Path, *, filtering: bool = True) -> None:
        self.bare = root / "origin.git"
        self.work = root / "person"
        for directory, kind in ((self.bare, "--bare"), (self.work, "--quiet")):
            directory.mkdir(parents=True)
            git(directory, "init", "--quiet", kind, "--initial-branch=main")
        git(self.work, "switch", "--quiet", "--orphan", "work/main")
        self.configure("uploadpack.allowFilter", str(filtering).lower())
        self.url = self.bare.as_uri()

    def configure(self, key: str, value: str) -> None:
        git(self.bare, "config", key, value)

    def hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def write(self, files: Mapping[str, bytes], *, executable: bool = False) -> None:
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if executable else 0o644)

    def commit(self, files: Mapping[str, bytes], message: str = "change", branch: str = "main") -> str:
        """The person commits these files on a branch (made from where they are) and pushes it."""
        self.write(files)
        return self.record(message, branch)

    def record(self, message: str = "change", branch: str = "main") -> str:
        if git(self.work, "branch", "--show-current") != f"work/{branch}":
            git(self.work, "switch", "--quiet", "--create", f"work/{branch}")
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--allow-empty", "--message", message)
        git(self.work, "push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{branch}")
        return self.head(branch) or ""

    def switch(self, branch: str) -> None:
        git(self.work, "switch", "--quiet", f"work/{branch}")

    def head(self, branch: str) -> str | None:
        return git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def show(self, commit: str, path: str) -> bytes:
        done = subprocess.run([GIT, "-C", self.bare, "show", f"{commit}:{path}"], check=True, capture_output=True)
        return done.stdout
