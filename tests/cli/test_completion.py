"""What bash gets when somebody presses TAB: by the real shell code and a promobot of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli import main
from bot.forges.local import create_project
from bot.git import Identity
from tests.cli.conftest import Promobot

ROOT = Path(__file__).parents[2]
# As readline does it: the line so far, its words, and the one that is being typed.
PRESS_TAB = """
source <(promobot completion bash)
compopt() { local IFS=' '; echo "$*"; }
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=($1) COMP_CWORD=1
_promobot promobot "" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""
# The shell is to complete files, as it does anywhere; a value that may go on gets no space.
FILES, OPEN = "-o default -o bashdefault", "-o nospace"
CONFIG = """\
forges: {work: {type: local, path: /srv/git}}
registries: {e2e: {url: registry.example.com/e2e}}
environments:
  - {name: e2e, repository: {forge: work, project: g/e2e}, paths: ["{service}/values.yaml"], registry: e2e}
  - {name: prod, from: e2e, repository: {forge: work, project: g/prod}, paths: ["{service}/values.yaml"], registry: e2e}
services: [{match: "pay-*", group: payments}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a manifest, a configuration, and a command named promobot outside of it."""
    folder = tmp_path / "work"
    (folder / "apps").mkdir(parents=True)
    (folder / "apps" / "values.yaml").write_text(
        'image: org/app:1\nlist:\n- image: &x org/b:1\n- image: *x\n"\\e[31m": {image: org/c:1}\n', encoding="utf-8"
    )
    (folder / "promobot.yaml").write_text(CONFIG, encoding="utf-8")
    command = tmp_path / "bin" / "promobot"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bot "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return folder


def completions(folder: Path, line: str, **more: str) -> list[str]:
    environ = {
        **more,
        "PATH": f"{folder.parent}/bin:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    shell = ["bash", "--norc", "-c", PRESS_TAB, "bash", line]
    done = subprocess.run(shell, cwd=folder, env=environ, capture_output=True, check=True)
    assert done.stderr == b""
    return [word.strip() for word in done.stdout.decode().splitlines() if word]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("promobot set", ["set-image"]),
        ("promobot images --st", ["--strict"]),
        ("promobot plan -o ", ["text", "json"]),
        ("promobot mr ", ["list", "show", "ready", "merge", "close"]),
        ("promobot images ", [FILES]),
        ("promobot images --match x ap", [FILES]),
        ("promobot images -c ", [FILES]),
        ("promobot set-image ap", [FILES]),
        ("promobot set-image apps/values.yaml ", ["0:/image", "0:/list/0/image"]),
        ("promobot set-image apps/values.yaml 0:/image ", []),
        ("promobot set-image apps/values.yaml 0:/image :2 apps/values.yaml ", ["0:/image", "0:/list/0/image"]),
        ("promobot set-image apps/values.yaml 0:/image :2 ap", [FILES]),
        ("promobot set-image promobot.yaml ", []),
        ("promobot set-image missing.yaml ", []),
        ("promobot plan --to p", ["prod"]),
        ("promobot plan -c missing.yaml --to ", []),
        ("promobot plan ", ["payments"]),
        ("promobot status --env ", ["e2e", "prod"]),
        ("promobot status --bl", ["--blocked"]),
        ("promobot promote --tog", ["--together"]),
        ("promobot promote --all --to p", ["prod"]),
        ("promobot schema mr l", ["list"]),
        ("promobot schema im", ["images"]),
        ("promobot plan --output-file ap", [FILES]),
        ("promobot inspect reg", [OPEN, "registry.example.com/e2e/"]),
        ("promobot tags ", ["payments", "registry.example.com/e2e/"]),
        ("promobot plan --to=p", ["prod"]),
        ("promobot mr merge ", []),
        ("promobot tags -c missing.yaml ", []),
    ],
)
def test_tab(folder: Path, line: str, words: list[str]) -> None:
    assert completions(folder, line) == words


def test_services_are_those_that_the_last_run_saw(folder: Path) -> None:
    """No server is asked: the repository may be gone."""
    root = folder.parent / "git"
    when = datetime.now(UTC)
    for name in ("e2e", "prod"):
        files = {f"{service}/values.yaml": b"" for service in ("cart", f"pay-{name}")}
        create_project(root, f"g/{name}", files, who=Identity("Ann", "ann@example.com"), when=when)
    (folder / "promobot.yaml").write_text(CONFIG.replace("/srv/git", str(root)), encoding="utf-8")
    assert completions(folder, "promobot plan ") == ["payments"]
    cache = {"PROMOBOT_CACHE": str(folder.parent / "cache")}
    assert main(["status", "-c", str(folder / "promobot.yaml")], environ={**os.environ, **cache}) == 0
    root.rename(folder.parent / "away")
    assert completions(folder, "promobot plan ", **cache) == ["cart", "pay-e2e", "pay-prod", "payments"]
    assert completions(folder, "promobot promote cart pay-", **cache) == ["pay-e2e", "pay-prod"]
    assert completions(folder, "promobot pin --env prod ", **cache) == ["cart", "pay-e2e", "pay-prod"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_code(promobot: Promobot, shell: str) -> None:
    said = promobot("completion", shell)
    assert (said.code, said.err) == (0, "")
    assert "promobot" in said.out
