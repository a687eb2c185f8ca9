"""A company to measure passes over: any number of services in four environments, nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.forges.local import create_project
from bot.git import Identity

ENVIRONMENTS = ("e2e", "staging", "canary", "prod")
# Environments by registry: a copy from one to another is proven once, inside one nothing has to be copied.
_REGISTRIES = {"e2e": "work", "staging": "live", "canary": "live", "prod": "live"}
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder inside is made by tempfile
_DEVELOPER = Identity("Dev", "dev@example.com")
COMMITS = 1000
_DATA = "data/docker/registry/v2/repositories"

_CONFIG = """\
forges:
  local: {{type: local, path: git}}
registries:
  work: {{url: work.example.com, endpoint: {work}, plain_http: true}}
  live: {{url: live.example.com, endpoint: {live}, plain_http: true}}
environments:
  - name: e2e
    repository: {{forge: local, project: gitops/e2e}}
    paths: ["apps/{{service}}/helmrelease.yaml"]
    registry: work
"""
_TARGET = """\
  - name: {name}
    from: {source}
    repository: {{forge: local, project: gitops/{name}}}
    paths: ["apps/{{service}}/helmrelease.yaml"]
    registry: {registry}
    tag: "{{major}}.{{minor}}.{{patch}}"
    promote: auto
"""
_MANIFEST = """\
# {service} in {environment}; its owners are in CODEOWNERS
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {service}
  namespace: shop
spec:
  interval: 10m
  chart:
    spec:
      chart: backend
      version: 4.2.0
      sourceRef: {{kind: HelmRepository, name: charts}}
  values:
    replicas: 3
    image:
      repository: {registry}.example.com/shop/{service}
      tag: "{tag}"
    env:
      LOG_LEVEL: info
      DATABASE_URL: postgres://db/{service}
    resources:
      requests: {{cpu: 100m, memory: 256Mi}}
      limits: {{memory: 512Mi}}
    ingress:
      enabled: true
      hosts:
        - {service}.{environment}.example.com
"""


@dataclass(frozen=True)
class Estate:
    """Where it is. The registries run for as long as its context."""

    folder: Path
    services: tuple[str, ...]
    registries: Mapping[str, RunningRegistry]

    @property
    def environ(self) -> dict[str, str]:
        """What a promobot process gets."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "HOME": str(self.folder),
            "PROMOBOT_CONFIG": str(self.folder / "promobot.yaml"),
            "PROMOBOT_CACHE": str(self.folder / "cache"),
        }

    def git_url(self, environment: str) -> str:
        """What to clone."""
        return (self.folder / "git/gitops" / f"{environment}.git").as_uri()


@contextmanager
def make_estate(services: int, commits: int = COMMITS) -> Iterator[Estate]:
    """Services that run 1.1.3 everywhere; before it 1.1.2, until in each repository so many commits changed that.

    Every service has a repository of its own in either registry. The registry's files for it are links to the first
    one's, since a push of tens of thousands would take longer than everything that is measured.
    """
    names = tuple(f"service-{number:05}" for number in range(services))
    with ExitStack() as stack:
        where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promobot-bench-", dir=where)))
        for environment in ENVIRONMENTS:
            _write_repository(folder, environment, names, min(commits, services))
        registries = {name: stack.enter_context(start_registry(folder / name)) for name in ("work", "live")}
        for name, registry in registries.items():
            _fill_registry(folder / name / _DATA / "shop", registry, name, names)
        config = _CONFIG.format(**{name: registry.host for name, registry in registries.items()})
        for source, target in pairwise(ENVIRONMENTS):
            config += _TARGET.format(name=target, source=source, registry=_REGISTRIES[target])
        (folder / "promobot.yaml").write_text(config, encoding="utf-8")
        yield Estate(folder, names, registries)


def _tag(environment: str, version: str) -> str:
    return f"{version}-rc2" if environment == "e2e" else version


def _manifest(environment: str, service: str, version: str) -> bytes:
    return _MANIFEST.format(
        service=service, environment=environment, registry=_REGISTRIES[environment], tag=_tag(environment, version)
    ).encode()


def _path(service: str) -> str:
    return f"apps/{service}/helmrelease.yaml"


def _write_repository(folder: Path, environment: str, services: tuple[str, ...], commits: int) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    files = {_path(service): _manifest(environment, service, "1.1.2") for service in services}
    bare = create_project(folder / "git", f"gitops/{environment}", files, who=_DEVELOPER, when=began)
    lines = []
    for number in range(commits):
        changed = services[number::commits]
        lines += [
            b"commit refs/heads/main",
            f"committer {_DEVELOPER} {int(began.timestamp()) + 60 * (number + 1)} +0000".encode(),
            b"data <<END",
            f"{', '.join(changed)} 1.1.3".encode(),
            b"END",
            *([] if number else [b"from refs/heads/main^0"]),
        ]
        for service in changed:
            content = _manifest(environment, service, "1.1.3")
            lines += [f"M 100644 inline {_path(service)}\ndata {len(content)}".encode(), content]
    _git(bare, "fast-import", "--quiet", "--done", stdin=b"\n".join([*lines, b"done\n"]))
    _git(bare, "repack", "-adq")


def _git(bare: Path, *args: str, stdin: bytes = b"") -> None:
    """However long it takes: ten thousand commits to a folder of as many are minutes."""
    subprocess.run(["git", f"--git-dir={bare}", *args], input=stdin, check=True)  # noqa: S607


def _fill_registry(repositories: Path, registry: RunningRegistry, name: str, services: tuple[str, ...]) -> None:
    first = services[0]
    image = build_index("the same for all")
    for tag in ("1.1.3-rc2",) if name == "work" else ("1.1.3",):
        push(registry.access(name), f"shop/{first}", tag, image)
    for service in services[1:]:
        (repositories / service).symlink_to(first, target_is_directory=True)
