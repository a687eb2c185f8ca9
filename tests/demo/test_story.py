"""The demo, told for real: what it shows, and that it leaves nothing behind but what was asked for."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from bot.cli import main
from bot.demo.world import make_world
from bot.errors import ExitCode


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose temporary folder is the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return {**os.environ, "NO_COLOR": "1"}


def servers_below(folder: Path) -> list[int]:
    """The processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if (b"docker-registry" in words or b"tests.doubles" in words) and str(folder).encode() in words:
                found.append(int(entry.name))
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while servers_below(folder):
        assert time.monotonic() < deadline, "servers still run"
        time.sleep(0.01)


MERGED = {
    "local": (
        "platform/gitops!1 merged by approver: inventory 1.1.2 → 1.1.3 to staging",
        "sre/gitops-prod!1 merged by approver: inventory 1.1.2 → 1.1.3 to prod",
    ),
    "gitlab": (
        "a stand-in, from promobot's tests\n",
        "platform/gitops/-/merge_requests/1\n",
        "\nmerged merge request http://",
    ),
    "github": (
        "promobot calls its pull requests merge requests",
        "platform/gitops/pull/1\n",
        "\nmerged pull request http://",
    ),
}


@pytest.mark.parametrize("forge", MERGED)
def test_the_whole_story(
    forge: str, tmp_path: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--fast", "--forge", forge], environ=environ) == ExitCode.DONE
    said = capsys.readouterr().out
    assert max(map(len, said.partition("What is there?")[0].splitlines()[2:])) <= 80, "as wide as terminals are"
    for words in (
        *MERGED[forge],
        "$ promobot check --online",
        "$ promobot mr show 'platform/gitops!1'",
        "1.1.3-rc2   1.1.2 ↑ 1.1.3",
        '-      tag: "1.1.2"   # promoted from e2e, see README\n',
        '+      tag: "1.1.3"   # promoted from e2e, see README\n',
        "recorded when it was",  # and the line breaks there
        "Nothing to do.",
        "1.1.3-rc2   1.1.3 =         1.1.3 =",
        "Nothing was left running.",
        *(("inventory: pending, 0 of 2 approvals of sre", "inventory: success, ") if forge != "local" else ()),
    ):
        assert words in said
    assert servers_below(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """Where a world may be kept: its registries are ended after the test whatever it did."""
    world = tmp_path / "my world"
    yield world
    for pid in servers_below(world):
        os.kill(pid, signal.SIGKILL)


def test_a_kept_world_can_be_played_with_stopped_and_started(
    kept: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    playing = {**environ, "PROMOBOT_CONFIG": str(kept / "promobot.yaml"), "PROMOBOT_CACHE": str(kept / "cache")}
    assert main(["demo", "--fast", "--keep", str(kept)], environ=environ) == ExitCode.DONE
    said = capsys.readouterr().out
    assert f"export PROMOBOT_CONFIG='{kept}/promobot.yaml'" in said
    assert "mr merge 'platform/gitops!2' --as you" in said, "an interactive shell would take !2 for its history"
    assert len(servers_below(kept)) == 3
    assert main(["promote", "storefront", "--to", "staging"], environ=playing) == ExitCode.DONE
    assert main(["demo", "--stop", str(kept)], environ=environ) == ExitCode.DONE
    wait_until_gone(kept)
    capsys.readouterr()
    again = f"promobot: this demo's servers don't run\n  → promobot demo --start '{kept}'\n"
    assert main(["status"], environ=playing) == ExitCode.REGISTRY
    assert capsys.readouterr().err == again
    assert main(["demo", "--start", str(kept)], environ=environ) == ExitCode.DONE
    assert main(["plan", "--to", "prod"], environ=playing) == ExitCode.DONE
    assert again not in capsys.readouterr().err
    assert main(["demo", "--keep", str(kept)], environ=environ) == ExitCode.USAGE
    assert len(servers_below(kept)) == 3


REFUSED = {
    "gitlab": "Merge blocked: Pipeline must succeed.",
    "github": "Required status check &quot;promobot&quot; is expected.",
}


@pytest.mark.parametrize(("forge", "page"), [("gitlab", "-/merge_requests/2"), ("github", "pull/2")])
def test_a_kept_world_has_pages_to_merge_by_and_its_forge_starts_again(
    forge: str, page: str, kept: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    playing = {**environ, "PROMOBOT_CONFIG": str(kept / "promobot.yaml"), "PROMOBOT_CACHE": str(kept / "cache")}
    assert main(["demo", "--fast", "--keep", str(kept), "--forge", forge], environ=environ) == ExitCode.DONE
    assert len(servers_below(kept)) == 4
    assert (kept / "forge-token").stat().st_mode & 0o777 == 0o600
    assert main(["promote", "storefront", "notifications", "--to", "staging"], environ=playing) == ExitCode.DONE
    capsys.readouterr()
    assert main(["mr", "list", "-o", "json"], environ=playing) == ExitCode.DONE
    first, second = json.loads(capsys.readouterr().out)
    assert first["url"].endswith(f"/platform/gitops/{page}")
    with urllib3.PoolManager(retries=False) as pool:
        shown = pool.request("GET", first["url"]).data.decode()
        assert f"<h1>{first['title']}</h1>" in shown
        assert "<td><code>shop/" in shown
        assert "<ins>+" in shown
        assert (
            pool.request("POST", f"{first['url']}?merge", headers={"Origin": "http://evil.example.com"}).status == 403
        )
        assert "promobot: pending, 0 of 1 approval" in shown
        assert pool.request("POST", f"{first['url']}?approve").status == 303
        assert "approved by 1" in pool.request("GET", first["url"]).data.decode()
        early = pool.request("POST", f"{first['url']}?merge")
        assert (early.status, f"<p>No: {REFUSED[forge]}</p>" in early.data.decode()) == (409, True)
        assert main(["reconcile"], environ=playing) == ExitCode.DONE
        assert "promobot: success, " in pool.request("GET", first["url"]).data.decode()
        assert pool.request("POST", f"{first['url']}?merge").status == 303
        assert "(merged)" in pool.request("GET", first["url"].partition("/platform")[0] + "/").data.decode()
    assert main(["demo", "--stop", str(kept)], environ=environ) == ExitCode.DONE
    wait_until_gone(kept)
    assert len((kept / f"{forge}.log").read_text().splitlines()) == 1, "the double had nothing to complain of"
    assert main(["demo", "--start", str(kept)], environ=environ) == ExitCode.DONE
    assert main(["reconcile"], environ=playing) == ExitCode.DONE
    capsys.readouterr()
    assert main(["mr", "list", "-o", "json"], environ=playing) == ExitCode.DONE
    (again,) = json.loads(capsys.readouterr().out)
    assert (again["title"], again["number"], again["head"]) == (second["title"], 1, second["head"])


def test_what_stands_for_a_server_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.resources._CHECKOUT", tmp_path)
    assert main(["demo", "--forge", "gitlab", "--keep", str(tmp_path / "world")]) == ExitCode.USAGE
    assert "the demo on GitLab needs a checkout of promobot" in capsys.readouterr().err
    assert not (tmp_path / "world").exists()


def test_what_stands_for_a_server_and_fails_says_why(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "checkout" / "tests" / "doubles" / "standing"
    package.mkdir(parents=True)
    for part in (package, *package.parents[:2]):
        (part / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('no graphql here')\n")
    monkeypatch.setattr("bot.demo.doubles.checkout", lambda: tmp_path / "checkout")
    assert main(["demo", "--forge", "github"], environ=environ) == ExitCode.FORGE
    assert "what stands for GitHub did not start: no graphql here" in capsys.readouterr().err
    assert servers_below(tmp_path) == []


def test_a_registry_that_ended_is_started_beside_those_that_run(kept: Path, environ: dict[str, str]) -> None:
    assert main(["demo", "--fast", "--keep", str(kept)], environ=environ) == ExitCode.DONE
    before = json.loads((kept / "servers.json").read_text(encoding="ascii"))
    os.kill(before["staging"]["pid"], signal.SIGKILL)
    while len(servers_below(kept)) == 3:
        time.sleep(0.01)
    assert main(["demo", "--start", str(kept)], environ=environ) == ExitCode.DONE
    after = json.loads((kept / "servers.json").read_text(encoding="ascii"))
    assert sorted(servers_below(kept)) == sorted(entry["pid"] for entry in after.values())
    assert main(["demo", "--start", str(kept)], environ=environ) == ExitCode.DONE
    assert json.loads((kept / "servers.json").read_text(encoding="ascii")) == after, "all run, none is started"
    assert {**after, "staging": None} == {**before, "staging": None}
    assert after["staging"]["port"] == before["staging"]["port"]


def test_a_world_that_was_interrupted_runs_no_registries(kept: Path) -> None:
    making = make_world(kept, detach=True)
    making.__enter__()
    assert len(servers_below(kept)) == 3
    assert not making.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    wait_until_gone(kept)


def test_an_interrupted_story_says_so_once(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.cli.check.main", lambda _call: signal.raise_signal(signal.SIGINT))
    assert main(["demo", "--fast"], environ=environ) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "promobot: interrupted; nothing was left behind\n"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for folder in ("file", "file/world"):
        assert main(["demo", "--fast", "--keep", str(tmp_path / folder)]) == ExitCode.USAGE
        assert "choose a folder that can be written" in capsys.readouterr().err


def test_stop_ends_no_process_that_is_not_the_worlds(tmp_path: Path, environ: dict[str, str]) -> None:
    state = {name: {"pid": os.getpid(), "port": 1} for name in ("e2e", "staging", "prod")}
    (tmp_path / "servers.json").write_text(json.dumps(state), encoding="ascii")
    assert main(["demo", "--stop", str(tmp_path)], environ=environ) == ExitCode.DONE


def test_a_folder_without_a_world_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--stop", str(tmp_path)]) == ExitCode.USAGE
    assert "holds no kept demo" in capsys.readouterr().err
