"""Where copies are measured: real registries in memory, promobot's world, bare skopeo, and no cache left over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.configfile import load_config
from bot.demo.registries import RunningRegistry, start_registry
from bot.images import Digest
from bot.plan import CopyImage, Step
from bot.promotion import Unit
from bot.questions import Location
from bot.repositories import Repository
from bot.world import World

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder inside is made by tempfile
# Where skopeo as root remembers which blob is where (containers/image, pkg/blobinfocache); it can't be put elsewhere.
_SKOPEOS = Path("/var/lib/containers")
# Registries elsewhere would take no turn from what is measured: here they collect garbage less often (Go, GOGC).
_SPARING = {"GOGC": "400"}
_INSIDE = "PROMOBOT_BENCH_CACHE"
_CONFIG = """\
forges:
  local: {type: local, path: git}
environments:
  - {name: bench, repository: {forge: local, project: bench}, paths: ["{service}.yaml"], registry: %s}
registries:
"""


def private_cache() -> None:
    """Begin again in a mount namespace where skopeo's cache is an empty folder in memory, not this machine's.

    Nobody but root has one in a fixed place: without a home directory, skopeo keeps it in its own memory.
    """
    if os.geteuid() != 0 or os.environ.get(_INSIDE) == "private":
        return
    script = 'mkdir -p "$0" && mount -t tmpfs bench "$0" && exec "$@"'
    program = [sys.executable, *sys.orig_argv[1:]]
    os.environ[_INSIDE] = "private"
    unshare = shutil.which("unshare") or "/usr/bin/unshare"
    os.execv(unshare, [unshare, "--mount", "sh", "-c", script, str(_SKOPEOS), *program])  # noqa: S606 - no shell wanted


def _wipe_cache() -> None:
    if os.geteuid() == 0:
        if os.environ.get(_INSIDE) != "private":
            raise SystemExit("bench: this would wipe the machine's own cache")
        for entry in _SKOPEOS.iterdir():
            shutil.rmtree(entry)


@dataclass(frozen=True)
class Site:
    """Running registries by name; `endpoints` says where to connect if not to them directly."""

    folder: Path
    registries: Mapping[str, RunningRegistry]
    endpoints: Mapping[str, str]

    def reached(self, endpoints: Mapping[str, str]) -> Site:
        """The same registries by way of other addresses."""
        return replace(self, endpoints=endpoints)

    def world(self) -> World:
        """What a run of promobot begins with: nothing known, no connection open."""
        path = self.folder / "promobot.yaml"
        lines = [f"  {name}: {{url: {self._endpoint(name)}, plain_http: true}}\n" for name in self.registries]
        path.write_text(_CONFIG % next(iter(self.registries)) + "".join(lines), encoding="utf-8")
        return World(load_config(path), {}, self.folder / "cache")

    def skopeo_copy(self, source: Location, digest: Digest, destination: Location, tag: str) -> None:
        """A bare `skopeo copy` with the flags that decide what is done."""
        subprocess.run(
            [
                *("skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"),
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                f"docker://{self._endpoint(source.registry)}/{source.repository}@{digest}",
                f"docker://{self._endpoint(destination.registry)}/{destination.repository}:{tag}",
            ],
            check=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
            timeout=120,
        )

    def fresh(self, *, without: Location) -> Callable[[], None]:
        """What makes everything as before a copy: no cache, and nothing of that repository at its registry.

        With a registry that holds no other repository, its blobs go too.
        """

        def clean() -> None:
            _wipe_cache()
            shutil.rmtree(self.folder / "cache", ignore_errors=True)
            data = self.folder / without.registry / "data/docker/registry/v2"
            shutil.rmtree(data / "repositories" / without.repository, ignore_errors=True)
            if not any(data.glob("repositories/**/_manifests")):
                shutil.rmtree(data, ignore_errors=True)

        return clean

    def _endpoint(self, name: str) -> str:
        return self.endpoints.get(name, self.registries[name].host)


@contextmanager
def open_site(*names: str) -> Iterator[Site]:
    """A registry for each name, with their data in memory where the machine has /dev/shm.

    They want no password: checking one costs docker-registry a millisecond for each request, on the same processor
    as what is measured.
    """
    with ExitStack() as stack:
        where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promobot-bench-", dir=where)))
        print(f"data in {folder.parent}", flush=True)
        registries = {name: stack.enter_context(start_registry(folder / name, settings=_SPARING)) for name in names}
        yield Site(folder, registries, {})


def copy_step(source: Location, destination: Location, digest: Digest, tag: str) -> Step:
    """A step that has nothing to do but the copy."""
    name = f"{destination.repository}:{tag}"
    copy = CopyImage(source, digest, destination, tag)
    return Step(Unit(name, (name,)), "bench", Repository("local", "bench"), name, None, (), (copy,))
