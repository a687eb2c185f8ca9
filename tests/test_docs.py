"""Documentation that would go stale unseen."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.arguments import make_parser
from bot.configfile import load_config

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readmes_configuration_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(forges:.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "promobot.yaml"
    path.write_text(block, encoding="utf-8")
    assert load_config(path).names == ("e2e", "staging", "prod")


def test_the_configuration_for_the_local_forge_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/local-forge.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "promobot.yaml"
    path.write_text(block, encoding="utf-8")
    assert load_config(path).names == ("dev", "prod")


def test_commands_that_are_shown_exist() -> None:
    """As far as the arguments go; an explanation comes after three blanks or more."""
    for page in PAGES:
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in re.findall(r"^(?:\$ )?promobot (.*)$", block, re.MULTILINE):
                words = shlex.split(re.split(r" {3,}", line)[0].replace("list|show|ready|merge|close", "list"))
                assert make_parser().parse_args(words).command == words[0]


def test_the_readmes_session_is_what_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line; a diff may be cut off."""
    (block,) = re.findall(
        r"```\n(\$ promobot images.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    shutil.copytree(ROOT / "fixtures/gitops-repo/platform-gitops", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for command, shown in re.findall(r"^\$ promobot (.*)\n((?:[^$].*\n)+)", block, re.MULTILINE):
        assert main(shlex.split(command), environ={}) == 0
        assert capsys.readouterr().out.startswith(shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def anchors(page: Path) -> set[str]:
    """What links to its headings are called: their words in small letters, without signs."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*\.md)?#([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    names = re.findall(r"`((?:bot|tests|templates|fixtures|bench)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert [name for name in names if not (ROOT / name).exists()] == []


def section(heading: str) -> str:
    """What docs/architecture.md says below a heading."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def modules(folder: Path) -> dict[str, str]:
    """The modules and packages of a package, as the page writes them, by name."""
    files = {path.stem: path.name for path in folder.glob("*.py") if path.stem != "__init__"}
    return files | {path.parent.name: f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


def test_the_architecture_names_every_module_and_package() -> None:
    rows = re.findall(r"^\| (`.+?) \|", section("Modules"), re.MULTILINE)
    written = [name for row in rows for name in re.findall(r"`(.+?)`", row)]
    assert sorted({name for name in written if name.count("/") <= name.endswith("/")}) == sorted(
        modules(ROOT / "bot").values()
    )


def test_the_architecture_names_every_module_that_decides() -> None:
    rows = re.findall(r"^\| (`.+?) \|", section("Deciding"), re.MULTILINE)
    written = [name.rstrip("/") for row in rows for name in re.findall(r"`(.+?)`", row)]
    assert sorted(written) == sorted(modules(ROOT / "bot/decide"))
