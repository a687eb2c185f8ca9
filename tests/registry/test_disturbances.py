"""What happens to registries while a copy goes on: killed, full, locked, cleaned up. Nothing wrong comes of it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import pytest
import urllib3

from bot.demo.oci import Image, build_image, build_index, digest_of
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import Login
from bot.registry.client import ImageRepository
from bot.registry.copying import Copied
from tests.proxy import Fault, FaultProxy, Kind, Pause, Seen, start_proxy
from tests.registry.copies import copier_of, missing, wait_until
from tests.registry.places import pushed, repository_of

LOGIN = Login("robot", "let-me-in-4711")
WRITES = "^(POST|PUT|PATCH) "


@dataclass
class Machine:
    """A registry on a directory that can be killed and started again, by any thread.

    It dies with the thread that starts it, which therefore is one that lasts.
    """

    folder: Path
    starter: ThreadPoolExecutor
    stack: ExitStack = field(default_factory=ExitStack)
    running: RunningRegistry = field(init=False)

    def start(self, port: int | None = None) -> None:
        context = start_registry(self.folder, port=port, login=LOGIN)
        self.running = self.starter.submit(self.stack.enter_context, context).result()

    def kill_and_restart(self) -> None:
        """End it as a machine that loses power would, and start it where it was."""
        port = int(self.running.host.rpartition(":")[2])
        os.kill(self.running.pid, signal.SIGKILL)
        self.stack.close()
        self.start(port)

    def lock_out(self) -> None:
        """Change the password; the registry reads the file again by itself."""
        self._set_password("another")

    def let_in(self) -> None:
        self._set_password(LOGIN.password)

    def _set_password(self, password: str) -> None:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4))
        draft = self.folder / "draft"
        draft.write_bytes(LOGIN.username.encode() + b":" + hashed + b"\n")
        draft.replace(self.folder / "htpasswd")

    def limit_files(self, size: int) -> None:
        """Let no file grow above so many bytes: to who writes that is what a full disk is."""
        _, hard = resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE, (size, hard))

    def collect_garbage(self) -> None:
        config = str(self.folder / "config.yaml")
        program = shutil.which("docker-registry")
        assert program is not None
        subprocess.run([program, "garbage-collect", config], check=True, capture_output=True)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    with ThreadPoolExecutor(1) as starter:
        registry = Machine(folder, starter)
        with registry.stack:
            registry.start()
            yield registry


@dataclass
class Lab:
    """A machine on each side, each behind a proxy."""

    e2e: Machine
    staging: Machine
    from_e2e: FaultProxy
    to_staging: FaultProxy
    source: ImageRepository
    destination: ImageRepository
    on_request: dict[str, Callable[[Seen], Kind | None]]

    def held(self) -> Digest | None:
        return self.destination.registry.digest(self.destination.path, "v1")


@pytest.fixture
def lab(tmp_path: Path, repository: str) -> Iterator[Lab]:
    gates: dict[str, Callable[[Seen], Kind | None]] = {}

    def gate(side: str) -> Callable[[Seen], Kind | None]:
        return lambda request: gates[side](request) if side in gates else None

    with (
        machine(tmp_path / "e2e") as e2e,
        machine(tmp_path / "staging") as staging,
        start_proxy(e2e.running, gate=gate("e2e")) as from_e2e,
        start_proxy(staging.running, gate=gate("staging")) as to_staging,
        repository_of(from_e2e.access("e2e"), repository) as source,
        repository_of(to_staging.access("staging"), repository) as destination,
    ):
        yield Lab(e2e, staging, from_e2e, to_staging, source, destination, gates)


def at_the_first(match: str, act: Callable[[], None]) -> Callable[[Seen], None]:
    """A gate that does something once, before the first request whose `METHOD /path` has this in it."""
    pending = [act]

    def gate(request: Seen) -> None:
        if pending and match in str(request):
            pending.pop()()

    return gate


def completes(lab: Lab, cache: Path, image: Image) -> None:
    copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert lab.held() == image.digest
    assert missing(lab.destination, image) == []


# --- killed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "match"), [("staging", "^PATCH"), ("e2e", "^GET .*/blobs/")])
def test_a_registry_that_dies_in_the_middle_of_a_layer_and_comes_back(
    lab: Lab, cache: Path, side: str, match: str
) -> None:
    image = build_image("large", size=8_000_000)
    pushed(lab.source, "rc1", image)
    proxy, victim = (lab.to_staging, lab.staging) if side == "staging" else (lab.from_e2e, lab.e2e)
    proxy.inject(Fault(match, Pause()))
    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(copier_of(cache).copy, lab.source, image.digest, lab.destination, "v1")
        try:
            wait_until(lambda: proxy.count(match) > 0)
            victim.kill_and_restart()
        finally:
            proxy.release()
        assert copying.result() == Copied(image.digest)
    assert lab.held() == image.digest
    assert missing(lab.destination, image) == []


@pytest.mark.parametrize("match", ["POST ", "PATCH ", "PUT /v2/{repository}/blobs", "PUT /v2/{repository}/manifests"])
def test_a_registry_that_dies_and_comes_back_between_two_requests(lab: Lab, cache: Path, match: str) -> None:
    image = build_index("app")
    pushed(lab.source, "rc1", image)
    found = match.format(repository=lab.destination.path)
    lab.on_request["staging"] = at_the_first(found, lab.staging.kill_and_restart)
    completes(lab, cache, image)


def test_a_registry_that_stays_away_is_an_error_until_it_is_back(lab: Lab, cache: Path) -> None:
    image = build_index("app")
    pushed(lab.source, "rc1", image)
    port = int(lab.staging.running.host.rpartition(":")[2])
    lab.on_request["staging"] = at_the_first("PATCH ", lab.staging.stack.close)
    with pytest.raises(RegistryError, match="registry staging") as caught:
        copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert caught.value.hint
    lab.staging.start(port)
    assert lab.held() is None
    completes(lab, cache, image)


# --- full --------------------------------------------------------------------------------------------------


def test_a_full_disk_is_an_error_and_no_tag_until_there_is_room(lab: Lab, cache: Path) -> None:
    image = build_image("large", size=6_000_000, layers=3)
    pushed(lab.source, "rc1", image)
    lab.staging.limit_files(1_000_000)
    with pytest.raises(RegistryError, match=r"registry staging.*500") as caught:
        copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert "well" in caught.value.hint
    assert lab.held() is None
    lab.staging.limit_files(resource.RLIM_INFINITY)
    completes(lab, cache, image)


# --- locked out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "match"),
    [
        ("e2e", "/manifests/sha256"),
        ("e2e", "/blobs/sha256"),
        ("staging", "PATCH "),
        ("staging", "PUT /v2/{repository}/manifests/v1"),
    ],
)
def test_credentials_that_are_revoked_in_the_middle(lab: Lab, cache: Path, side: str, match: str) -> None:
    image = build_image("app")
    pushed(lab.source, "rc1", image)
    machine_ = lab.e2e if side == "e2e" else lab.staging
    lab.on_request[side] = at_the_first(match.format(repository=lab.destination.path), machine_.lock_out)
    with pytest.raises(RegistryError, match="credentials") as caught:
        copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert LOGIN.password not in str(caught.value)
    machine_.let_in()
    assert lab.held() is None
    completes(lab, cache, image)


# --- cleaned up --------------------------------------------------------------------------------------------


def delete(repository: ImageRepository, digest: Digest) -> None:
    """Delete a manifest as a clean-up job would."""
    access = repository.registry.access
    url = f"{access.url}/v2/{repository.path}/manifests/{digest}"
    headers = {"Authorization": f"Basic {access.login.basic}"} if access.login else {}
    assert urllib3.request("DELETE", url, headers=headers, retries=False).status == 202


def test_a_digest_that_is_cleaned_up_after_it_was_planned(lab: Lab, cache: Path) -> None:
    image = build_index("app")
    pushed(lab.source, "rc1", image)
    planned = lab.source.registry.digest(lab.source.path, "rc1")
    assert planned == image.digest
    for each in (image, *image.children):
        delete(lab.source, each.digest)
    lab.e2e.collect_garbage()
    with pytest.raises(RegistryError, match="no longer has this digest") as caught:
        copier_of(cache).copy(lab.source, planned, lab.destination, "v1")
    assert str(planned) in caught.value.message
    assert "registry e2e" in caught.value.message
    assert lab.to_staging.count(WRITES) == 0
    assert lab.held() is None
    pushed(lab.source, "rc1", image)
    completes(lab, cache, image)


def test_a_digest_that_is_cleaned_up_in_the_middle(lab: Lab, cache: Path) -> None:
    """The index has been read when its second image goes, with its layers."""
    image = build_index("app")
    pushed(lab.source, "rc1", image)
    last = image.children[-1]

    def clean_up() -> None:
        with repository_of(lab.e2e.running.access("janitor"), lab.source.path) as direct:
            for each in (image, last):
                delete(direct, each.digest)
        lab.e2e.collect_garbage()

    lab.on_request["e2e"] = at_the_first(str(last.digest), clean_up)
    with pytest.raises(RegistryError, match="no longer has this digest, or part of it"):
        copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert lab.held() is None
    pushed(lab.source, "rc1", image)
    completes(lab, cache, image)


def test_a_layer_that_is_gone_though_its_manifest_is_there(lab: Lab, cache: Path) -> None:
    image = build_image("app")
    pushed(lab.source, "rc1", image)
    layer = str(digest_of(image.blobs[1])).partition(":")[2]
    shutil.rmtree(lab.e2e.folder / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256" / layer[:2] / layer)
    with pytest.raises(RegistryError, match="registry e2e") as caught:
        copier_of(cache).copy(lab.source, image.digest, lab.destination, "v1")
    assert "no longer has" in caught.value.hint
    assert lab.held() is None
