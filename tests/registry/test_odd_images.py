"""Whatever registries hold is copied byte by byte, or refused in clear words before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.demo.oci import MANIFEST, Image, build_image, digest_of
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.registry.client import ImageRepository
from bot.registry.copying import AlreadyThere, Copied
from tests import oci
from tests.proxy import ALWAYS, Answer, Fault, FaultProxy, start_proxy
from tests.registry.copies import copier_of, missing
from tests.registry.places import index_of, pushed, repository_of

WRITES = "^(POST|PUT|PATCH|DELETE) "
ORDINARY: dict[str, Callable[[], Image]] = {
    "docker": lambda: oci.docker_image("docker"),
    "docker list": lambda: oci.docker_list("list"),
    "foreign platforms": lambda: oci.foreign_platforms("foreign"),
    "artifact": lambda: oci.artifact("sbom", build_image("about")),
    "Helm chart": lambda: oci.helm_chart("chart"),
    "zstd": lambda: oci.with_layers_of("zstd", "tar+zstd"),
    "uncompressed": lambda: oci.with_layers_of("tar", "tar"),
    "no layers": lambda: oci.without_layers("bare"),
    "empty layers": lambda: oci.with_empty_layers("empty"),
    "attestation": lambda: oci.with_attestation("attested"),
    # An older skopeo (seen with 1.9.3) cannot copy such an index, but all that is in it.
    "telling descriptors": lambda: oci.with_telling_descriptors("told"),
    "empty index": lambda: oci.index_of([]),
    "60 layers": lambda: build_image("tall", layers=60, size=6000),
    "largest manifest": lambda: oci.with_large_manifest("large"),
}


@pytest.fixture
def bare(e2e_registry: RunningRegistry, repository: str) -> Iterator[ImageRepository]:
    """A source on a path of its own, so that nothing is there that another test has copied."""
    with repository_of(e2e_registry.access("e2e"), f"odd/{repository}") as place:
        yield place


@pytest.mark.parametrize("name", ORDINARY)
def test_it_arrives_byte_by_byte(
    bare: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path, name: str
) -> None:
    _, destination = quiet
    image = ORDINARY[name]()
    digest = pushed(bare, "v1", image)
    copier = copier_of(cache)
    assert copier.copy(bare, digest, destination, "v1") == Copied(digest)
    assert destination.registry.digest(destination.path, "v1") == image.digest
    assert missing(destination, image) == []
    assert copier.copy(bare, digest, destination, "v1") == AlreadyThere(digest)


def test_an_index_of_indexes_is_refused(
    bare: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(bare, "v1", oci.nested_index("nested"))
    with pytest.raises(RegistryError, match="index that holds another index") as caught:
        copier_of(cache).copy(bare, digest, destination, "v1")
    assert str(digest) in caught.value.message
    assert caught.value.hint
    assert proxy.count(WRITES) == 0


def test_an_index_that_calls_another_an_image_is_refused(
    bare: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path
) -> None:
    proxy, destination = quiet
    inner = build_image("inner")
    copier = copier_of(cache)
    copier.copy(bare, pushed(bare, "inner", inner), destination, "inner")  # so that the registry lacks nothing
    digest = pushed(bare, "v1", index_of(index_of(inner), mediaType=MANIFEST))
    written = proxy.count(WRITES)
    with pytest.raises(RegistryError, match="where another index names it as an image"):
        copier.copy(bare, digest, destination, "v1")
    assert proxy.count(WRITES) == written


def test_the_first_schema_is_refused(
    open_registry: RunningRegistry, quiet: tuple[FaultProxy, ImageRepository], repository: str, cache: Path
) -> None:
    proxy, destination = quiet
    manifest = oci.schema_1("old")
    digest = digest_of(manifest)
    headers = {"Content-Type": oci.SCHEMA_1, "Docker-Content-Digest": str(digest)}
    with start_proxy(open_registry) as old, repository_of(old.access("e2e"), repository) as source:
        old.inject(Fault("/manifests/", Answer(200, headers, manifest), ALWAYS))
        with pytest.raises(RegistryError) as caught:
            copier_of(cache).copy(source, digest, destination, "v1")
        assert re.search("prettyjws", str(caught.value))
        assert re.search("build the image again", str(caught.value))
    assert proxy.count(WRITES) == 0


@pytest.mark.parametrize("taken", [True, False])
def test_a_layer_that_is_elsewhere_only(tmp_path: Path, repository: str, cache: Path, *, taken: bool) -> None:
    """Registries hold no such layer; whether they take an image with one is how they are set up."""
    image = oci.with_foreign_layer("windows")
    anything = {"REGISTRY_VALIDATION_DISABLED": "true"}
    with (
        start_registry(tmp_path / "e2e", settings=anything) as e2e,
        start_registry(tmp_path / "staging", settings=anything if taken else {}) as staging,
        repository_of(e2e.access("e2e"), repository) as source,
        repository_of(staging.access("staging"), repository) as destination,
    ):
        digest = pushed(source, "v1", image)
        if taken:
            assert copier_of(cache).copy(source, digest, destination, "v1") == Copied(digest)
            assert missing(destination, image) == []
        else:
            with pytest.raises(RegistryError, match="registry staging") as caught:
                copier_of(cache).copy(source, digest, destination, "v1")
            assert caught.value.hint
            assert destination.registry.digest(destination.path, "v1") is None


def test_one_of_two_thousand_tags(tmp_path: Path, repository: str, destination: ImageRepository, cache: Path) -> None:
    with (
        start_registry(tmp_path / "e2e") as e2e,
        repository_of(e2e.access("e2e"), repository) as source,
    ):
        image = build_image("much released")
        digest = pushed(source, "v0", image)
        tags = [f"1.0.{n}" for n in range(2000)]
        oci.write_tags(tmp_path / "e2e", repository, digest, tags)
        assert source.registry.digest(repository, tags[-1]) == digest
        assert copier_of(cache).copy(source, digest, destination, tags[-1]) == Copied(digest)
        assert missing(destination, image) == []
