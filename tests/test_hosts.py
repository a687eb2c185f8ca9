"""The forges of a run: where their tokens come from, who gets them, and that nobody else does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import Author, Config, EnvironmentConfig, GitLabForge, LocalForge, RegistryConfig, RepositoryConfig
from bot.errors import ConfigError, GitError
from bot.git import LeaseLost, Pushed
from bot.hosts import Hosts
from bot.repositories import FileChange, Repository
from bot.world import Look, Lookout, World
from tests.doubles.gitlab import DEVELOPER, GitLab, Project
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.server import Running
from tests.git.conftest import NOON
from tests.proxy import Answer, Fault
from tests.secrets import ProcessWatch, leaking_files, leaks, spellings
from tests.tunnel import serve_tunnel

PROJECT = "platform/gitops"
HERE = Repository("work", PROJECT)


@pytest.fixture
def gitlab(tmp_path: Path) -> GitLab:
    return GitLab(tmp_path / "gitlab")


@pytest.fixture
def project(gitlab: GitLab) -> Project:
    return gitlab.project(PROJECT, {"a": b"1\n"})


@pytest.fixture
def running(gitlab: GitLab, tmp_path: Path) -> Iterator[Running]:
    with serve_gitlab(gitlab, prefix="/gitlab", tls_in=tmp_path) as double:
        yield double


def world(running: Running, cache: Path, token: str, **forge: object) -> World:
    settings = {"url": running.url, "token_env": "TOKEN", "ca_file": running.ca_file, **forge}
    config = Config(
        forges={"work": GitLabForge(type="gitlab", **settings)},  # type: ignore[arg-type]
        registries={"r": RegistryConfig(url="r.example.com")},
        environments=(
            EnvironmentConfig.model_validate(
                {
                    "name": "e2e",
                    "repository": RepositoryConfig(forge="work", project=PROJECT),
                    "paths": ["{service}.yaml"],
                    "registry": "r",
                }
            ),
        ),
        author=Author(),
    )
    return World(config, {"TOKEN": token} if token else {}, cache)


def test_git_and_the_api_go_by_the_forges_token(
    gitlab: GitLab, project: Project, running: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = gitlab.bot(project.namespace)
    made = world(running, tmp_path / "cache", token)
    with ProcessWatch() as watch:
        clone = made.clone(HERE)
        base = clone.fetch(["main"])["main"]
        assert clone.files(base, ["a"])[0].content == b"1\n"
        commit = clone.commit(base, [FileChange("a", b"2\n")], "m", NOON)
        assert clone.push("x", commit, None) == Pushed(changed=True)
        assert isinstance(clone.push("x", base, base), LeaseLost)
        assert made.forge("work").open_requests(PROJECT) == ()
    made.close()
    assert project.repository.head("x") == commit
    secret = spellings(token)
    assert leaks(secret, b"\n".join(watch.arguments)) == []
    assert leaking_files(secret, tmp_path / "cache") == []
    assert leaks(secret, f"{caplog.text}{made!r}{made.hosts!r}{clone!r}".replace(repr(made.environ), "")) == []
    assert leaks(secret, running.log()) == []


@pytest.mark.parametrize(("scope", "ended"), [("api", "expired"), ("api", "revoked"), ("read_repository", "")])
def test_a_token_that_does_not_open_pushes_nothing(
    gitlab: GitLab, running: Running, tmp_path: Path, scope: str, ended: str
) -> None:
    project = gitlab.project(PROJECT, {"a": b"1\n"})
    good = world(running, tmp_path / "cache", gitlab.bot(project.namespace))
    clone = good.clone(HERE)
    commit = clone.commit(clone.fetch(["main"])["main"], [FileChange("a", b"2\n")], "m", NOON)
    bad = world(running, tmp_path / "cache", gitlab.bot(project.namespace, scope, ended=ended))
    with pytest.raises(GitError, match="Authentication failed") as caught:
        bad.clone(HERE).push("x", commit, None)
    assert caught.value.hint == "check the credential: whether it has expired, and its rights on this repository"
    assert "canary" not in f"{caught.value}"
    assert project.repository.head("x") is None


def test_a_wrong_token_reads_nothing(project: Project, running: Running, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="Authentication failed"):
        world(running, tmp_path / "cache", "glpat-canary-wrong").clone(HERE).heads(["main"])
    assert project.repository.head("main")


def test_an_unknown_authority_is_not_trusted(
    gitlab: GitLab, project: Project, running: Running, tmp_path: Path
) -> None:
    made = world(running, tmp_path / "cache", gitlab.bot(project.namespace), ca_file=None)
    with pytest.raises(GitError, match="certificate"):
        made.clone(HERE).heads(["main"])
    assert not running.exchanges


def test_the_environments_proxy_serves_the_api_and_git(
    gitlab: GitLab, project: Project, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = gitlab.bot(project.namespace)
    with serve_tunnel() as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url)
        monkeypatch.setenv("no_proxy", "")
        made = world(running, tmp_path / "cache", token)
        assert made.forge("work").open_requests(PROJECT) == ()
        assert len(tunnel.asked) == 1
        assert made.clone(HERE).heads(["main"])
        assert len(tunnel.asked) >= 2
        made.close()
        assert leaks(spellings(token), "".join(tunnel.asked)) == []


def test_a_protected_branch_is_the_servers_to_refuse(
    gitlab: GitLab, project: Project, running: Running, tmp_path: Path
) -> None:
    clone = world(running, tmp_path / "cache", gitlab.bot(project.namespace)).clone(HERE)
    base = clone.fetch(["main"])["main"]
    with pytest.raises(GitError, match="not allowed to push code to protected branches") as caught:
        clone.push("main", clone.commit(base, [FileChange("a", b"2\n")], "m", NOON), base)
    assert "rules for this branch" in caught.value.hint


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "forges.work.token_env: TOKEN is not set"),
        ({"TOKEN": ""}, "forges.work.token_env: TOKEN is empty"),
        ({"TOKEN": "two words"}, "forges.work.token_env: TOKEN holds characters that no token has"),
        ({"TOKEN": "glpät"}, "forges.work.token_env: TOKEN holds characters that no token has"),
        ({"TOKEN": "a\nb"}, "forges.work.token_env: TOKEN holds more than one line"),
    ],
)
def test_a_token_that_is_none(environ: dict[str, str], words: str) -> None:
    hosts = Hosts({"work": GitLabForge(type="gitlab", token_env="TOKEN")}, environ, "promobot", lambda _: None)
    for ask in (hosts.forge, lambda name: hosts.git(name, PROJECT)):
        with pytest.raises(ConfigError, match=words) as caught:
            ask("work")
        assert "export TOKEN=…" in caught.value.hint


def test_a_token_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    config = {"work": GitLabForge(type="gitlab", token_file=file)}
    hosts = Hosts(config, {}, "promobot", lambda _: None)
    with pytest.raises(ConfigError, match=f"forges.work.token_file: {file}: No such file"):
        hosts.git("work", PROJECT)
    file.write_text("glpat-1\n")
    access = hosts.git("work", PROJECT)
    assert access.credential is not None
    assert access.credential.password == "glpat-1"
    assert hosts.forge("work") is hosts.forge("work")
    hosts.close()


def test_git_by_ssh_has_the_agent_and_no_token() -> None:
    forge = GitLabForge(type="gitlab", token_env="TOKEN", git="ssh://git@gitlab.example.com/")
    hosts = Hosts({"work": forge}, {"TOKEN": "t", "SSH_AUTH_SOCK": "/agent", "X": "y"}, "promobot", lambda _: None)
    assert hosts.forge("work").git_url("a/b") == "ssh://git@gitlab.example.com/a/b.git"
    access = hosts.git("work", PROJECT)
    assert (access.credential, access.env) == (None, {"SSH_AUTH_SOCK": "/agent"})
    hosts.close()


def test_a_local_forge_needs_nothing(tmp_path: Path) -> None:
    hosts = Hosts({"here": LocalForge(type="local", path=tmp_path)}, {}, "promobot", lambda _: None)
    assert hosts.git("here", PROJECT).credential is None
    assert hosts.forge("here").git_url("a/b") == (tmp_path / "a/b.git").as_uri()


def test_names_for_one_address_share_its_pace_and_waits_are_told(
    gitlab: GitLab, project: Project, running: Running, tmp_path: Path
) -> None:
    config = GitLabForge(type="gitlab", url=running.url, token_env="TOKEN", ca_file=running.ca_file)
    told: list[Look] = []
    lookout = Lookout()
    lookout.watch = told.append
    hosts = Hosts({"a": config, "b": config}, {"TOKEN": gitlab.bot(project.namespace)}, "promobot", lookout.tell)
    running.inject(Fault("", Answer(429, {"Retry-After": "1"}, b"Retry later\n")))
    assert hosts.forge("a").open_requests(PROJECT) == ()
    assert [look.where for look in told] == ["forge a, which wants a pause of 1 s"]
    assert hosts.forge("b").open_requests(PROJECT) == ()
    hosts.close()
    assert replace(told[0], where="").asked == 0


def test_who_pushes_is_the_tokens_user(gitlab: GitLab, project: Project) -> None:
    assert gitlab.accounts.role(gitlab.accounts.tokens[gitlab.bot(project.namespace)].user, project.namespace) == (
        DEVELOPER
    )
