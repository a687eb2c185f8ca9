"""Reading digests and manifests: right, or an error; never a wrong "absent"."""

from __future__ import annotations

import pytest

from bot.demo.oci import INDEX, build_image, build_index, push
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from tests.proxy import Answer, Fault, Replaced, Without, start_proxy
from tests.registry.clients import client_of, failure


@pytest.mark.parametrize("kind", ["open_registry", "e2e_registry", "prod_registry"])
def test_the_digest_of_a_tag_is_that_of_what_was_pushed(
    kind: str, repository: str, request: pytest.FixtureRequest
) -> None:
    registry: RunningRegistry = request.getfixturevalue(kind)
    image, index = build_image("one"), build_index("many")
    for tag, pushed in (("one", image), ("many", index)):
        push(registry.access("r"), repository, tag, pushed)
    with client_of(registry.access("r")) as client:
        client.ping()
        assert client.digest(repository, "one") == image.digest
        assert client.digest(repository, "many") == index.digest
        assert client.digest(repository, str(index.children[1].digest)) == index.children[1].digest
        assert client.digest(repository, "absent") is None
        assert client.digest("no-such/repository", "one") is None
        manifest = client.manifest(repository, "many")
        assert manifest is not None
        assert (manifest.media_type, manifest.body, manifest.digest) == (INDEX, index.manifest, index.digest)
        assert client.manifest(repository, "absent") is None


def test_without_the_digest_header_the_manifest_is_hashed(open_registry: RunningRegistry, repository: str) -> None:
    image = build_index("app")
    push(open_registry.access("r"), repository, "v1", image)
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("^HEAD", Without("Docker-Content-Digest")), Fault("^GET", Without("Docker-Content-Digest")))
        assert client.digest(repository, "v1") == image.digest
        assert [request.method for request in proxy.seen] == ["HEAD", "GET"]


def test_every_read_accepts_all_four_media_types(open_registry: RunningRegistry, repository: str) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        assert client.digest(repository, "v1") is None
        assert client.manifest(repository, "v1") is None
        accepted = {request.headers["Accept"].count("application/vnd.") for request in proxy.seen}
    assert accepted == {4}


@pytest.mark.parametrize("by_digest", [False, True])
def test_a_changed_manifest_is_refused(open_registry: RunningRegistry, repository: str, *, by_digest: bool) -> None:
    image = build_image("app")
    push(open_registry.access("r"), repository, "v1", image)
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("^GET", Replaced()))
        with pytest.raises(RegistryError, match="do not trust it"):
            client.manifest(repository, str(image.digest) if by_digest else "v1")


def test_not_found_by_something_else_than_a_registry_is_not_absent(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry, gate=lambda _: Answer(404, {}, b"nothing here")) as proxy:
        assert "does not answer like a registry" in failure(proxy.access("e2e"))


def test_not_found_without_the_version_header_counts_from_a_registry(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("e2e")) as client:
        proxy.inject(Fault("HEAD", Answer(404), 2))
        assert client.digest("app", "v1") is None
        assert client.digest("app", "v1") is None
        assert [str(request) for request in proxy.seen].count("GET /v2/") == 1
