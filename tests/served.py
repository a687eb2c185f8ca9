"""A forge that is served with one project, and promobot there: what tests of tokens on the wire stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bot.config import Author, Config, EnvironmentConfig, RegistryConfig
from bot.config.forges import ForgeConfig
from bot.git import LeaseLost, Pushed
from bot.repositories import FileChange, Repository
from bot.world import World
from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.gitlab import GitLab
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.repository import Repository as Bare
from tests.doubles.server import Running
from tests.git.conftest import NOON
from tests.secrets import ProcessWatch, leaking_files, leaks

PROJECT = "acme/gitops"
HERE = Repository("work", PROJECT)
FILES = {"a": b"1\n"}


@dataclass(frozen=True)
class Served:
    """The forge of a type, over https by an authority of its own; `token` opens the project."""

    type: str
    running: Running
    repository: Bare
    token: str
    cache: Path

    def world(self, secret: str, **forge: Any) -> World:
        """A run of promobot that has this secret in its environment, as SECRET."""
        ways = {"token_env", "app"} & forge.keys()
        told = {"url": self.running.url, "ca_file": self.running.ca_file, **({} if ways else {"token_env": "SECRET"})}
        environment = {
            "name": "e2e",
            "repository": {"forge": "work", "project": PROJECT},
            "paths": ["{service}.yaml"],
            "registry": "r",
        }
        config = Config(
            forges={"work": TypeAdapter[Any](ForgeConfig).validate_python({"type": self.type, **told, **forge})},
            registries={"r": RegistryConfig(url="r.example.com")},
            environments=(EnvironmentConfig.model_validate(environment),),
            author=Author(),
        )
        return World(config, {"SECRET": secret} if secret else {}, self.cache)

    def work(self, made: World) -> str:
        """Clone, commit, push, and ask the API; the commit, which is there."""
        clone = made.clone(HERE)
        base = clone.fetch(["main"])["main"]
        assert clone.files(base, ["a"])[0].content == b"1\n"
        commit = clone.commit(base, [FileChange("a", b"2\n")], "m", NOON)
        assert clone.push("x", commit, None) == Pushed(changed=True)
        assert isinstance(clone.push("x", base, base), LeaseLost)
        assert made.forge("work").open_requests(PROJECT) == ()
        assert self.repository.head("x") == commit
        return commit

    def nowhere(self, secrets: set[str], watch: ProcessWatch, said: str, made: World) -> None:
        """That nobody got to see any of these: no process, file or log, nor who prints what there is."""
        assert leaks(secrets, b"\n".join(watch.arguments)) == []
        assert leaking_files(secrets, self.cache) == []
        shown = f"{said}{made!r}{made.hosts!r}{made.clone(HERE)!r}".replace(repr(made.environ), "")
        assert leaks(secrets, shown) == []
        assert leaks(secrets, self.running.log()) == []


@contextmanager
def served_gitlab(root: Path, gitlab: GitLab) -> Iterator[Served]:
    """Below a path."""
    project = gitlab.project(PROJECT, FILES)
    with serve_gitlab(gitlab, prefix="/gitlab", tls_in=root) as running:
        yield Served("gitlab", running, project.repository, gitlab.bot(project.namespace), root / "cache")


@contextmanager
def served_github(root: Path, hub: GitHub) -> Iterator[Served]:
    project = hub.project(PROJECT, FILES, roles={"robot": Role.WRITE, "rea": Role.READ})
    with serve_github(hub, tls_in=root) as running:
        yield Served("github", running, project.repository, hub.classic("robot", "repo", "read:org"), root / "cache")
