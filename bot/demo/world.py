"""A company in a folder: three registries, two Git repositories and the configuration that ties them together."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.config import Config
from bot.configfile import load_config
from bot.demo.doubles import RunningDouble, must_be_there
from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry
from bot.demo.servers import ENVIRONMENTS, FORGE_TOKEN, PASSWORD, REPOSITORIES, USER, running
from bot.errors import UsageError
from bot.forges.local import create_project
from bot.git import Identity
from bot.resources import demo_repositories
from bot.world import World

# Folder of the fixtures → project on the forge.
_PROJECTS = {"platform-gitops": "platform/gitops", "sre-gitops-prod": "sre/gitops-prod"}
_DEVELOPER = Identity("Dev Team", "dev@shop.example.com")

_CONFIG = """\
# The demo's configuration: three accounts, two repositories, one service path each.
forges:
  {forge}: {{type: {forge}, {where}}}

registries:                 # `url` is what manifests write; `endpoint` is where to connect in this demo
  e2e:
    url: 111111111111.dkr.ecr.eu-west-2.amazonaws.com
    endpoint: {e2e}
    plain_http: true
  staging:
    url: 222222222222.dkr.ecr.eu-west-2.amazonaws.com
    endpoint: {staging}
    plain_http: true
    auth: {{type: basic, username: {user}, password_file: staging-password}}
  prod:
    url: 333333333333.dkr.ecr.eu-west-2.amazonaws.com
    endpoint: {prod}
    ca_file: registries/prod/ca.crt

environments:
  - name: e2e
    repository: {{forge: {forge}, project: platform/gitops}}
    paths: ["apps/{{service}}/e2e/helmrelease.yaml", "apps/{{service}}/e2e/values.yaml"]
    registry: e2e
  - name: staging
    from: e2e
    repository: {{forge: {forge}, project: platform/gitops}}
    paths: ["apps/{{service}}/staging/helmrelease.yaml", "apps/{{service}}/staging/values.yaml"]
    registry: staging
    tag: "{{major}}.{{minor}}.{{patch}}"        # 1.1.3-rc2 becomes 1.1.3, the same bits
    promote: auto
    approvers: {{groups: [platform/staging-approvers]}}
  - name: prod
    from: staging
    repository: {{forge: {forge}, project: sre/gitops-prod}}
    paths: ["apps/{{service}}/prod/helmrelease.yaml", "apps/{{service}}/prod/values.yaml"]
    registry: prod
    approvers: {{groups: [sre], required: 2}}
"""


LOCAL = "local"


@dataclass(frozen=True)
class DemoWorld:
    """Where everything is. The servers run for as long as whoever made this says.

    `double` stands for the forge's server; without one the forge is the local one.
    """

    folder: Path
    config_path: Path
    registries: Mapping[str, RunningRegistry]
    double: RunningDouble | None

    @property
    def environ(self) -> dict[str, str]:
        """What the commands need of an environment."""
        return {**os.environ, "PROMOBOT_CACHE": str(self.folder / "cache"), "PROMOBOT_CONFIG": str(self.config_path)}

    def config(self) -> Config:
        """The configuration as promobot reads it."""
        return load_config(self.config_path)


@contextmanager
def make_world(folder: Path, *, detach: bool = False, forge: str = LOCAL) -> Iterator[DemoWorld]:
    """Build the company in `folder`, which must be empty or absent, and run its servers (for good with `detach`).

    `forge` is LOCAL or a double's. Raises UsageError where that isn't there, or the folder is in use or can't be made.
    """
    if forge != LOCAL:
        must_be_there(forge)
    folder = _empty(folder)
    _make_secret(folder / PASSWORD)
    for source, project in _PROJECTS.items():
        content = _contents(demo_repositories() / source)
        create_project(folder / REPOSITORIES, project, content, who=_DEVELOPER, when=datetime.now(UTC))
    if forge != LOCAL:
        _make_secret(folder / FORGE_TOKEN)
    servers = dict.fromkeys([*ENVIRONMENTS, *([] if forge == LOCAL else [forge])])
    with running(folder, servers, detach=detach) as started:
        registries = {name: server for name, server in started.items() if isinstance(server, RunningRegistry)}
        double = next((server for server in started.values() if isinstance(server, RunningDouble)), None)
        where = f"url: '{double.url}', token_file: {FORGE_TOKEN}" if double else f"path: {REPOSITORIES}"
        hosts = {name: registry.host for name, registry in registries.items()}
        config_path = folder / "promobot.yaml"
        config_path.write_text(_CONFIG.format(user=USER, forge=forge, where=where, **hosts), encoding="utf-8")
        yield DemoWorld(folder, config_path, registries, double)


def _make_secret(path: Path) -> None:
    with open(path, "x", opener=_private, encoding="ascii") as file:
        file.write(secrets.token_urlsafe(24) + "\n")


def push_images(world: DemoWorld, deployed: Mapping[tuple[str, str], set[tuple[str, str]]]) -> int:
    """Push a multi-platform image for every `(environment, repository) → {(service, tag)}`. Returns how many.

    Two environments that name the same version hold the same bits.
    """
    count = 0
    for (environment, repository), images in deployed.items():
        for service, tag in images:
            labels = {
                "org.opencontainers.image.title": service,
                "org.opencontainers.image.version": tag,
                "org.opencontainers.image.source": f"https://git.example.com/shop/{service}",
            }
            image = build_index(f"{service} {tag}", labels=labels, size=64 << 10, layers=2)
            push(world.registries[environment].access(environment), repository, tag, image)
            count += 1
    return count


def world_of(demo: DemoWorld) -> World:
    """The adapters of the demo's configuration."""
    return World(demo.config(), demo.environ, demo.folder / "cache")


def _empty(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="choose a folder that can be written") from None
    if used:
        raise UsageError(f"{folder} is not empty", hint="name a new folder, or start the world in it with --start")
    return folder.resolve()


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
