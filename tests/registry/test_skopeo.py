"""Copies are exact, whatever moves, breaks or is configured around them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from bot.demo.oci import Image, build_image, build_index, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import Login, RegistryAccess
from bot.registry.client import RegistryClient
from bot.registry.errors import TagTakenError
from bot.registry.skopeo import AlreadyThere, Copied, Repository, Skopeo
from tests.proxy import Answer, CutAfter, CutBefore, CutMidway, Delay, Fault, FaultProxy, Kind, start_proxy


@contextmanager
def repository_of(access: RegistryAccess, path: str) -> Iterator[Repository]:
    with closing(RegistryClient(access, sleep=lambda _: None)) as client:
        yield Repository(client, path)


@pytest.fixture
def source(e2e_registry: RunningRegistry, repository: str) -> Iterator[Repository]:
    with repository_of(e2e_registry.access("e2e"), repository) as place:
        yield place


@pytest.fixture
def destination(prod_registry: RunningRegistry, repository: str) -> Iterator[Repository]:
    with repository_of(prod_registry.access("prod"), f"promoted/{repository}") as place:
        yield place


@pytest.fixture
def skopeo(cache: Path) -> Skopeo:
    return Skopeo(cache, timeout=20, sleep=lambda _: None)


@pytest.fixture
def quiet(open_registry: RunningRegistry, repository: str) -> Iterator[tuple[FaultProxy, Repository]]:
    """A proxy, and a destination behind it."""
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("staging"), f"b/{repository}") as place:
        yield proxy, place


def pushed(repository: Repository, tag: str, image: Image) -> Digest:
    return push(repository.registry.access, repository.path, tag, image)


def everything(repository: Repository, digest: Digest) -> list[bytes]:
    """The manifests behind a digest, the index's before its images'."""
    manifest = repository.registry.manifest(repository.path, str(digest))
    assert manifest is not None
    children = json.loads(manifest.body).get("manifests", [])
    return [manifest.body, *(body for child in children for body in everything(repository, Digest(child["digest"])))]


# --- what a copy is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [build_index("many"), build_image("one", layers=3)], ids=["index", "image"])
def test_a_copy_has_the_digest_and_all_platforms(
    source: Repository, destination: Repository, skopeo: Skopeo, image: Image
) -> None:
    digest = pushed(source, "1.2.0-rc1", image)
    assert skopeo.copy(source, digest, destination, "1.2.0") == Copied(digest)
    assert destination.registry.digest(destination.path, "1.2.0") == digest
    assert everything(destination, digest) == [image.manifest, *(child.manifest for child in image.children)]
    assert skopeo.copy(source, digest, destination, "1.2.0") == AlreadyThere(digest)


def test_a_second_copy_starts_nothing_and_writes_nothing(
    source: Repository, quiet: tuple[FaultProxy, Repository], skopeo: Skopeo, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    pushed(destination, "v1", build_image("app"))
    monkeypatch.setenv("PATH", "/nonexistent")
    before = proxy.count("^(PUT|POST|PATCH)")
    assert skopeo.copy(source, digest, destination, "v1") == AlreadyThere(digest)
    assert proxy.count("^(PUT|POST|PATCH)") == before


def test_a_taken_tag_is_left_alone(source: Repository, destination: Repository, skopeo: Skopeo) -> None:
    digest = pushed(source, "v1", build_image("new"))
    other = pushed(destination, "v1", build_image("old"))
    with pytest.raises(TagTakenError) as caught:
        skopeo.copy(source, digest, destination, "v1")
    assert (caught.value.present, caught.value.wanted) == (other, digest)
    assert str(other) in str(caught.value)
    assert str(digest) in str(caught.value)
    assert destination.registry.digest(destination.path, "v1") == other


def test_a_tag_taken_between_two_tries_is_left_alone(
    source: Repository, quiet: tuple[FaultProxy, Repository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("new"))
    others: list[Digest] = []

    def somebody_else(_: float) -> None:
        others.append(pushed(destination, "v1", build_image("other")))

    proxy.inject(Fault("^PUT .*manifests/v1", Answer(503)))
    with pytest.raises(TagTakenError):
        Skopeo(cache, timeout=20, sleep=somebody_else).copy(source, digest, destination, "v1")
    assert [destination.registry.digest(destination.path, "v1")] == others


def test_a_tag_that_moves_meanwhile_changes_nothing(
    source: Repository, quiet: tuple[FaultProxy, Repository], skopeo: Skopeo
) -> None:
    _, destination = quiet
    images = [build_image(f"build {n}") for n in range(2)]
    for image in images:
        pushed(source, "current", image)
    done = threading.Event()

    def flip() -> None:
        while not done.is_set():
            for image in images:
                pushed(source, "current", image)
                done.wait(0.03)

    with ThreadPoolExecutor(1) as pool:
        flipping = pool.submit(flip)
        try:
            recorded = {}
            for n in range(4):
                seen = source.registry.digest(source.path, "current")
                assert seen is not None
                recorded[f"v{n}"] = seen
                skopeo.copy(source, seen, destination, f"v{n}")
        finally:
            done.set()
        flipping.result()
    assert {tag: destination.registry.digest(destination.path, tag) for tag in recorded} == recorded


def test_many_copies_at_once(source: Repository, destination: Repository, skopeo: Skopeo) -> None:
    images = {f"v{n}": build_image(f"build {n}") for n in range(4)}
    for tag, image in images.items():
        pushed(source, tag, image)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda tag: skopeo.copy(source, images[tag].digest, destination, tag), images))
    for tag, image in images.items():
        assert destination.registry.digest(destination.path, tag) == image.digest


def test_two_promoters_of_one_tag_both_succeed(source: Repository, destination: Repository, skopeo: Skopeo) -> None:
    digest = pushed(source, "v1", build_index("app"))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: skopeo.copy(source, digest, destination, "v1"), range(2)))
    assert {outcome.digest for outcome in outcomes} == {digest}
    assert destination.registry.digest(destination.path, "v1") == digest


# --- what breaks -------------------------------------------------------------------------------------------

PASSING: list[tuple[str, Kind, int]] = [
    ("^PUT .*manifests/v1", Answer(503), 2),
    ("^PATCH", Answer(500), 1),
    ("^PATCH", CutBefore(), 1),
    ("^POST", CutAfter(), 1),
    ("^PUT .*manifests/v1", CutBefore(), 1),
]


@pytest.mark.parametrize(("match", "kind", "times"), PASSING)
def test_what_may_pass_is_tried_again(
    source: Repository, quiet: tuple[FaultProxy, Repository], skopeo: Skopeo, match: str, kind: Kind, times: int
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault(match, kind, times))
    assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)
    assert destination.registry.digest(destination.path, "v1") == digest
    assert not any(fault.times for fault in proxy.faults)


def test_a_failure_after_the_work_was_done_is_none(
    source: Repository, quiet: tuple[FaultProxy, Repository], skopeo: Skopeo
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault("^PUT .*manifests/v1", CutAfter(), 9))
    assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)
    assert proxy.count("^PUT .*manifests/v1") == 1


def test_a_blob_cut_midway_at_the_source_is_tried_again(
    e2e_registry: RunningRegistry, destination: Repository, skopeo: Skopeo, repository: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("e2e"), repository) as source:
        image = build_image("app", size=100_000)
        digest = pushed(source, "v1", image)
        layer = hashlib.sha256(image.blobs[1]).hexdigest()
        proxy.inject(Fault(f"^GET .*{layer}", CutMidway()))
        assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)
        assert proxy.count(f"^GET .*{layer}") == 2


def test_a_refused_index_is_an_error_and_no_tag(
    source: Repository, quiet: tuple[FaultProxy, Repository], skopeo: Skopeo
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault("^PUT .*manifests/v1", Answer(403), 99))
    with pytest.raises(RegistryError, match="did not take the index"):
        skopeo.copy(source, digest, destination, "v1")
    assert destination.registry.digest(destination.path, "v1") is None


@pytest.mark.parametrize(
    ("match", "kind", "message"),
    [
        ("^PUT .*manifests/v1", Answer(503), "status: 503.*run again when"),
        ("^PUT .*manifests/v1", Answer(403, {}, b'{"errors":[{"code":"DENIED","message":"no"}]}'), "denied.*may not"),
        ("^PATCH", CutBefore(), "run again when"),
    ],
)
def test_what_does_not_pass_is_an_error_and_no_tag(
    source: Repository,
    quiet: tuple[FaultProxy, Repository],
    skopeo: Skopeo,
    match: str,
    kind: Kind,
    message: str,
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault(match, kind, 99))
    with pytest.raises(RegistryError) as caught:
        skopeo.copy(source, digest, destination, "v1")
    assert re.search(message, str(caught.value))
    assert f"{destination.path}:v1" in caught.value.message
    assert str(digest) in caught.value.message
    assert destination.registry.digest(destination.path, "v1") is None


def test_a_digest_that_the_source_has_not_is_not_tried_again(
    e2e_registry: RunningRegistry, destination: Repository, skopeo: Skopeo, repository: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("e2e"), repository) as source:
        with pytest.raises(RegistryError, match="no longer has this digest"):
            skopeo.copy(source, build_image("never pushed").digest, destination, "v1")
        assert proxy.count("^GET .*manifests") == 1


def test_a_registry_that_hangs_ends_in_an_error(
    source: Repository, quiet: tuple[FaultProxy, Repository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault("^(POST|PATCH)", Delay(3), 99))
    with pytest.raises(RegistryError, match="context deadline exceeded"):
        Skopeo(cache, timeout=0.3, sleep=lambda _: None).copy(source, digest, destination, "v1")


def test_a_source_that_is_configured_wrongly(
    e2e_registry: RunningRegistry, destination: Repository, skopeo: Skopeo
) -> None:
    access = e2e_registry.access("e2e")
    wrong = {
        "unauthorized.*check the credentials": replace(access, login=Login("e2e-robot", "wrong-password")),
        "HTTP response to HTTPS client.*plain_http": replace(access, plain_http=False),
        "no such host.*DNS": replace(access, endpoint="registry.invalid"),
        "connection refused.*that it runs": replace(access, endpoint="127.0.0.1:1"),
    }
    for message, source_access in wrong.items():
        with repository_of(source_access, "app") as source, pytest.raises(RegistryError) as caught:
            skopeo.copy(source, build_image("app").digest, destination, "v1")
        assert re.search(message, str(caught.value))
        assert "wrong-password" not in str(caught.value)


def test_an_unknown_authority_at_the_source(
    prod_registry: RunningRegistry, destination: Repository, skopeo: Skopeo
) -> None:
    access = replace(prod_registry.access("prod"), ca_file=None)
    with repository_of(access, "app") as source, pytest.raises(RegistryError, match=r"x509.*ca_file"):
        skopeo.copy(source, build_image("app").digest, destination, "v1")


# --- what is configured around us --------------------------------------------------------------------------


def test_configuration_of_the_user_has_no_influence(
    source: Repository,
    open_registry: RunningRegistry,
    destination: Repository,
    skopeo: Skopeo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = source.registry.access.endpoint
    digest = pushed(source, "v1", build_image("app"))
    wrong = json.dumps({"auths": {host: {"auth": Login("x", "y").basic}}})
    with start_proxy(open_registry) as mirror:
        config = tmp_path / ".config" / "containers"
        config.joinpath("registries.conf.d").mkdir(parents=True)
        entry = f'[[registry]]\nprefix = "{host}"\nlocation = "{mirror.host}"\ninsecure = true\n'
        config.joinpath("registries.conf").write_text(entry)
        config.joinpath("registries.conf.d", "mirror.conf").write_text(entry)
        config.joinpath("policy.json").write_text('{"default": [{"type": "reject"}]}')
        config.joinpath("auth.json").write_text(wrong)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"):
            monkeypatch.setenv(name, str(tmp_path / (".config" if name == "XDG_CONFIG_HOME" else "")))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(config / "auth.json"))
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(config / "registries.conf"))
        monkeypatch.setenv("HTTP_PROXY", mirror.url)
        monkeypatch.setenv("HTTPS_PROXY", mirror.url)
        assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)
        assert mirror.count() == 0


def test_files_in_etc_do_not_lead_elsewhere(
    source: Repository,
    open_registry: RunningRegistry,
    destination: Repository,
    skopeo: Skopeo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace of its own, which is for root")
    digest = pushed(source, "v1", build_image("app"))
    with start_proxy(open_registry) as mirror:
        etc = tmp_path / "etc"
        etc.joinpath("registries.conf.d").mkdir(parents=True)
        for name in ("registries.conf", "registries.conf.d/mirror.conf"):
            prefix = source.registry.access.endpoint
            etc.joinpath(name).write_text(f'[[registry]]\nprefix = "{prefix}"\nlocation = "{mirror.host}/mirror"\n')
        etc.joinpath("policy.json").write_text('{"default": [{"type": "reject"}]}')
        program = tmp_path / "bin" / "skopeo"
        program.parent.mkdir()
        program.write_text(
            f"#!/bin/sh\nexport etc={etc} skopeo={which('skopeo')}\n"
            """exec unshare -m sh -c 'mount --bind "$etc" /etc/containers && exec "$skopeo" "$@"' - "$@"\n"""
        )
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)
        assert mirror.count() == 0


# --- secrets -----------------------------------------------------------------------------------------------


class ArgumentSampler(threading.Thread):
    """Reads the command line of every process on this machine, as any local user could, until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())


def secrets_of(*repositories: Repository) -> list[str]:
    logins = [repository.registry.access.login for repository in repositories]
    return [text for login in logins if login for text in (login.password, login.basic)]


def test_no_secret_is_in_arguments_logs_or_files(
    source: Repository,
    destination: Repository,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HOME", str(tmp_path))
    digest = pushed(source, "v1", build_image("large", size=12_000_000, layers=3))
    sampler = ArgumentSampler()
    sampler.start()
    try:
        Skopeo(cache, timeout=60).copy(source, digest, destination, "v1")
    finally:
        sampler.done.set()
        sampler.join()
    assert any(
        b"--preserve-digests" in arguments and destination.path.encode() in arguments for arguments in sampler.seen
    )
    assert "--preserve-digests" in caplog.text
    assert [file.name for file in files_of(cache)] == ["ca.crt"]
    secrets = secrets_of(source, destination)
    assert len(secrets) == 4
    for secret in secrets:
        assert secret not in caplog.text
        assert not any(secret.encode() in arguments for arguments in sampler.seen)
        assert not [file for file in files_of(tmp_path) if secret.encode() in file.read_bytes()]


def files_of(directory: Path) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file()]


CHILD = """
    import sys
    from pathlib import Path
    from bot.images import Digest
    from bot.registry.access import Login, RegistryAccess
    from bot.registry.client import RegistryClient
    from bot.registry.skopeo import Repository, Skopeo

    login = Login(*sys.stdin.readline().split())
    source, destination, path, digest, cache = sys.argv[1:]
    source, destination = (
        Repository(RegistryClient(RegistryAccess(host, host, host, plain_http=True, login=login)), path)
        for host in (source, destination)
    )
    Skopeo(Path(cache)).copy(source, Digest(digest), destination, "v1")
"""


def test_killed_midway_it_leaves_no_process_no_secret_and_no_tag_and_runs_again(
    e2e_registry: RunningRegistry, skopeo: Skopeo, cache: Path, repository: str, tmp_path: Path
) -> None:
    login = e2e_registry.login
    assert login is not None
    with (
        repository_of(e2e_registry.access("e2e"), repository) as source,
        start_registry(tmp_path / "staging", login=login) as staging,
        start_proxy(staging) as slow,
        repository_of(slow.access("staging"), source.path) as destination,
    ):
        digest = pushed(source, "v1", build_index("app"))
        slow.inject(Fault("^PATCH", Delay(1)))
        argv = [sys.executable, "-c", textwrap.dedent(CHILD), e2e_registry.host, slow.host, source.path, str(digest)]
        environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        with subprocess.Popen([*argv, str(cache)], stdin=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdin is not None
            child.stdin.write(f"{login.username} {login.password}\n")
            child.stdin.flush()
            wait_until(lambda: slow.count("^PATCH") > 0)
            running = skopeos(slow.host)
            child.kill()
        assert len(running) == 1
        wait_until(lambda: not skopeos(slow.host))
        assert [file.name for file in files_of(cache)] == []
        assert not [file for file in files_of(tmp_path) if login.password.encode() in file.read_bytes()]
        assert destination.registry.digest(destination.path, "v1") is None
        assert skopeo.copy(source, digest, destination, "v1") == Copied(digest)


def skopeos(host: str) -> list[Path]:
    """The processes with this registry in their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"docker://{host}/".encode() in path.read_bytes():
                found.append(path)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
