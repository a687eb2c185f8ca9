"""Manifests: exact bytes of one meaning, or an error that says why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.demo.oci import CONFIG, INDEX, LAYER, MANIFEST, Image, build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.client import ImageRepository
from bot.registry.manifest import (
    IMAGE_TYPES,
    INDEX_TYPES,
    Descriptor,
    ImageManifest,
    Index,
    Manifest,
    digest_of,
    manifest_of,
    parse_manifest,
    parse_referrers,
)
from tests.proxy import Answer, Fault, FaultProxy, Replaced, start_proxy
from tests.registry.places import pushed, repository_of

SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DIGEST = f"sha256:{'0' * 64}"
GENERIC = ["", "application/json", "application/json; charset=utf-8", "text/plain", "application/octet-stream"]


def entry(**changes: Any) -> dict[str, Any]:
    return {"mediaType": MANIFEST, "digest": DIGEST, "size": 7} | changes


def image(**changes: Any) -> dict[str, Any]:
    content = {"schemaVersion": 2, "config": entry(mediaType=CONFIG), "layers": [entry(mediaType=LAYER)]}
    return content | changes


def index(**changes: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry()]} | changes


def manifest(content: object, media_type: str = MANIFEST) -> Manifest:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Manifest(media_type, body, digest_of(body))


# --- what they say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", IMAGE_TYPES)
def test_an_image_is_its_configuration_and_its_layers(media_type: str) -> None:
    found = parse_manifest(manifest(image(artifactType="application/x", subject=entry()), media_type))
    assert found == ImageManifest(
        Descriptor(CONFIG, Digest(DIGEST), 7), (Descriptor(LAYER, Digest(DIGEST), 7),), "application/x", Digest(DIGEST)
    )
    assert [blob.media_type for blob in found.blobs] == [CONFIG, LAYER]


@pytest.mark.parametrize("media_type", INDEX_TYPES)
def test_an_index_is_its_images(media_type: str) -> None:
    platforms = [{"os": "linux", "architecture": "arm", "variant": "v7", "os.version": 1}, {"os": "linux"}, None, "x"]
    entries = [entry(platform=platform) for platform in platforms]
    found = parse_manifest(manifest(index(mediaType=media_type, manifests=entries), media_type))
    assert isinstance(found, Index)
    assert [child.platform for child in found.images] == ["linux/arm/v7", "linux", "", ""]


def test_what_is_not_known_does_not_disturb() -> None:
    odd = image(annotations={"a": "1", "A": "2"}, extra=[1.5, None], layers=[])
    assert parse_manifest(manifest(odd)) == ImageManifest(Descriptor(CONFIG, Digest(DIGEST), 7), ())
    large = image(layers=[entry(size=2**63 - 1, annotations={"x": "y" * 100_000}) for _ in range(60)])
    found = parse_manifest(manifest(large))
    assert isinstance(found, ImageManifest)
    assert len(found.layers) == 60


REFUSED: list[tuple[str, object, str, str]] = [
    ("no JSON", b"<h1>Welcome", MANIFEST, "not JSON"),
    ("two of them", b"{}{}", MANIFEST, "not JSON"),
    ("UTF-16", json.dumps(image()).encode("utf-16"), MANIFEST, "not JSON"),
    ("byte order mark", b"\xef\xbb\xbf{}", MANIFEST, "not JSON"),
    ("not UTF-8", b'{"a": "\xff"}', MANIFEST, "not JSON"),
    ("not a number", b'{"a": NaN}', MANIFEST, "not JSON"),
    ("nested", b"[" * 200_000 + b"]" * 200_000, MANIFEST, "not JSON"),
    ("nested objects", b'{"a":' * 100_000, MANIFEST, "not JSON"),
    ("a list", b"[]", MANIFEST, "no.* JSON object"),
    ("a key twice", b'{"layers": [], "config": {}, "layers": []}', MANIFEST, "same key twice"),
    ("a key twice, below", b'{"annotations": {"a": 1, "a": 2}}', MANIFEST, "same key twice"),
    ("another case", image(Layers=[]), MANIFEST, "which some tools take for layers"),
    ("a letter like it", {**image(), "manife\u017ft\u017f": []}, MANIFEST, "which some tools take for manifests"),
    ("another case, below", image(config=entry(Digest=DIGEST)), MANIFEST, "which some tools take for digest"),
    (
        "another type",
        image(mediaType=INDEX),
        MANIFEST,
        "says that it is of the type .*image.manifest.*, and it says .*image.index",
    ),
    ("a type that is none", image(mediaType=["x"]), MANIFEST, "mediaType is no text"),
    ("an index by its looks", image(manifests=[]), MANIFEST, "an image and an index at once"),
    ("an image by its looks", index(layers=[]), INDEX, "an image and an index at once"),
    ("an image by its configuration", index(config={}), INDEX, "an image and an index at once"),
    ("no layers", {"config": entry()}, MANIFEST, "no layers"),
    ("layers that are none", image(layers={"0": entry()}), MANIFEST, "no layers"),
    ("no images", {}, INDEX, "no manifests"),
    ("no configuration", {"layers": []}, MANIFEST, "no object"),
    ("a layer of nothing", image(layers=[None]), MANIFEST, "no object"),
    ("no digest", image(layers=[{"mediaType": LAYER, "size": 1}]), MANIFEST, "lacks its type, digest or size"),
    ("no type", image(layers=[entry(mediaType="")]), MANIFEST, "lacks its type"),
    ("no size", image(layers=[entry(size=None)]), MANIFEST, "lacks its type, digest or size"),
    ("a size in words", image(layers=[entry(size="7")]), MANIFEST, "lacks its type, digest or size"),
    ("a size that is true", image(layers=[entry(size=True)]), MANIFEST, "lacks its type, digest or size"),
    ("a broken size", image(layers=[entry(size=1.0)]), MANIFEST, "lacks its type, digest or size"),
    ("a negative size", image(layers=[entry(size=-1)]), MANIFEST, "size of -1"),
    ("a huge size", image(layers=[entry(size=2**63)]), MANIFEST, "size of 9223372036854775808"),
    ("a size of a book", b'{"size": ' + b"9" * 5000 + b"}", MANIFEST, "number in it has 5000 digits"),
    ("sha512", image(layers=[entry(digest=f"sha512:{'0' * 128}")]), MANIFEST, "made by sha512.*only sha256"),
    ("half a digest", image(layers=[entry(digest="sha256:00")]), MANIFEST, "not a sha256 digest"),
    ("upper case", image(layers=[entry(digest=f"sha256:{'A' * 64}")]), MANIFEST, "not a sha256 digest"),
    ("a subject that is none", image(subject="x"), MANIFEST, "no object"),
    ("a subject without a size", image(subject={"digest": DIGEST}), MANIFEST, "lacks its type"),
    ("half a character", image(artifactType="\ud800"), MANIFEST, "artifactType is no text"),
    ("a line break", image(layers=[entry(mediaType="a\nb")]), MANIFEST, "mediaType is no text"),
    ("a platform of lists", index(manifests=[entry(platform={"os": ["linux"]})]), INDEX, "os is no text"),
    ("an index of indexes", index(manifests=[entry(), entry(mediaType=INDEX)]), INDEX, "holds another index"),
    ("Docker's index of indexes", index(manifests=[entry(mediaType=INDEX_TYPES[1])]), INDEX, "holds another index"),
    ("schema 1", {"schemaVersion": 1, "fsLayers": []}, IMAGE_TYPES[1], "Docker's old schema 1"),
    ("schema 1 by its type", {"schemaVersion": 1}, SCHEMA_1, "Docker's old schema 1.*prettyjws"),
    ("schema 3", image(schemaVersion=3), MANIFEST, "its schema is 3"),
    ("schema true", image(schemaVersion="2"), MANIFEST, "its schema is 2"),
    ("something else", image(), "application/vnd.oci.image.layer.v1.tar", "of the type application/vnd.oci.image.lay"),
]


@pytest.mark.parametrize(
    ("content", "media_type", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_could_be_read_otherwise_is_refused(content: object, media_type: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){words}"):
        parse_manifest(manifest(content, media_type))


def test_a_list_of_referrers_may_name_indexes() -> None:
    content = index(manifests=[entry(mediaType=INDEX, artifactType="application/x")])
    (found,) = parse_referrers(manifest(content, INDEX))
    assert (found.media_type, found.artifact_type) == (INDEX, "application/x")
    with pytest.raises(ValueError, match="no list of referrers"):
        parse_referrers(manifest(image()))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([DIGEST, INDEX, MANIFEST, "linux", 2, -1])
)
KEYS = st.sampled_from(
    [*index(), *image(), *entry(), "platform", "os", "subject", "artifactType", "Layers", "annotations"]
) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


def only_value_errors(parse: Callable[[Manifest], object], body: bytes, media_type: str) -> None:
    try:
        parse(Manifest(media_type, body, digest_of(body)))
        parse(manifest_of("application/json", body))
    except ValueError as error:
        str(error).encode()


@pytest.mark.parametrize("parse", [parse_manifest, parse_referrers])
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.sampled_from(["image", "index"]))
def test_nothing_but_value_errors_comes_of_any_content(
    parse: Callable[[Manifest], object], changes: dict[str, Any], kind: str
) -> None:
    content = (image() if kind == "image" else index()) | changes
    only_value_errors(parse, json.dumps(content).encode(), MANIFEST if kind == "image" else INDEX)


def test_nothing_but_value_errors_comes_of_any_depth() -> None:
    for depth in (10, 100, 500, 900, 1_000, 5_000, 100_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            body = b'{"subject": ' + opening * depth + b"1" + closing * depth + b"}"
            only_value_errors(parse_manifest, body, MANIFEST)


def fuzz(data: bytes, kind: str) -> None:
    for parse in (parse_manifest, parse_referrers):
        only_value_errors(parse, data, kind)


@given(st.binary(max_size=64), st.sampled_from([MANIFEST, INDEX, "", "x"]))
@example(b'{"schemaVersion": 1e999}', MANIFEST)
@example(b'{"config": {"size": 1e400}}', MANIFEST)
def test_nothing_but_value_errors_comes_of_any_bytes(data: bytes, kind: str) -> None:
    fuzz(data, kind)


@pytest.mark.long
@settings(max_examples=4_000, deadline=None)
@given(st.data())
def test_nothing_but_value_errors_comes_of_broken_manifests(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([build_image("a").manifest, build_index("a").manifest])))
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(body) - 1))
        body[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    fuzz(bytes(body), data.draw(st.sampled_from([MANIFEST, INDEX])))


# --- how registries serve them -----------------------------------------------------------------------------


def served(proxy: FaultProxy, content_type: str, body: bytes, **headers: str) -> None:
    """The next GET is answered with this."""
    typed = {"Content-Type": content_type} if content_type else {}
    proxy.inject(Fault("^GET .*/manifests/", Answer(200, typed | headers, body)))


@pytest.mark.parametrize("content_type", [*GENERIC, MANIFEST, MANIFEST.upper(), f"{MANIFEST}; charset=utf-8"])
def test_the_manifests_own_word_counts_where_the_registry_has_none(
    quiet: tuple[FaultProxy, ImageRepository], content_type: str
) -> None:
    proxy, place = quiet
    body = build_image("app").manifest
    served(proxy, content_type, body)
    found = place.registry.manifest(place.path, "v1")
    assert found == Manifest(MANIFEST, body, digest_of(body))


@pytest.mark.parametrize("content_type", GENERIC)
def test_what_has_no_type_at_all_is_not_guessed(quiet: tuple[FaultProxy, ImageRepository], content_type: str) -> None:
    proxy, place = quiet
    for body, words in (
        (json.dumps(image()).encode(), "says of which type it is"),
        (json.dumps({"schemaVersion": 1, "fsLayers": []}).encode(), "Docker's old schema 1"),
        (json.dumps(image(mediaType="application/x")).encode(), "of the type application/x "),
        (b"<h1>Welcome", "not JSON"),
    ):
        served(proxy, content_type, body)
        with pytest.raises(RegistryError, match=rf"registry staging: .*{place.path}:v1: .*{words}"):
            place.registry.manifest(place.path, "v1")


@pytest.mark.parametrize(
    ("content_type", "content", "words"),
    [
        (INDEX, image(mediaType=MANIFEST), "and it says"),
        (MANIFEST, index(), "and it says"),
        (MANIFEST, {"schemaVersion": 2, "manifests": []}, "an image and an index at once"),
        (SCHEMA_1, {"schemaVersion": 1}, "Docker's old schema 1"),
        (SCHEMA_1.replace("prettyjws", "json"), {"schemaVersion": 1}, "Docker's old schema 1"),
        ("text/html", image(mediaType=MANIFEST), "type text/html"),
        ("image/png", image(mediaType=MANIFEST), "type image/png"),
        (INDEX, index(manifests=[entry(mediaType=INDEX)]), "holds another index"),
    ],
)
def test_types_that_do_not_fit_are_refused(
    quiet: tuple[FaultProxy, ImageRepository], content_type: str, content: object, words: str
) -> None:
    proxy, place = quiet
    served(proxy, content_type, json.dumps(content).encode())
    with pytest.raises(RegistryError, match=words) as caught:
        place.registry.manifest(place.path, "v1")
    assert caught.value.hint


def test_the_digest_of_what_has_a_generic_type_is_taken_from_its_bytes(
    quiet: tuple[FaultProxy, ImageRepository],
) -> None:
    proxy, place = quiet
    body = build_image("app").manifest
    for content_type in GENERIC:
        typed = {"Content-Type": content_type} if content_type else {}
        proxy.inject(Fault("^HEAD", Answer(200, typed | {"Docker-Content-Digest": DIGEST}, b"")))
        served(proxy, content_type, body)
        assert place.registry.digest(place.path, "v1") == digest_of(body)


@pytest.mark.parametrize("kind", ["prettyjws", "json"])
def test_the_digest_of_an_old_manifest_is_refused_in_words(
    quiet: tuple[FaultProxy, ImageRepository], kind: str
) -> None:
    proxy, place = quiet
    old = {"Content-Type": SCHEMA_1.replace("prettyjws", kind), "Docker-Content-Digest": DIGEST}
    proxy.inject(Fault("^HEAD", Answer(200, old)))
    with pytest.raises(RegistryError, match=rf":v1: .*Docker's old schema 1 .*{kind}.*build the image again"):
        place.registry.digest(place.path, "v1")


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_without_head_is_asked_for_the_manifest(
    quiet: tuple[FaultProxy, ImageRepository], status: int
) -> None:
    proxy, place = quiet
    digest = pushed(place, "v1", build_image("app"))
    proxy.inject(Fault("^HEAD", Answer(status), 9))
    before = proxy.count()
    assert place.registry.digest(place.path, "v1") == digest
    assert place.registry.digest(place.path, "v2") is None
    assert proxy.count() - before == 4


@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "blake3"])
def test_a_digest_by_another_algorithm_is_compared_if_it_can_be(
    quiet: tuple[FaultProxy, ImageRepository], algorithm: str
) -> None:
    proxy, place = quiet
    body = build_image("app").manifest
    value = hashlib.sha384(body).hexdigest() if algorithm == "sha384" else hashlib.sha512(body).hexdigest()
    announced = {"Docker-Content-Digest": f"{algorithm}:{value}"}
    proxy.inject(Fault("^HEAD", Answer(200, {"Content-Type": MANIFEST, **announced})))
    served(proxy, MANIFEST, body, **announced)
    assert place.registry.digest(place.path, "v1") == digest_of(body)
    if algorithm != "blake3":
        served(proxy, MANIFEST, body + b" ", **announced)
        with pytest.raises(RegistryError, match="do not trust it"):
            place.registry.manifest(place.path, "v1")


def test_a_manifest_of_the_largest_size_is_read(open_registry: RunningRegistry, repository: str) -> None:
    small = build_image("app")
    content = json.loads(small.manifest) | {"annotations": {"padding": "x" * (4 * 1024 * 1024 - 2_000)}}
    large = replace(small, manifest=json.dumps(content).encode())
    with repository_of(open_registry.access("r"), repository) as place:
        digest = pushed(place, "v1", large)
        found = place.registry.manifest(repository, "v1")
        assert found is not None
        assert (found.digest, len(found.body)) == (digest, len(large.manifest))


@pytest.mark.parametrize("made", [build_image("app", layers=60), build_index("app", layers=60)], ids=["image", "index"])
def test_an_image_of_sixty_layers_is_read(source: ImageRepository, made: Image) -> None:
    digest = pushed(source, "v1", made)
    found = source.registry.manifest(source.path, digest.text)
    assert found is not None
    content = parse_manifest(found)
    if isinstance(content, Index):
        assert [child.platform for child in content.images] == ["linux/amd64", "linux/arm64"]
    else:
        assert len(content.blobs) == 61


def test_a_changed_byte_is_seen_whatever_was_asked_for(open_registry: RunningRegistry, repository: str) -> None:
    made = build_image("app")
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), repository) as place:
        pushed(place, "v1", made)
        blob = digest_of(made.blobs[0])
        proxy.inject(Fault("^GET", Replaced(), 2))
        with pytest.raises(RegistryError, match="do not trust it"):
            place.registry.manifest(repository, "v1")
        with pytest.raises(RegistryError, match="do not trust it"):
            place.registry.blob(repository, blob, limit=10_000)


def test_a_small_blob_is_read_and_a_larger_one_is_refused(destination: ImageRepository) -> None:
    made = build_image("app")
    pushed(destination, "v1", made)
    config = digest_of(made.blobs[0])
    assert destination.registry.blob(destination.path, config, limit=len(made.blobs[0])) == made.blobs[0]
    assert destination.registry.blob(destination.path, Digest(DIGEST), limit=10) is None
    assert destination.registry.blob("no-such/repository", config, limit=10) is None
    with pytest.raises(RegistryError, match="bytes"):
        destination.registry.blob(destination.path, config, limit=len(made.blobs[0]) - 1)
