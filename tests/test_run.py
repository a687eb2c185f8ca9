"""./run on machines that lack something: one line to type, and a failed install is not taken for a good one."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = [
    "awk",
    "basename",
    "cat",
    "dirname",
    "echo",
    "env",
    "flock",
    "git",
    "grep",
    "mkdir",
    "readlink",
    "rm",
    "sed",
    "setpriv",
    "sh",
    "sha256sum",
    "xargs",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that nothing was installed into."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("run", "pyproject.toml", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH of an ordinary user's machine without skopeo, sudo and docker-registry; apt-get must not be called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, f"{name} is needed by this test"
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    script(folder / "id", "echo 1000")
    script(folder / "apt-get", f"touch {tmp_path}/apt-was-called")
    return folder


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def installed(checkout: Path, body: str) -> None:
    """A .venv that counts as made from the checkout, and whose Python is this script."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    script(python, body)
    metadata = (checkout / "pyproject.toml").read_text().partition("\n[tool.")[0]
    made_from = f"{python}\n{checkout}\n{(checkout / 'requirements-dev.txt').read_text()}{metadata}\n"
    (checkout / ".venv" / ".made-from").write_text(f"{hashlib.sha256(made_from.encode()).hexdigest()}  -\n")


def run(checkout: Path, path: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "run", *arguments],
        env={**os.environ, "PATH": path, **env},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_without_rights_it_prints_the_one_line_to_type(checkout: Path, programs: Path, tmp_path: Path) -> None:
    done = run(checkout, str(programs), "test")
    assert done.returncode == 1
    assert "missing: skopeo" in done.stderr
    assert done.stderr.splitlines()[-1].strip() == (
        "sudo apt-get update && sudo apt-get install --no-install-recommends skopeo"
    )
    assert not (tmp_path / "apt-was-called").exists()
    assert not (checkout / ".venv").exists()


def test_on_another_system_it_names_what_is_missing(checkout: Path, programs: Path) -> None:
    (programs / "apt-get").unlink()
    done = run(checkout, str(programs), "test")
    assert done.returncode == 1
    assert "missing: skopeo" in done.stderr


def test_an_old_python_is_refused_with_its_version(checkout: Path, programs: Path) -> None:
    (programs / "python3").unlink()  # a link: writing through it would hit the real one
    script(programs / "python3", 'case "$1" in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac')
    script(programs / "skopeo", "exit 0")
    done = run(checkout, str(programs), "test")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed, python3 here is Python 3.9.2" in done.stderr


@pytest.mark.long
def test_a_failed_install_shows_why_and_is_not_taken_for_a_good_one(checkout: Path, programs: Path) -> None:
    script(programs / "skopeo", "exit 0")
    script(programs / "docker-registry", "exit 0")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = run(checkout, str(programs), "test", **nowhere)
    assert done.returncode == 1
    assert "failed: pip install" in done.stderr
    assert "No matching distribution found" in done.stderr
    assert not (checkout / ".venv" / ".made-from").exists()


def test_the_tests_keep_bytecode_whatever_the_environment_says(checkout: Path, programs: Path) -> None:
    for name in ("skopeo", "docker-registry"):
        script(programs / name, "exit 0")
    installed(checkout, 'echo "${PYTHONDONTWRITEBYTECODE-unset}"')
    done = run(checkout, str(programs), "test", PYTHONDONTWRITEBYTECODE="1")
    assert done.stdout == "unset\n", done.stderr


def test_the_help_names_every_command() -> None:
    text = (ROOT / "run").read_text()
    commands = re.findall(r"^([a-z-]+)\)", text.partition("case $command in")[2], re.MULTILINE)
    shown = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "check"} <= set(commands)
    assert [name for name in commands if f"\n  {name} " not in shown] == []
