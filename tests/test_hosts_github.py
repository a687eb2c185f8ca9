"""GitHub as a forge of a run: as an App, whose key and tokens nobody else gets to see, and by tokens that don't do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.config import GitHubApp, GitHubForge
from bot.errors import ConfigError, ForgeError, GitError
from bot.hosts import Hosts
from bot.repositories import FileChange
from tests.doubles.github import GitHub
from tests.doubles.github.accounts import OF_THE_MANUAL, AppRegistration
from tests.git.conftest import NOON
from tests.secrets import ProcessWatch, spellings
from tests.served import HERE, PROJECT, Served, served_github


@pytest.fixture
def hub(tmp_path: Path) -> GitHub:
    return GitHub(tmp_path / "github")


@pytest.fixture
def served(hub: GitHub, tmp_path: Path) -> Iterator[Served]:
    with served_github(tmp_path, hub) as made:
        yield made


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
    hub.install(registered, "acme", OF_THE_MANUAL)
    return registered


def test_git_and_the_api_go_by_an_apps_tokens_which_are_renewed(
    hub: GitHub, served: Served, app: AppRegistration, pem: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = served.world(pem, app=GitHubApp(id=app.id, key_env="SECRET"))
    with ProcessWatch() as watch:
        served.work(made)
        # What is nearly over is given up, and git uses the new one.
        for text, token in hub.tokens.items():
            hub.tokens[text] = token.__class__(**{**token.__dict__, "expires": datetime.now(UTC) - timedelta(1)})
        tokens = made.forge("work")._connecting._clients  # type: ignore[attr-defined]
        for _, held in tokens.values():
            held._now = lambda: datetime.now(UTC) + timedelta(minutes=51)
        assert made.clone(HERE).heads(["x"])
    made.close()
    minted = [text for text in hub.tokens if text.startswith("ghs_")]
    assert len(minted) == 2
    served.nowhere(spellings(*minted, pem.splitlines()[1]), watch, caplog.text, made)


def pushes_nothing(served: Served, token: str, words: str) -> None:
    good = served.world(served.token)
    clone = good.clone(HERE)
    commit = clone.commit(clone.fetch(["main"])["main"], [FileChange("a", b"2\n")], "m", NOON)
    with pytest.raises(GitError, match=words) as caught:
        served.world(token).clone(HERE).push("x", commit, None)
    assert caught.value.hint
    assert token not in str(caught.value)
    assert served.repository.head("x") is None


@pytest.mark.parametrize(
    ("scope", "login", "words"),
    [
        ("repo", "rea", f"Permission to {PROJECT}.git denied to rea"),
        ("read:org", "robot", "Repository not found"),
        ("repo", "stranger", "Repository not found"),
    ],
)
def test_a_token_that_does_not_open_pushes_nothing(
    hub: GitHub, served: Served, scope: str, login: str, words: str
) -> None:
    pushes_nothing(served, hub.classic(login, scope), words)


def test_an_expired_token_pushes_nothing(hub: GitHub, served: Served) -> None:
    expired = hub.classic("robot", "repo", expires=datetime.now(UTC))
    pushes_nothing(served, expired, "Authentication failed")


def test_an_app_that_is_not_installed_there_reads_nothing(
    hub: GitHub, served: Served, key: rsa.RSAPrivateKey, pem: str
) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    lonely = hub.register("lonely", public.decode())
    made = served.world(pem, app=GitHubApp(id=lonely.id, key_env="SECRET"))
    for ask in (lambda: made.clone(HERE).heads(["main"]), lambda: made.forge("work").open_requests(PROJECT)):
        with pytest.raises(ForgeError, match=f"App {lonely.id} is not installed on {PROJECT}"):
            ask()
    made.close()


def test_what_an_app_lacks_is_named_with_what_to_do(
    hub: GitHub, served: Served, key: rsa.RSAPrivateKey, pem: str
) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    weak = hub.register("weak", public.decode())
    hub.install(weak, "acme", {**OF_THE_MANUAL, "pull_requests": "read"})
    hub.projects[PROJECT].repository.commit("x", {"a": b"2"})
    number = hub.open(PROJECT, "robot", "x").number
    made = served.world(pem, app=GitHubApp(id=weak.id, key_env="SECRET"))
    with pytest.raises(ForgeError, match="the token lacks the permission pull_requests=write") as caught:
        made.forge("work").update(PROJECT, number, title="t", body="b")
    assert caught.value.hint.startswith(f"give App {weak.id} that permission")
    made.close()


def test_so_is_what_it_lacks_for_a_look(hub: GitHub, served: Served, key: rsa.RSAPrivateKey, pem: str) -> None:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    weak = hub.register("weak", public.decode())
    hub.install(weak, "acme", {name: level for name, level in OF_THE_MANUAL.items() if name != "statuses"})
    hub.projects[PROJECT].repository.commit("x", {"a": b"2"})
    number = hub.open(PROJECT, "robot", "x").number
    made = served.world(pem, app=GitHubApp(id=weak.id, key_env="SECRET"))
    with pytest.raises(ForgeError, match="the token lacks the permission statuses=read: Resource not") as caught:
        made.forge("work").get(PROJECT, number)
    assert caught.value.hint.startswith(f"give App {weak.id} that permission")
    made.close()


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


def test_where_commits_are_compared() -> None:
    forge = GitHubForge(type="github", token_env="TOKEN", url="https://github.example.com/")
    assert forge.comparison("a/b", "1", "2") == "https://github.example.com/a/b/compare/1...2"
