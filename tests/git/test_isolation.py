"""Neither this machine's Git configuration nor a person's environment has any influence, and no secret shows."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone, Credential, Pushed
from bot.repositories import File, FileChange
from tests.git.conftest import BOT, NOON
from tests.git.origin import Origin, git
from tests.git.smart_http import PASSWORD, USER, SmartHttp


@pytest.fixture
def http(origin: Origin) -> Iterator[SmartHttp]:
    origin.configure("http.receivepack", "true")
    with SmartHttp(origin.bare.parent) as server:
        yield server


HOSTILE = """
[url "file:///nowhere/"]
    insteadOf = file:///
[init]
    templateDir = {home}/template
[core]
    hooksPath = {home}/template/hooks
[commit]
    gpgSign = true
[user]
    name = Somebody Else
[push]
    gpgSign = true
[trailer]
    separators = "#"
[log]
    showSignature = true
"""
# What of the environment git would heed.
AROUND = {
    "GIT_CONFIG_PARAMETERS": "'core.bare'='nonsense'",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_OBJECT_DIRECTORY": "/nowhere/objects",
}


def test_configuration_hooks_and_templates_of_the_machine_are_ignored(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    hooks, around = home / "template" / "hooks", home / "around"
    hooks.mkdir(parents=True)
    for name in ("pre-push", "reference-transaction", "post-rewrite"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {home}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    hostile = HOSTILE.format(home=home)
    (home / ".gitconfig").write_text(hostile)
    around.mkdir()
    git(around, "init", "--quiet")
    (around / ".git" / "config").write_text(hostile)
    monkeypatch.chdir(around)
    around_git = {"GIT_DIR": str(around / ".git"), **AROUND}
    for name, value in {"HOME": str(home), "LC_ALL": "de_DE.UTF-8", **around_git}.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as clean:
        for name in around_git:
            clean.delenv(name)
        base = origin.commit({"a": b"1"}, "m\n\nKey: value")
    clone = Clone(origin.url, tmp_path / "cache" / "clone.git", BOT, env={"HOME": str(home)})
    assert clone.fetch(["main"]) == {"main": base}
    shutil.copytree(hooks, clone._git.path / "hooks")
    assert clone.files(base, ["a"]) == (File("a", "100644", b"1"),)
    assert clone.histories(base, ["a"], 1)["a"][0].trailers == (("Key", "value"),)
    commit = clone.commit(base, [FileChange("a", b"2")], "m", NOON)
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert not (home / "ran").exists()
    assert git(origin.bare, "log", "-1", "--format=%an", commit, env={"GIT_DIR": str(origin.bare)}) == "promobot"


@pytest.mark.parametrize("url", ["ext::sh -c touch% {}", "--upload-pack=touch {}", "-c", "fd::3"])
def test_a_url_cannot_run_a_program(tmp_path: Path, url: str) -> None:
    clone = Clone(url.format(tmp_path / "ran"), tmp_path / "clone.git", BOT)
    with pytest.raises(GitError):
        clone.heads(["main"])
    with pytest.raises(GitError):
        clone.files("1" * 40, ["a"])
    assert not (tmp_path / "ran").exists()


def test_a_credential_opens_the_server_and_shows_nowhere(
    origin: Origin,
    http: SmartHttp,
    tmp_path: Path,
    processes: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    base = origin.commit({"a": b"1"})
    credential = Credential(USER, PASSWORD)
    clone = Clone(f"{http.url}/origin.git", tmp_path / "clone.git", BOT, credential=credential)
    processes()
    assert clone.files(clone.fetch(["main"])["main"], ["a"])[0].content == b"1"
    commit = clone.commit(base, [FileChange("a", b"2")], "m", NOON)
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert origin.head("x") == commit
    written = [path.read_bytes() for path in (tmp_path / "clone.git").rglob("*") if path.is_file()]
    seen = "\n".join([*processes(), caplog.text, repr(clone), repr(credential), repr(clone._remote), str(written)])
    assert PASSWORD not in seen


@pytest.mark.parametrize("credential", [None, Credential(USER, "wrong")])
def test_a_refused_credential(http: SmartHttp, tmp_path: Path, credential: Credential | None) -> None:
    clone = Clone(f"{http.url}/origin.git", tmp_path / "clone.git", BOT, credential=credential)
    with pytest.raises(GitError, match=f"cannot read the branches of {http.url}/origin.git") as caught:
        clone.heads(["main"])
    assert "credential" in caught.value.hint
    assert "wrong" not in str(caught.value)


def test_a_credential_is_for_its_own_host_alone(origin: Origin, http: SmartHttp, tmp_path: Path) -> None:
    port = http.url.rpartition(":")[2]
    clone = Clone(f"http://localhost:{port}/origin.git", tmp_path / "c.git", BOT, credential=Credential(USER, PASSWORD))
    config = clone._remote._config()
    assert [key for key in config if key.startswith("credential")] == [f"credential.http://localhost:{port}.helper"]


@pytest.mark.parametrize("user", ["me:hunter2", "hunter2", ":hunter2"])
def test_a_credential_in_a_url_is_refused_without_repeating_it(tmp_path: Path, user: str) -> None:
    with pytest.raises(GitError, match="has a credential in it") as caught:
        Clone(f"https://{user}@git.example.com/x.git", tmp_path / "c.git", BOT)
    assert "hunter2" not in str(caught.value)
    assert "git.example.com/x.git" in caught.value.message


def test_a_project_that_is_not_there(http: SmartHttp, tmp_path: Path) -> None:
    for url in (f"{http.url}/nothing.git", (tmp_path / "nothing.git").as_uri()):
        clone = Clone(url, tmp_path / "c.git", BOT, credential=Credential(USER, PASSWORD))
        with pytest.raises(GitError, match=r"nothing\.git") as caught:
            clone.heads(["main"])
        assert "check `project` in the configuration" in caught.value.hint


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    clone = Clone("http://127.0.0.1:1/x.git", tmp_path / "c.git", BOT)
    with pytest.raises(GitError, match=r"127\.0\.0\.1:1/x\.git") as caught:
        clone.heads(["main"])
    assert "check the network" in caught.value.hint


def test_a_server_that_never_ends_is_given_up(origin: Origin, http: SmartHttp, tmp_path: Path) -> None:
    http.stall_on = b""
    url = f"{http.url}/origin.git"
    clone = Clone(url, tmp_path / "c.git", BOT, credential=Credential(USER, PASSWORD), timeout=0.5)
    began = time.monotonic()
    with pytest.raises(GitError, match=f"git ls-remote of {url} did not end within 0.5 s"):
        clone.heads(["main"])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("any_object", ["true", "false"])
def test_a_server_of_protocol_0_works(origin: Origin, tmp_path: Path, any_object: str) -> None:
    """Without protocol 2 a server may refuse to give single objects; then contents come with their commits."""
    origin.configure("uploadpack.allowAnySHA1InWant", any_object)
    with SmartHttp(origin.bare.parent, protocol_2=False) as http:
        url = f"{http.url}/origin.git"
        clone = Clone(url, tmp_path / "c.git", BOT, credential=Credential(USER, PASSWORD))
        for n in range(3):
            origin.commit({"a": b"%d" % n, f"b{n}": b""})
            head = clone.fetch(["main"])["main"]
            assert clone.files(head, ["a", "b*"])[0] == File("a", "100644", b"%d" % n)
            assert len(clone.files(head, ["*"])) == n + 2


def test_where_git_is_missing_is_said(clone: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    (tmp_path / "bin").mkdir()
    if setpriv:
        (tmp_path / "bin" / "setpriv").symlink_to(setpriv)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(Exception, match="git is not installed"):
        clone.heads(["main"])


def test_a_clone_that_others_could_have_planted_is_not_believed(origin: Origin, clone: Clone, tmp_path: Path) -> None:
    head = origin.commit({"a": b"1"})
    clone.fetch(["main"])
    folder, ran = tmp_path / "cache" / "clone.git", tmp_path / "ran"
    git(folder, "config", "remote.origin.uploadpack", f"touch {ran}; git-upload-pack")
    second = origin.commit({"a": b"2"})
    for writable in (folder, folder.parent):
        before = writable.stat().st_mode
        writable.chmod(0o777)
        with pytest.raises(GitError, match="can be written by everybody"):
            clone.files(second, ["a"])
        writable.chmod(before)
    assert head != second
    assert not ran.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_clone_of_another_user_is_not_believed(origin: Origin, clone: Clone, tmp_path: Path) -> None:
    head = origin.commit({"a": b"1"})
    clone.fetch(["main"])
    os.chown(tmp_path / "cache" / "clone.git", 65534, 65534)
    with pytest.raises(GitError, match="belongs to another user"):
        clone.files(head, ["a"])
