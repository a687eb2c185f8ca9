"""What of a configuration leads nowhere is told with its line: folders, projects and branches."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli import main
from bot.errors import ExitCode
from bot.forges.local import create_project
from bot.git import Identity

CONFIG = """\
forges:
  work:
    type: local
    path: git
registries: {r: {url: r.example.com}}
environments:
  - name: e2e
    repository: {forge: work, project: shop/gitops}
    paths: ["{service}/e2e.yaml"]
    registry: r
  - name: prod
    from: e2e
    repository:
      forge: work
      project: shop/gitops
      branch: main
    paths: ["{service}/prod.yaml"]
    registry: r
services:
  - match: cart
    names: {prod: cart-live}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration and its one repository."""
    files = {f"cart/{name}.yaml": b"image: r.example.com/shop/cart:1\n" for name in ("e2e", "prod")}
    now = datetime.now(UTC)
    create_project(tmp_path / "git", "shop/gitops", files, who=Identity("Dev", "dev@example.com"), when=now)
    return tmp_path


def check(folder: Path, capsys: pytest.CaptureFixture[str], old: str = "", new: str = "") -> tuple[int, list[str]]:
    """The exit code, and the lines of what is wrong, with advice."""
    path = folder / "promobot.yaml"
    path.write_text(CONFIG.replace(old, new) if old else CONFIG, encoding="utf-8")
    code = main(["check", "-c", str(path)], environ={"PROMOBOT_CACHE": str(folder / "cache")})
    out = capsys.readouterr().out.replace(str(folder), "DIR")
    return code, [line for line in out.splitlines() if line.startswith(("✗", "  →", "–"))]


def test_a_forges_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, capsys, "path: git", "path: gut") == (
        ExitCode.FORGE,
        [
            "✗ DIR/promobot.yaml:4: forges.work.path: DIR/gut is no folder",
            "  → write the folder that holds the bare repositories, or make them by `promobot init --try`",
        ],
    )


@pytest.mark.parametrize(
    ("project", "what", "advice"),
    [
        ("shop/gitop", "DIR/git has no repository shop/gitop.git, did you mean shop/gitops?", "there are shop/gitops"),
        ("else", "DIR/git has no repository else.git", "there are shop/gitops"),
        ("../git", "'../git' is not a project's path", "write it like group/name"),
    ],
)
def test_a_project(folder: Path, capsys: pytest.CaptureFixture[str], project: str, what: str, advice: str) -> None:
    code, lines = check(folder, capsys, "      project: shop/gitops", f"      project: {project}")
    assert code in {ExitCode.GIT, ExitCode.FORGE}
    assert lines[:2] == [f"✗ DIR/promobot.yaml:15: environments.1.repository.project: {what}", f"  → {advice}"]
    assert len(lines) == 2


def test_a_folder_without_repositories(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "git").rename(folder / "away")
    (folder / "git").mkdir()
    code, lines = check(folder, capsys)
    assert code == ExitCode.GIT
    assert lines[-1] == "  → no bare repository, NAME.git, is in DIR/git"


def test_a_branch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(folder, capsys, "branch: main", "branch: mian")
    assert code == ExitCode.GIT
    assert lines[0] == "✗ DIR/promobot.yaml:16: environments.1.repository.branch: work:shop/gitops has no branch mian"


def test_a_file_that_is_left_out_since_names_calls_its_service_otherwise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = check(folder, capsys)
    assert code == ExitCode.USAGE, "no file of prod is left"
    assert lines[0] == "– cart/prod.yaml:1: left out: by `names`, cart is called cart-live in prod"
