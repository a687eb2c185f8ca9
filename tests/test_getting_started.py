"""docs/getting-started.md is what happens: its commands, in their order, on a repository with two services."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from bot.cli import main
from bot.configfile import load_config
from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry

PAGE = Path(__file__).parents[1] / "docs" / "getting-started.md"
RUNNING = {("dev", "cart"): "1.1.0", ("dev", "web"): "2.0.0", ("prod", "cart"): "1.0.0", ("prod", "web"): "2.0.0"}


def test_the_pages_configuration_is_what_init_writes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert main(["init", "--stdout"], environ={}) == 0
    said = repository.joinpath("said.yaml")
    page = repository.joinpath("page.yaml")
    written = capsys.readouterr().out
    said.write_text(written, encoding="utf-8")
    page.write_text(shown.replace("localhost:5000", _host(written)), encoding="utf-8")
    assert load_config(page) == load_config(said)


def test_the_pages_session_is_what_happens(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"getting_started.py -->\n```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    host = _host((repository / "apps/cart/dev/values.yaml").read_text(encoding="utf-8"))
    environ = {"PROMOBOT_CACHE": str(repository.parent / "cache"), "HOME": str(repository.parent)}
    for command, shown in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", "".join(blocks), re.MULTILINE):
        program, *words = shlex.split(command)
        if program == "promobot":
            assert main(words, environ=environ) == 0
            said = _words(capsys.readouterr().out)
        else:
            done = subprocess.run([program, *words], check=True, capture_output=True, text=True, env=_person())
            said = _words(done.stdout)
        for line in shown.replace("localhost:5000", host).splitlines():
            assert _words(line) in said


@pytest.fixture
def repository(tmp_path: Path, open_registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed repository named gitops, the current folder, and the images that it names."""
    folder = tmp_path / "gitops"
    for (env, service), tag in RUNNING.items():
        file = folder / "apps" / service / env / "values.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = f"image:\n  repository: {open_registry.host}/{env}/{service}\n  tag: {tag}\n"
        file.write_text(image, encoding="utf-8")
        push(open_registry.access("images"), f"{env}/{service}", tag, build_index(f"{service} {tag}"))
    monkeypatch.chdir(folder)
    for words in ("init --quiet --initial-branch=main", "add --all", "commit --quiet --message=first"):
        subprocess.run(
            ["git", *words.split()],  # noqa: S607
            check=True,
            env=_person(),
        )
    return folder


def _person() -> dict[str, str]:
    """What a program gets that somebody starts."""
    who = {"GIT_AUTHOR_NAME": "dev", "GIT_AUTHOR_EMAIL": "dev@example.com"}
    who |= {"GIT_COMMITTER_NAME": "dev", "GIT_COMMITTER_EMAIL": "dev@example.com"}
    return {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, **who}


def _host(text: str) -> str:
    (*_, host) = re.findall(r"(?:localhost|127\.0\.0\.1):\d+", text)
    return str(host)


def _words(text: str) -> str:
    return " ".join(text.split())
