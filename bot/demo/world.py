"""A company in a folder: three registries, two Git repositories and the configuration that ties them together."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from bot.config import Config
from bot.configfile import load_config
from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import UsageError
from bot.forges.local import create_project
from bot.git import Identity
from bot.registry import Login
from bot.resources import demo_repositories
from bot.world import World

# Folder of the fixtures → project on the local forge.
_PROJECTS = {"platform-gitops": "platform/gitops", "sre-gitops-prod": "sre/gitops-prod"}
_ENVIRONMENTS = ("e2e", "staging", "prod")
_USER = "promobot"
_Entry: TypeAlias = dict[str, int]  # `pid` and `port` of a registry
_DEVELOPER = Identity("Dev Team", "dev@shop.example.com")

_CONFIG = """\
# The demo's configuration: three accounts, two repositories, one service path each.
forges:
  local: {{type: local, path: git}}

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
    repository: {{forge: local, project: platform/gitops}}
    paths: ["apps/{{service}}/e2e/helmrelease.yaml", "apps/{{service}}/e2e/values.yaml"]
    registry: e2e
  - name: staging
    from: e2e
    repository: {{forge: local, project: platform/gitops}}
    paths: ["apps/{{service}}/staging/helmrelease.yaml", "apps/{{service}}/staging/values.yaml"]
    registry: staging
    tag: "{{major}}.{{minor}}.{{patch}}"        # 1.1.3-rc2 becomes 1.1.3, the same bits
    promote: auto
    approvers: {{groups: [platform/staging-approvers]}}
  - name: prod
    from: staging
    repository: {{forge: local, project: sre/gitops-prod}}
    paths: ["apps/{{service}}/prod/helmrelease.yaml", "apps/{{service}}/prod/values.yaml"]
    registry: prod
    approvers: {{groups: [sre], required: 2}}
"""


@dataclass(frozen=True)
class DemoWorld:
    """Where everything is. The registries run for as long as whoever made this says."""

    folder: Path
    config_path: Path
    registries: Mapping[str, RunningRegistry]

    @property
    def environ(self) -> dict[str, str]:
        """What the commands need of an environment."""
        return {**os.environ, "PROMOBOT_CACHE": str(self.folder / "cache"), "PROMOBOT_CONFIG": str(self.config_path)}

    def config(self) -> Config:
        """The configuration as promobot reads it."""
        return load_config(self.config_path)


@contextmanager
def make_world(folder: Path, *, detach: bool = False) -> Iterator[DemoWorld]:
    """Build the company in `folder`, which must be empty or absent, and run its registries (for good with `detach`).

    Raises UsageError where the folder is in use or can't be made.
    """
    folder = _empty(folder)
    password = folder / "staging-password"
    with open(password, "x", opener=_private, encoding="ascii") as file:
        file.write(secrets.token_urlsafe(12) + "\n")
    for source, project in _PROJECTS.items():
        create_project(
            folder / "git", project, _contents(demo_repositories() / source), who=_DEVELOPER, when=datetime.now(UTC)
        )
    with _running(folder, dict.fromkeys(_ENVIRONMENTS), detach=detach) as registries:
        config_path = folder / "promobot.yaml"
        hosts = {name: registry.host for name, registry in registries.items()}
        config_path.write_text(_CONFIG.format(user=_USER, **hosts), encoding="utf-8")
        yield DemoWorld(folder, config_path, registries)


def start_again(folder: Path) -> tuple[str, ...]:
    """Start those registries of a kept world that don't run, on their old ports, to outlive us. Returns all hosts."""
    state, folder = _state(folder), folder.resolve()
    ended = {name: entry["port"] for name, entry in state.items() if not _runs(folder, name, entry["pid"])}
    with _running(folder, ended, detach=True, known=state):
        return tuple(f"127.0.0.1:{entry['port']}" for entry in state.values())


def stop(folder: Path) -> int:
    """Stop the registries of a kept world and return how many were running. Touches no other process."""
    stopped = 0
    for name, entry in _state(folder).items():
        if _runs(folder.resolve(), name, entry["pid"]):
            os.kill(entry["pid"], signal.SIGTERM)
            stopped += 1
    return stopped


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


@contextmanager
def _running(
    folder: Path, ports: Mapping[str, int | None], *, detach: bool, known: Mapping[str, _Entry] | None = None
) -> Iterator[dict[str, RunningRegistry]]:
    """Run these registries, and write down where they are, beside those that are `known`."""
    login = Login(_USER, (folder / "staging-password").read_text(encoding="ascii").strip())
    with ExitStack() as stack:
        registries = {
            name: stack.enter_context(
                start_registry(
                    folder / "registries" / name,
                    port=port,
                    login=login if name == "staging" else None,
                    tls=name == "prod",
                    detach=detach,
                )
            )
            for name, port in ports.items()
        }
        started = {
            name: {"pid": registry.pid, "port": int(registry.host.rpartition(":")[2])}
            for name, registry in registries.items()
        }
        (folder / "registries.json").write_text(
            json.dumps({**(known or {}), **started}, indent=2) + "\n", encoding="ascii"
        )
        yield registries


def _empty(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="choose a folder that can be written") from None
    if used:
        raise UsageError(f"{folder} is not empty", hint="name a new folder, or start the world in it with --start")
    return folder.resolve()


def _state(folder: Path) -> dict[str, _Entry]:
    try:
        read = json.loads((folder / "registries.json").read_text(encoding="ascii"))
        # Ours alone: any other name could stand for any path, and so for anybody's process.
        return {name: {key: int(read[name][key]) for key in ("pid", "port")} for name in _ENVIRONMENTS}
    except (OSError, ValueError, LookupError, TypeError):
        raise UsageError(f"{folder} holds no kept demo", hint=f"make one: promobot demo --keep {folder}") from None


def _runs(folder: Path, name: str, pid: int) -> bool:
    return str(folder / "registries" / name / "config.yaml") in _command_line(pid)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
