"""The forges of a run: git and the API by a token, where that comes from, and that nobody else gets to see it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import GitHubForge, GitLabForge, LocalForge
from bot.errors import ConfigError, GitError
from bot.hosts import Hosts
from bot.repositories import FileChange
from bot.world import Look, Lookout
from tests.doubles.github import GitHub
from tests.doubles.gitlab import GitLab
from tests.git.conftest import NOON
from tests.proxy import Answer, Fault
from tests.secrets import ProcessWatch, leaks, spellings
from tests.served import HERE, PROJECT, Served, served_github, served_gitlab
from tests.tunnel import serve_tunnel


@pytest.fixture
def gitlab(tmp_path: Path) -> GitLab:
    return GitLab(tmp_path / "gitlab")


@pytest.fixture
def on_gitlab(gitlab: GitLab, tmp_path: Path) -> Iterator[Served]:
    with served_gitlab(tmp_path, gitlab) as served:
        yield served


@pytest.fixture(params=["gitlab", "github"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Each of them."""
    on_gitlab = request.param == "gitlab"
    with (
        served_gitlab(tmp_path, GitLab(tmp_path / "g"))
        if on_gitlab
        else served_github(tmp_path, GitHub(tmp_path / "g")) as made
    ):
        yield made


# --- tokens on the wire ---------------------------------------------------------------------------------


def test_git_and_the_api_go_by_the_forges_token(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = served.world(served.token)
    with ProcessWatch() as watch:
        served.work(made)
    made.close()
    served.nowhere(spellings(served.token), watch, caplog.text, made)


def test_a_wrong_token_reads_nothing(served: Served) -> None:
    with pytest.raises(GitError, match="Authentication failed"):
        served.world("canary-wrong").clone(HERE).heads(["main"])


def test_an_unknown_authority_is_not_trusted(served: Served) -> None:
    with pytest.raises(GitError, match="certificate"):
        served.world(served.token, ca_file=None).clone(HERE).heads(["main"])
    assert not served.running.exchanges


def test_the_environments_proxy_serves_the_api_and_git(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_tunnel() as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url)
        monkeypatch.setenv("no_proxy", "")
        made = served.world(served.token)
        assert made.forge("work").open_requests(PROJECT) == ()
        assert len(tunnel.asked) == 1
        assert made.clone(HERE).heads(["main"])
        assert len(tunnel.asked) >= 2
        made.close()
        assert leaks(spellings(served.token), "".join(tunnel.asked)) == []


@pytest.mark.parametrize(("scope", "ended"), [("api", "expired"), ("api", "revoked"), ("read_repository", "")])
def test_a_token_that_does_not_open_pushes_nothing(gitlab: GitLab, on_gitlab: Served, scope: str, ended: str) -> None:
    clone = on_gitlab.world(on_gitlab.token).clone(HERE)
    commit = clone.commit(clone.fetch(["main"])["main"], [FileChange("a", b"2\n")], "m", NOON)
    bad = gitlab.bot(gitlab.projects[PROJECT].namespace, scope, ended=ended)
    with pytest.raises(GitError, match="Authentication failed") as caught:
        on_gitlab.world(bad).clone(HERE).push("x", commit, None)
    said = "check SECRET of forge work: whether it has expired, and its rights on this repository"
    assert caught.value.hint == said
    assert "canary" not in f"{caught.value}"
    assert on_gitlab.repository.head("x") is None


def test_a_protected_branch_is_the_servers_to_refuse(on_gitlab: Served) -> None:
    clone = on_gitlab.world(on_gitlab.token).clone(HERE)
    base = clone.fetch(["main"])["main"]
    with pytest.raises(GitError, match="not allowed to push code to protected branches") as caught:
        clone.push("main", clone.commit(base, [FileChange("a", b"2\n")], "m", NOON), base)
    assert "rules for this branch" in caught.value.hint


def test_names_for_one_address_share_its_pace_and_waits_are_told(on_gitlab: Served) -> None:
    running = on_gitlab.running
    config = GitLabForge(type="gitlab", url=running.url, token_env="TOKEN", ca_file=running.ca_file)
    told: list[Look] = []
    lookout = Lookout()
    lookout.watch = told.append
    hosts = Hosts({"a": config, "b": config}, {"TOKEN": on_gitlab.token}, "promobot", lookout.tell)
    running.inject(Fault("", Answer(429, {"Retry-After": "1"}, b"Retry later\n")))
    assert hosts.forge("a").open_requests(PROJECT) == ()
    assert [look.where for look in told] == ["forge a, which wants a pause of 1 s"]
    assert hosts.forge("b").open_requests(PROJECT) == ()
    hosts.close()
    assert replace(told[0], where="").asked == 0


# --- where they come from -------------------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", [GitLabForge, GitHubForge])
def test_git_by_ssh_has_the_agent_and_no_token(kind: Any) -> None:
    forge = kind(type=kind.__name__.removesuffix("Forge").lower(), token_env="TOKEN", git="ssh://git@git.example.com/")
    hosts = Hosts({"work": forge}, {"TOKEN": "t", "SSH_AUTH_SOCK": "/agent", "X": "y"}, "promobot", lambda _: None)
    assert hosts.forge("work").git_url("a/b") == "ssh://git@git.example.com/a/b.git"
    access = hosts.git("work", PROJECT)
    assert (access.credential, access.env) == (None, {"SSH_AUTH_SOCK": "/agent"})
    hosts.close()


def test_a_local_forge_needs_nothing(tmp_path: Path) -> None:
    hosts = Hosts({"here": LocalForge(type="local", path=tmp_path)}, {}, "promobot", lambda _: None)
    assert hosts.git("here", PROJECT).credential is None
    assert hosts.forge("here").git_url("a/b") == (tmp_path / "a/b.git").as_uri()
