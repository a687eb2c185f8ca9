"""Copies are exact, whatever moves or is configured around them."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which

import pytest

from bot.demo.oci import Image, build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import Login
from bot.registry.client import ImageRepository
from bot.registry.copying import AlreadyThere, Copied, Copier
from bot.registry.errors import TagTakenError
from tests.proxy import Answer, Fault, FaultProxy, Seen, start_proxy
from tests.registry.places import pushed, repository_of


def everything(repository: ImageRepository, digest: Digest) -> list[bytes]:
    """The manifests behind a digest, the index's before its images'."""
    manifest = repository.registry.manifest(repository.path, str(digest))
    assert manifest is not None
    children = json.loads(manifest.body).get("manifests", [])
    return [manifest.body, *(body for child in children for body in everything(repository, Digest(child["digest"])))]


@pytest.mark.parametrize("image", [build_index("many"), build_image("one", layers=3)], ids=["index", "image"])
def test_a_copy_has_the_digest_and_all_platforms(
    source: ImageRepository, destination: ImageRepository, copier: Copier, image: Image
) -> None:
    digest = pushed(source, "1.2.0-rc1", image)
    assert copier.copy(source, digest, destination, "1.2.0") == Copied(digest)
    assert destination.registry.digest(destination.path, "1.2.0") == digest
    assert everything(destination, digest) == [image.manifest, *(child.manifest for child in image.children)]
    assert copier.copy(source, digest, destination, "1.2.0") == AlreadyThere(digest)


def test_a_second_copy_starts_nothing_and_writes_nothing(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    pushed(destination, "v1", build_image("app"))
    monkeypatch.setenv("PATH", "/nonexistent")
    before = proxy.count("^(PUT|POST|PATCH)")
    assert copier.copy(source, digest, destination, "v1") == AlreadyThere(digest)
    assert proxy.count("^(PUT|POST|PATCH)") == before


def test_a_taken_tag_is_left_alone(source: ImageRepository, destination: ImageRepository, copier: Copier) -> None:
    digest = pushed(source, "v1", build_image("new"))
    other = pushed(destination, "v1", build_image("old"))
    with pytest.raises(TagTakenError) as caught:
        copier.copy(source, digest, destination, "v1")
    assert (caught.value.present, caught.value.wanted) == (other, digest)
    assert str(other) in str(caught.value)
    assert str(digest) in str(caught.value)
    assert destination.registry.digest(destination.path, "v1") == other


def test_a_tag_taken_between_two_tries_is_left_alone(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("new"))
    others: list[Digest] = []

    def somebody_else(_: float) -> None:
        others.append(pushed(destination, "v1", build_image("other")))

    proxy.inject(Fault("^PATCH", Answer(503)))
    with pytest.raises(TagTakenError):
        Copier(cache, sleep=somebody_else).copy(source, digest, destination, "v1")
    assert [destination.registry.digest(destination.path, "v1")] == others


def test_a_tag_that_moves_meanwhile_changes_nothing(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
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
                copier.copy(source, seen, destination, f"v{n}")
        finally:
            done.set()
        flipping.result()
    assert {tag: destination.registry.digest(destination.path, tag) for tag in recorded} == recorded


def test_many_copies_at_once(source: ImageRepository, destination: ImageRepository, copier: Copier) -> None:
    images = {f"v{n}": build_image(f"build {n}") for n in range(4)}
    for tag, image in images.items():
        pushed(source, tag, image)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda tag: copier.copy(source, images[tag].digest, destination, tag), images))
    for tag, image in images.items():
        assert destination.registry.digest(destination.path, tag) == image.digest


def test_two_promoters_of_one_tag_both_succeed(
    source: ImageRepository, destination: ImageRepository, copier: Copier
) -> None:
    digest = pushed(source, "v1", build_index("app"))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: copier.copy(source, digest, destination, "v1"), range(2)))
    assert {outcome.digest for outcome in outcomes} == {digest}
    assert destination.registry.digest(destination.path, "v1") == digest


# --- what is configured around us ------------------------------------------------------------------------


def plant_configuration(home: Path, host: str, repository: str, mirror: str) -> Path:
    """Files of a user that would lead reads of `host` to a mirror, with a password, and refuse every image."""
    config = home / ".config" / "containers"
    config.joinpath("registries.conf.d").mkdir(parents=True)
    for name in ("registries.conf", "registries.conf.d/mirror.conf"):
        config.joinpath(name).write_text(
            f'[[registry]]\nprefix = "{host}/{repository}"\nlocation = "{mirror}"\ninsecure = true\n'
        )
    config.joinpath("policy.json").write_text('{"default": [{"type": "reject"}]}')
    logins = json.dumps({"auths": {host: {"auth": Login("x", "y").basic}}})
    for file in (config / "auth.json", home / "containers" / "auth.json", home / ".docker" / "config.json"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(logins)
    return config


def asks_for_a_password(request: Seen) -> Answer | None:
    """Asks at the door and lets in without: what comes is what skopeo finds somewhere."""
    return Answer(401, {"WWW-Authenticate": 'Basic realm="x"'}) if request.path == "/v2/" else None


def test_configuration_of_the_user_has_no_influence(
    open_registry: RunningRegistry,
    destination: ImageRepository,
    copier: Copier,
    repository: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        start_proxy(open_registry) as mirror,
        start_proxy(open_registry, gate=asks_for_a_password) as anonymous,
        repository_of(anonymous.access("e2e"), repository) as source,
    ):
        config = plant_configuration(tmp_path, anonymous.host, repository, mirror.host)
        for name in ("HOME", "XDG_RUNTIME_DIR"):
            monkeypatch.setenv(name, str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(config / "auth.json"))
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(config / "registries.conf"))
        digest = pushed(source, "v1", build_image("app"))
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        assert mirror.count() == 0
        assert anonymous.count("^GET .*/blobs/") > 0
        nobody = Login("", "").basic
        assert {request.headers.get("Authorization") for request in anonymous.seen} == {None, f"Basic {nobody}"}


def test_files_in_etc_do_not_lead_elsewhere(
    source: ImageRepository,
    open_registry: RunningRegistry,
    destination: ImageRepository,
    copier: Copier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempt = ["unshare", "-m", "true"]
    if subprocess.run(attempt, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs a mount namespace of its own, which is for root outside of chroot")
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
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        assert mirror.count() == 0


def test_a_cache_that_cannot_be_written_is_an_error_that_says_so(
    source: ImageRepository, destination: ImageRepository, cache: Path
) -> None:
    cache.write_text("a file where the folder should be")
    digest = pushed(source, "v1", build_image("app"))
    with pytest.raises(RegistryError, match="cannot be kept in"):
        Copier(cache, sleep=lambda _: None).copy(source, digest, destination, "v1")
