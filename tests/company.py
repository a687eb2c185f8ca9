"""A small real company: two registries, one bare repository, services in e2e and staging."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from bot.cli import main
from bot.demo.oci import Image, build_index, push
from bot.demo.registries import RunningRegistry
from bot.forges.local import LocalForge, create_project
from bot.git import Clone, Identity, Pushed
from bot.images import Digest
from bot.registry import Login, RegistryClient
from bot.repositories import FileChange, MergeRequest
from tests.proxy import FaultProxy

PROJECT = "shop/gitops"
DEVELOPER = Identity("Dev", "dev@example.com")
E2E, STAGING = "111111111111.dkr.ecr.example.com", "222222222222.dkr.ecr.example.com"

_CONFIG = """\
forges:
  local: {{type: local, path: git}}
registries:
  e2e:
    url: {e2e_name}
    endpoint: {e2e.endpoint}
    {e2e.tls}
    auth: {{type: basic, username: "{e2e.login.username}", password_env: E2E_PASSWORD}}
  staging:
    url: {staging_name}
    endpoint: {staging.endpoint}
    {staging.tls}
    auth: {{type: basic, username: "{staging.login.username}", password_file: staging-password}}
environments:
  - name: e2e
    repository: {{forge: local, project: shop/gitops}}
    paths: ["apps/{{service}}/e2e/helmrelease.yaml"]
    registry: e2e
  - name: staging
    from: e2e
    repository: {{forge: local, project: shop/gitops}}
    paths: ["apps/{{service}}/staging/helmrelease.yaml"]
    registry: staging
    tag: "{{major}}.{{minor}}.{{patch}}"
    promote: auto
    approvers: {{groups: [staging-approvers]}}
    limits: {{open_requests: 100}}
"""

_HELMRELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {service}
spec:
  values:
    image:
      repository: {registry}/{team}/{service}  # kept
      tag: "{tag}"
"""


@dataclass(frozen=True)
class _Wiring:
    """How the configuration says to reach a registry."""

    endpoint: str
    tls: str
    login: Login

    @classmethod
    def to(cls, registry: RunningRegistry, proxy: FaultProxy | None) -> _Wiring:
        assert registry.login is not None
        if proxy is not None:
            return cls(proxy.host, "plain_http: true", registry.login)
        return cls(
            registry.host, f"ca_file: {registry.ca_file}" if registry.ca_file else "plain_http: true", registry.login
        )


@dataclass(frozen=True)
class Company:
    """Services `names`; e2e runs `1.1.3-rc2` of each, staging `1.1.2`, unless a test changes that."""

    folder: Path
    e2e: RunningRegistry
    staging: RunningRegistry
    names: tuple[str, ...]
    team: str

    @classmethod
    def found(
        cls, folder: Path, e2e: RunningRegistry, staging: RunningRegistry, names: Sequence[str], *, size: int = 256
    ) -> Company:
        """Write configuration and manifests, push the images."""
        company = cls(folder, e2e, staging, tuple(names), f"team-{uuid4().hex[:12]}")
        assert staging.login is not None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "staging-password").write_text(staging.login.password, encoding="utf-8")
        company.connect()
        create_project(folder / "git", PROJECT, company.manifests(), who=DEVELOPER, when=datetime.now(UTC))
        for name in names:
            company.push_e2e(name, "1.1.3-rc2", build_index(f"{name} new", size=size))
        return company

    def connect(self, *, e2e: FaultProxy | None = None, staging: FaultProxy | None = None) -> None:
        """Write the configuration; the registries are reached by way of these proxies."""
        wiring = {"e2e": _Wiring.to(self.e2e, e2e), "staging": _Wiring.to(self.staging, staging)}
        config = _CONFIG.format(**wiring, e2e_name=E2E, staging_name=STAGING)
        (self.folder / "promobot.yaml").write_text(config, encoding="utf-8")

    def manifests(self) -> dict[str, bytes]:
        """What the repository begins with."""
        return {
            f"apps/{name}/{environment}/helmrelease.yaml": self.manifest(name, environment, tag)
            for name in self.names
            for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2"))
        }

    def manifest(self, service: str, environment: str, tag: str) -> bytes:
        """A HelmRelease that names the service's image by this tag."""
        registry = {"e2e": E2E, "staging": STAGING}[environment]
        return _HELMRELEASE.format(service=service, registry=registry, team=self.team, tag=tag).encode()

    def push_e2e(self, service: str, tag: str, image: Image) -> Digest:
        """Push an image to the e2e registry."""
        return push(self.e2e.access("e2e"), f"{self.team}/{service}", tag, image)

    @property
    def environ(self) -> dict[str, str]:
        """What a promobot process gets; its home, cache and temporary files lie below the company's folder."""
        assert self.e2e.login is not None
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "E2E_PASSWORD": self.e2e.login.password,
            "PROMOBOT_CONFIG": str(self.folder / "promobot.yaml"),
            "PROMOBOT_CACHE": str(self.folder / "cache"),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def promobot(self, *argv: str) -> int:
        """Run a command in this process and return its exit code."""
        return main(argv, environ=self.environ)

    # --- the state of the world -------------------------------------------------------------------------

    @cached_property
    def forge(self) -> LocalForge:
        """The forge, to look at and to merge by."""
        return LocalForge(self.folder / "git")

    def requests(self) -> tuple[MergeRequest, ...]:
        """The open merge requests."""
        return self.forge.open_requests(PROJECT)

    def all_requests(self) -> tuple[MergeRequest, ...]:
        """Every merge request there ever was."""
        return self.forge.requests(PROJECT)

    def git(self, *args: str) -> str:
        """Ask the server's repository."""
        command = ["git", "--git-dir", str(self.folder / "git" / f"{PROJECT}.git"), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def branches(self) -> dict[str, str]:
        """Every branch with its commit."""
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
        return dict(line.split(" ") for line in lines)

    def commit(self, branch: str, path: str, content: bytes, *, email: str = "ann@example.com") -> str:
        """What a person does: one more commit on a branch, made if it is absent. Returns the commit."""
        clone = Clone(self.forge.git_url(PROJECT), self.folder / "person.git", Identity("Ann", email))
        heads = clone.heads([branch, "main"])
        base = heads.get(branch, heads["main"])
        sha = clone.commit(base, [FileChange(path, content)], f"Change {path}", datetime.now(UTC))
        assert isinstance(clone.push(branch, sha, heads.get(branch)), Pushed)
        return sha

    def content(self, branch: str, path: str) -> bytes:
        """A file on a branch."""
        return self.git("show", f"{branch}:{path}").encode()

    def staging_digest(self, service: str, tag: str) -> Digest | None:
        """What a tag in staging's registry points to."""
        return self._read(self.staging, service, tag)

    def e2e_digest(self, service: str, tag: str) -> Digest | None:
        """What a tag in e2e's registry points to."""
        return self._read(self.e2e, service, tag)

    def _read(self, registry: RunningRegistry, service: str, tag: str) -> Digest | None:
        client = RegistryClient(registry.access("test"))
        try:
            return client.digest(f"{self.team}/{service}", tag)
        finally:
            client.close()
