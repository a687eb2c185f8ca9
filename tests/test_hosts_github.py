"""GitHub as a forge of a run: git and the API by a token or as an App, and nobody else gets to see either."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.config import Author, Config, EnvironmentConfig, GitHubApp, GitHubForge, RegistryConfig
from bot.errors import ConfigError, ForgeError, GitError
from bot.git import LeaseLost, Pushed
from bot.hosts import Hosts
from bot.repositories import FileChange, Repository
from bot.world import World
from tests.doubles.github import GitHub, Role
from tests.doubles.github.accounts import AppRegistration
from tests.doubles.github.serving import serve_github
from tests.doubles.server import Running
from tests.git.conftest import NOON
from tests.secrets import ProcessWatch, leaking_files, leaks, spellings
from tests.tunnel import serve_tunnel

PROJECT = "acme/gitops"
HERE = Repository("hub", PROJECT)
PERMISSIONS = {"metadata": "read", "contents": "write", "pull_requests": "write", "members": "read"}


@pytest.fixture
def hub(tmp_path: Path) -> GitHub:
    made = GitHub(tmp_path / "github")
    made.project(PROJECT, {"a": b"1\n"}, roles={"robot": Role.WRITE, "rea": Role.READ})
    return made


@pytest.fixture
def running(hub: GitHub, tmp_path: Path) -> Iterator[Running]:
    with serve_github(hub, tls_in=tmp_path) as double:
        yield double


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def pem(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


@pytest.fixture
def app(hub: GitHub, key: rsa.RSAPrivateKey) -> AppRegistration:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    registered = hub.register("promo", public.decode())
    hub.install(registered, "acme", PERMISSIONS)
    return registered


def world(running: Running, cache: Path, secret: str, **forge: Any) -> World:
    told = {"url": running.url, "ca_file": running.ca_file, **(forge or {"token_env": "SECRET"})}
    environment = {
        "name": "e2e",
        "repository": {"forge": "hub", "project": PROJECT},
        "paths": ["{service}.yaml"],
        "registry": "r",
    }
    config = Config(
        forges={"hub": GitHubForge(type="github", **told)},
        registries={"r": RegistryConfig(url="r.example.com")},
        environments=(EnvironmentConfig.model_validate(environment),),
        author=Author(),
    )
    return World(config, {"SECRET": secret}, cache)


def work(made: World) -> str:
    """Clone, commit, push, and ask the API; the commit."""
    clone = made.clone(HERE)
    base = clone.fetch(["main"])["main"]
    assert clone.files(base, ["a"])[0].content == b"1\n"
    commit = clone.commit(base, [FileChange("a", b"2\n")], "m", NOON)
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert isinstance(clone.push("x", base, base), LeaseLost)
    assert made.forge("hub").open_requests(PROJECT) == ()
    return commit


def test_git_and_the_api_go_by_the_token(
    hub: GitHub, running: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = hub.classic("robot", "repo", "read:org")
    made = world(running, tmp_path / "cache", token)
    with ProcessWatch() as watch:
        commit = work(made)
    made.close()
    assert hub.projects[PROJECT].repository.head("x") == commit
    nowhere(spellings(token), watch, tmp_path, caplog, made, running)


def nowhere(
    secrets: set[str],
    watch: ProcessWatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    made: World,
    running: Running,
) -> None:
    assert leaks(secrets, b"\n".join(watch.arguments)) == []
    assert leaking_files(secrets, tmp_path / "cache") == []
    shown = f"{caplog.text}{made!r}{made.hosts!r}{made.clone(HERE)!r}".replace(repr(made.environ), "")
    assert leaks(secrets, shown) == []
    assert leaks(secrets, running.log()) == []


def test_git_and_the_api_go_by_an_apps_tokens_which_are_renewed(
    hub: GitHub,
    running: Running,
    app: AppRegistration,
    pem: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = world(running, tmp_path / "cache", pem, app=GitHubApp(id=app.id, key_env="SECRET"))
    with ProcessWatch() as watch:
        work(made)
        # What is nearly over is given up, and git uses the new one.
        for text, token in hub.tokens.items():
            hub.tokens[text] = token.__class__(**{**token.__dict__, "expires": datetime.now(UTC) - timedelta(1)})
        tokens = made.forge("hub")._connecting._clients  # type: ignore[attr-defined]
        for _, held in tokens.values():
            held._now = lambda: datetime.now(UTC) + timedelta(minutes=51)
        assert made.clone(HERE).heads(["x"])
    made.close()
    minted = [text for text in hub.tokens if text.startswith("ghs_")]
    assert len(minted) == 2
    nowhere(spellings(*minted, pem.splitlines()[1]), watch, tmp_path, caplog, made, running)


def pushes_nothing(hub: GitHub, running: Running, tmp_path: Path, token: str, words: str) -> None:
    good = world(running, tmp_path / "cache", hub.classic("robot", "repo"))
    clone = good.clone(HERE)
    commit = clone.commit(clone.fetch(["main"])["main"], [FileChange("a", b"2\n")], "m", NOON)
    with pytest.raises(GitError, match=words) as caught:
        world(running, tmp_path / "cache", token).clone(HERE).push("x", commit, None)
    assert caught.value.hint
    assert token not in str(caught.value)
    assert hub.projects[PROJECT].repository.head("x") is None


@pytest.mark.parametrize(
    ("scope", "login", "words"),
    [
        ("repo", "rea", f"Permission to {PROJECT}.git denied to rea"),
        ("read:org", "robot", "Repository not found"),
        ("repo", "stranger", "Repository not found"),
    ],
)
def test_a_token_that_does_not_open_pushes_nothing(
    hub: GitHub, running: Running, tmp_path: Path, scope: str, login: str, words: str
) -> None:
    pushes_nothing(hub, running, tmp_path, hub.classic(login, scope), words)


def test_an_expired_token_pushes_nothing(hub: GitHub, running: Running, tmp_path: Path) -> None:
    expired = hub.classic("robot", "repo", expires=datetime.now(UTC))
    pushes_nothing(hub, running, tmp_path, expired, "Authentication failed")


def test_a_wrong_token_reads_nothing(running: Running, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="Authentication failed"):
        world(running, tmp_path / "cache", "ghp_canary_wrong").clone(HERE).heads(["main"])


def test_an_app_that_is_not_installed_there_reads_nothing(
    hub: GitHub, running: Running, key: rsa.RSAPrivateKey, pem: str, tmp_path: Path
) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    lonely = hub.register("lonely", public.decode())
    made = world(running, tmp_path / "cache", pem, app=GitHubApp(id=lonely.id, key_env="SECRET"))
    for ask in (lambda: made.clone(HERE).heads(["main"]), lambda: made.forge("hub").open_requests(PROJECT)):
        with pytest.raises(ForgeError, match=f"App {lonely.id} is not installed on {PROJECT}"):
            ask()
    made.close()


def test_what_an_app_lacks_is_named_with_what_to_do(
    hub: GitHub, running: Running, key: rsa.RSAPrivateKey, pem: str, tmp_path: Path
) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    weak = hub.register("weak", public.decode())
    hub.install(weak, "acme", {**PERMISSIONS, "pull_requests": "read"})
    hub.projects[PROJECT].repository.commit("x", {"a": b"2"})
    number = hub.open(PROJECT, "robot", "x").number
    made = world(running, tmp_path / "cache", pem, app=GitHubApp(id=weak.id, key_env="SECRET"))
    with pytest.raises(ForgeError, match="the token lacks the permission pull_requests=write") as caught:
        made.forge("hub").update(PROJECT, number, title="t", body="b")
    assert caught.value.hint.startswith(f"give App {weak.id} that permission")
    made.close()


def test_the_environments_proxy_serves_the_api_and_git(
    hub: GitHub, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = hub.classic("robot", "repo")
    with serve_tunnel() as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url)
        monkeypatch.setenv("no_proxy", "")
        made = world(running, tmp_path / "cache", token)
        assert made.forge("hub").open_requests(PROJECT) == ()
        assert len(tunnel.asked) == 1
        assert made.clone(HERE).heads(["main"])
        assert len(tunnel.asked) >= 2
        made.close()
        assert leaks(spellings(token), "".join(tunnel.asked)) == []


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "forges.hub.app.key_env: KEY is not set"),
        ({"KEY": ""}, "forges.hub.app.key_env: KEY holds no private key"),
        ({"KEY": "ghp_something"}, "forges.hub.app.key_env: KEY holds no private key"),
        (
            {"KEY": "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----"},
            "no private key of a GitHub App",
        ),
    ],
)
def test_a_key_that_is_none(environ: dict[str, str], words: str) -> None:
    forge = GitHubForge(type="github", app=GitHubApp(id=1, key_env="KEY"))
    hosts = Hosts({"hub": forge}, environ, "promobot", lambda _: None)
    with pytest.raises(ConfigError, match=words) as caught:
        hosts.forge("hub")
    assert "ghp_something" not in str(caught.value)
    hosts.close()


def test_a_key_in_a_file_or_on_one_line(tmp_path: Path, pem: str) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem)
    for app in (GitHubApp(id=1, key_file=file), GitHubApp(id="Iv23", key_env="KEY")):
        environ = {"KEY": pem.replace("\n", "\\n")}
        hosts = Hosts({"hub": GitHubForge(type="github", app=app)}, environ, "promobot", lambda _: None)
        assert hosts.forge("hub").git_url(PROJECT) == f"https://github.com/{PROJECT}.git"
        access = hosts.git("hub", PROJECT)
        assert access.credential is not None
        assert access.credential.username == "x-access-token"
        hosts.close()


def test_git_by_ssh_has_the_agent_and_no_token() -> None:
    forge = GitHubForge(type="github", token_env="TOKEN", git="ssh://git@github.com")
    hosts = Hosts({"hub": forge}, {"TOKEN": "t", "SSH_AUTH_SOCK": "/agent"}, "promobot", lambda _: None)
    assert hosts.forge("hub").git_url("a/b") == "ssh://git@github.com/a/b.git"
    access = hosts.git("hub", "a/b")
    assert (access.credential, access.env) == (None, {"SSH_AUTH_SOCK": "/agent"})
    hosts.close()


def test_where_commits_are_compared() -> None:
    forge = GitHubForge(type="github", token_env="TOKEN", url="https://github.example.com/")
    assert forge.comparison("a/b", "1", "2") == "https://github.example.com/a/b/compare/1...2"
