"""Inside one endpoint no layer is sent again, and the same layers cross to another once."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from bot.demo.oci import MANIFEST, Image, build_image, build_index, digest_of
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.registry.client import ImageRepository
from bot.registry.copying import Copied, Copier
from tests.proxy import Answer, Fault, FaultProxy, Seen, start_proxy
from tests.registry.places import pushed, repository_of


@contextmanager
def two_in_one(registry: RunningRegistry, name: str) -> Iterator[tuple[FaultProxy, ImageRepository, ImageRepository]]:
    """Two repositories at one endpoint, which the configuration calls by two names."""
    with (
        start_proxy(registry) as proxy,
        repository_of(proxy.access("e2e"), f"e2e/{name}") as source,
        repository_of(proxy.access("prod"), f"prod/{name}") as destination,
    ):
        yield proxy, source, destination


def layers_of(image: Image) -> list[str]:
    return [digest_of(blob).text for part in (image, *image.children) for blob in part.blobs[1:]]


@pytest.mark.parametrize("image", [build_image("one", layers=3), build_index("many", layers=2)], ids=["image", "index"])
def test_inside_one_endpoint_nothing_is_sent_and_nothing_started(
    open_registry: RunningRegistry, repository: str, cache: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    with two_in_one(open_registry, repository) as (proxy, source, destination):
        digest = pushed(source, "v1", image)
        monkeypatch.setenv("PATH", "/nonexistent")
        seen = proxy.count()
        assert Copier(cache).copy(source, digest, destination, "v1") == Copied(digest)
        assert destination.registry.digest(destination.path, "v1") == digest
        sent = [str(request) for request in proxy.seen[seen:] if request.method not in {"GET", "HEAD"}]
        assert [request for request in sent if "/blobs/" in request and "mount=" not in request] == []
        assert len([request for request in sent if "mount=" in request]) == len({*_blobs(image)})


def _blobs(image: Image) -> list[bytes]:
    return [blob for part in (image, *image.children) for blob in part.blobs]


def test_a_digest_under_another_name_is_only_tagged(
    source: ImageRepository,
    quiet: tuple[FaultProxy, ImageRepository],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, destination = quiet
    image = build_index("app")
    digest = pushed(source, "v1", image)
    pushed(destination, "v1-rc1", image)
    monkeypatch.setenv("PATH", "/nonexistent")
    seen = proxy.count()
    assert Copier(cache).copy(source, digest, destination, "v1") == Copied(digest)
    assert destination.registry.digest(destination.path, "v1") == digest
    assert [str(request) for request in proxy.seen[seen:] if request.method not in {"GET", "HEAD"}] == [
        f"PUT /v2/{destination.path}/manifests/v1"
    ]


def test_an_index_that_lacks_an_image_at_the_destination_is_made_whole(
    source: ImageRepository, destination: ImageRepository, copier: Copier
) -> None:
    image = build_index("app")
    digest = pushed(source, "v1", image)
    pushed(destination, "v1-rc1", image)
    gone = image.children[0].digest
    delete(destination, f"manifests/{gone}")
    assert destination.registry.digest(destination.path, digest.text) == digest
    assert copier.copy(source, digest, destination, "v1") == Copied(digest)
    assert destination.registry.digest(destination.path, gone.text) == gone


def delete(place: ImageRepository, path: str) -> None:
    access = place.registry.access
    assert access.login is not None
    with urllib3.PoolManager(ca_certs=str(access.ca_file)) as pool:
        headers = {"Authorization": f"Basic {access.login.basic}"}
        assert pool.request("DELETE", f"{access.url}/v2/{place.path}/{path}", headers=headers).status == 202


@pytest.mark.parametrize("answer", [Answer(202), Answer(405), Answer(500)], ids=["202", "405", "500"])
def test_what_is_not_mounted_is_copied(
    open_registry: RunningRegistry, repository: str, copier: Copier, answer: Answer
) -> None:
    with two_in_one(open_registry, repository) as (proxy, source, destination):
        digest = pushed(source, "v1", build_image("app", layers=3))
        proxy.inject(Fault("mount=", answer, 99))
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        assert destination.registry.digest(destination.path, "v1") == digest
        assert proxy.count(f"^PATCH /v2/{destination.path}/") == 4


def test_a_registry_that_says_it_mounted_and_did_not_gets_the_blobs(
    open_registry: RunningRegistry, repository: str, copier: Copier
) -> None:
    with two_in_one(open_registry, repository) as (proxy, source, destination):
        digest = pushed(source, "v1", build_image("app", layers=3))
        proxy.inject(Fault("mount=", Answer(201), 99))
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        assert destination.registry.digest(destination.path, "v1") == digest


def test_who_may_not_write_is_told_so(open_registry: RunningRegistry, repository: str, copier: Copier) -> None:
    with two_in_one(open_registry, repository) as (proxy, source, destination):
        digest = pushed(source, "v1", build_image("app"))
        proxy.inject(Fault("^POST", Answer(403), 99))
        with pytest.raises(RegistryError, match=r"registry prod.*do not allow writing"):
            copier.copy(source, digest, destination, "v1")
        assert proxy.count("^PATCH") == 0


def based_on(base: Image, seed: str) -> Image:
    """An image of its own above the layers of another."""
    own = build_image(seed, size=30_000)
    layers = (*base.blobs[1:], own.blobs[1])
    config = own.blobs[0]
    content = json.loads(own.manifest)
    content["layers"] = [
        {"mediaType": content["layers"][0]["mediaType"], "digest": digest_of(layer).text, "size": len(layer)}
        for layer in layers
    ]
    return Image(MANIFEST, json.dumps(content).encode(), (config, *layers))


def test_layers_that_several_images_share_cross_once(
    source: ImageRepository, open_registry: RunningRegistry, repository: str, copier: Copier
) -> None:
    base = build_image("base", size=400_000, layers=2)
    images = [based_on(base, f"service {number}") for number in range(4)]
    digests = [pushed(source, f"v{number}", image) for number, image in enumerate(images)]
    with start_proxy(open_registry) as proxy, ThreadPoolExecutor(4) as pool:

        def copy(number: int) -> None:
            with repository_of(proxy.access("prod"), f"prod/{repository}/{number}") as destination:
                assert copier.copy(source, digests[number], destination, "v1") == Copied(digests[number])
                assert destination.registry.digest(destination.path, "v1") == digests[number]

        list(pool.map(copy, range(4)))
        for layer in layers_of(base):
            assert proxy.count(f"^PUT .*digest={re.escape(layer.replace(':', '%3A'))}") == 1
            assert proxy.count(f"mount={re.escape(layer.replace(':', '%3A'))}") == 3


def test_a_copy_that_fails_lets_the_one_that_waits_for_its_layers_go_on(
    source: ImageRepository, open_registry: RunningRegistry, repository: str, copier: Copier
) -> None:
    base = build_image("base", size=400_000, layers=2)
    digests = [pushed(source, f"v{number}", based_on(base, f"service {number}")) for number in range(2)]
    first_uploads, second_asks = threading.Event(), threading.Event()

    def gate(request: Seen) -> Answer | None:
        if f"prod/{repository}/0/" in request.path and request.method in {"POST", "PATCH"}:
            first_uploads.set()
            second_asks.wait(5)
            return Answer(403)
        if f"prod/{repository}/1/manifests/sha256" in request.path:
            second_asks.set()
        return None

    with (
        start_proxy(open_registry, gate=gate) as proxy,
        ThreadPoolExecutor(2) as pool,
        repository_of(proxy.access("prod"), f"prod/{repository}/0") as failing,
        repository_of(proxy.access("prod"), f"prod/{repository}/1") as waiting,
    ):
        first = pool.submit(copier.copy, source, digests[0], failing, "v1")
        assert first_uploads.wait(10)
        second = pool.submit(copier.copy, source, digests[1], waiting, "v1")
        with pytest.raises(RegistryError):
            first.result(20)
        assert second.result(20) == Copied(digests[1])
