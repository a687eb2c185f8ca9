"""Writes of tags: what was meant and nothing else, whatever fails, whoever else writes."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from bot.demo.oci import INDEX, MANIFEST, Image, build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ConflictError, RegistryError
from bot.images import Digest
from bot.registry.access import Login
from bot.registry.client import ImageRepository
from bot.registry.errors import TagMovedError, TagTakenError
from bot.registry.manifest import Manifest, digest_of
from bot.registry.tagging import AlreadyTagged, Tagged, add_tags, move_tag
from tests.proxy import (
    Answer,
    CutAfter,
    CutBefore,
    Delay,
    Fault,
    FaultProxy,
    Kind,
    Seen,
    Without,
    start_proxy,
)
from tests.registry.places import pushed, repository_of

TAGS = ["1.2.3", "1.2.3-RC1", "2024.01.01_a"]


def refusal(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def held(place: ImageRepository, tags: list[str]) -> list[Digest | None]:
    return [place.registry.digest(place.path, tag) for tag in tags]


def requests(proxy: FaultProxy, since: int = 0) -> list[str]:
    return [f"{seen.method} {seen.path.rpartition('/')[2]}" for seen in proxy.seen[since:]]


@pytest.mark.parametrize("image", [build_image("app"), build_index("app")], ids=["image", "index"])
def test_three_tags_are_four_requests(quiet: tuple[FaultProxy, ImageRepository], image: Image) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", image)
    before = len(proxy.seen)
    assert add_tags(place, digest, TAGS) == tuple(Tagged(tag, digest) for tag in TAGS)
    made = requests(proxy, before)
    assert made[0] == f"GET {digest}"
    assert sorted(made[1:]) == sorted(f"PUT {tag}" for tag in TAGS)
    assert held(place, TAGS) == [digest] * 3
    manifest = place.registry.manifest(place.path, TAGS[0])
    assert manifest is not None
    assert (manifest.media_type, manifest.body) == (image.media_type, image.manifest)


def test_many_tags_with_credentials_over_https(destination: ImageRepository) -> None:
    digest = pushed(destination, "rc", build_index("app"))
    tags = [f"v{number}" for number in range(20)]
    assert [result.tag for result in add_tags(destination, digest, [*tags, "v3"])] == tags
    assert held(destination, tags) == [digest] * 20
    assert add_tags(destination, digest, []) == ()


def test_an_image_that_is_not_there_gets_no_tag(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    absent = build_image("elsewhere").digest
    with pytest.raises(RegistryError, match=f"{place.path}@{absent}: there is no such image") as caught:
        add_tags(place, absent, TAGS)
    with pytest.raises(RegistryError, match="there is no such image"):
        move_tag(place, "stable", expected=None, digest=absent)
    assert caught.value.hint == "copy it there first"
    assert proxy.count("PUT") == 0


LATER = Answer(429, {"Retry-After": "1"})
PASSING: list[Kind] = [Answer(500), Answer(503), Answer(429), LATER, CutBefore(), CutAfter()]


@pytest.mark.parametrize("kind", PASSING, ids=str)
@pytest.mark.parametrize("times", [1, 2])
def test_a_failure_that_passes_is_overcome(quiet: tuple[FaultProxy, ImageRepository], kind: Kind, times: int) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    proxy.inject(Fault("^PUT .*1.2.3$", kind, times))
    assert add_tags(place, digest, ["1.2.3"]) == (Tagged("1.2.3", digest),)
    proxy.inject(Fault("^PUT .*stable$", kind, times))
    assert move_tag(place, "stable", expected=None, digest=digest) == Tagged("stable", digest)
    assert held(place, ["1.2.3", "stable"]) == [digest] * 2


def test_a_write_that_arrived_is_not_sent_again(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    proxy.inject(Fault("^PUT", CutAfter()))
    before = len(proxy.seen)
    add_tags(place, digest, ["v1"])
    assert requests(proxy, before) == [f"GET {digest}", "PUT v1", "HEAD v1"]


def test_an_answer_that_never_comes_is_looked_after(open_registry: RunningRegistry, repository: str) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), repository, timeout=0.5) as place:
        digest = pushed(place, "rc", build_image("app"))
        # Passed on in the end, but after the client has gone.
        proxy.inject(Fault("^PUT", Delay(1)))
        with pytest.raises(RegistryError, match="no answer in time"):
            add_tags(place, digest, ["v1"])
        assert proxy.count("^HEAD") == 1


FAILING: list[tuple[Kind, str]] = [
    (Answer(500), "the registry failed"),
    (Answer(401), "wants credentials, and none"),
    (Answer(403, {}, refusal("DENIED", "requested access")), "do not allow writing.*requested access"),
    (Answer(404, {}, refusal("NAME_UNKNOWN", "no")), "no such repository to write to"),
    (Answer(400, {}, refusal("MANIFEST_INVALID", "bad")), "HTTP 400.*bad"),
    (Answer(400, {}, refusal("MANIFEST_BLOB_UNKNOWN", "blob")), "lacks a part of this image"),
    (Answer(404, {}, refusal("MANIFEST_UNKNOWN", "child")), "lacks a part of this image"),
    (Answer(405), "for reading only"),
    (Answer(413), "too large.*limit on sizes"),
    (Answer(302, {"Location": "/v2/elsewhere"}), "HTTP 302"),
    (Answer(204), "HTTP 204"),
    (CutBefore(), "connection was cut"),
]


@pytest.mark.parametrize(("kind", "words"), FAILING, ids=[str(row[0]) for row in FAILING])
def test_a_failure_that_stays_is_told_and_a_second_run_completes(
    quiet: tuple[FaultProxy, ImageRepository], kind: Kind, words: str
) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    proxy.inject(Fault("^PUT .*v2$", kind, 3))
    with pytest.raises(RegistryError) as caught:
        add_tags(place, digest, ["v1", "v2", "v3"])
    assert re.search(words, str(caught.value))
    assert f"registry staging: {proxy.host}/{place.path}:v2: " in caught.value.message
    assert "written were v1, v3" in caught.value.message
    assert held(place, ["v1", "v2", "v3"]) == [digest, None, digest]
    proxy.faults.clear()
    assert len(add_tags(place, digest, ["v1", "v2", "v3"])) == 3
    assert held(place, ["v1", "v2", "v3"]) == [digest] * 3


def test_wrong_credentials_write_nothing(prod_registry: RunningRegistry, destination: ImageRepository) -> None:
    image = build_image("app")
    pushed(destination, "rc", image)
    manifest = Manifest(MANIFEST, image.manifest, image.digest)
    access = replace(prod_registry.access("prod"), login=Login("prod-robot", "guessed-by-nobody"))
    with repository_of(access, destination.path) as place, pytest.raises(RegistryError, match="HTTP 401") as caught:
        place.registry.put_manifest(place.path, "v1", manifest)
    assert "guessed-by-nobody" not in str(caught.value)
    assert held(destination, ["v1"]) == [None]


def test_an_index_whose_images_are_missing_is_refused(source: ImageRepository) -> None:
    made = build_index("app")
    with pytest.raises(RegistryError, match=r"lacks a part of this image \(HTTP 400\).*copy the whole image"):
        source.registry.put_manifest(source.path, "v1", Manifest(INDEX, made.manifest, made.digest))


def test_a_manifest_is_put_under_its_digest_too(source: ImageRepository) -> None:
    made = build_image("app")
    pushed(source, "v1", made)
    content = json.dumps(json.loads(made.manifest) | {"annotations": {"a": "→"}}, ensure_ascii=False).encode()
    other = Manifest(MANIFEST, content, digest_of(content))
    assert source.registry.put_manifest(source.path, other.digest.text, other)
    found = source.registry.manifest(source.path, other.digest.text)
    assert found == other


def test_a_registry_that_does_not_say_what_it_stored_is_asked(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    proxy.inject(Fault("^PUT", Without("Docker-Content-Digest")))
    before = len(proxy.seen)
    add_tags(place, digest, ["v1"])
    assert requests(proxy, before) == [f"GET {digest}", "PUT v1", "HEAD v1"]


def test_a_registry_that_stored_something_else_is_an_error(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    other = build_image("other").digest
    proxy.inject(Fault("^PUT", Answer(201, {"Docker-Content-Digest": str(other)})))
    with pytest.raises(RegistryError, match=f"says that it stored {other}"):
        add_tags(place, digest, ["v1"])
    proxy.inject(Fault("^PUT", Answer(201)))
    with pytest.raises(RegistryError, match="says that it stored nothing"):
        add_tags(place, digest, ["v1"])
    proxy.inject(Fault("^PUT", Answer(201, {"Docker-Content-Digest": f"sha256:{'x' * 9000}"})))
    with pytest.raises(RegistryError, match=r"says that it stored sha256:x{193} \("):
        add_tags(place, digest, ["v1"])


@pytest.mark.parametrize(("algorithm", "asked"), [("sha512", []), ("blake3", ["HEAD v1"])])
def test_a_registry_may_call_what_it_stored_by_another_algorithm(
    quiet: tuple[FaultProxy, ImageRepository], algorithm: str, asked: list[str]
) -> None:
    """Which is compared where promobot knows it; else the registry is asked for a digest that it does."""
    proxy, place = quiet
    image = build_image("app")
    digest = pushed(place, "v1", image)
    stored = f"{algorithm}:{hashlib.sha512(image.manifest).hexdigest()}"
    proxy.inject(Fault("^PUT", Answer(201, {"Docker-Content-Digest": stored})))
    before = len(proxy.seen)
    assert add_tags(place, digest, ["v1"]) == (Tagged("v1", digest),)
    assert requests(proxy, before) == [f"GET {digest}", "PUT v1", *asked]


def test_another_algorithms_digest_of_something_else_is_an_error(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    digest = pushed(place, "rc", build_image("app"))
    other = f"sha512:{hashlib.sha512(b'other').hexdigest()}"
    proxy.inject(Fault("^PUT", Answer(201, {"Docker-Content-Digest": other})))
    with pytest.raises(RegistryError, match=f"says that it stored {other}"):
        add_tags(place, digest, ["v1"])


# --- somebody else ------------------------------------------------------------------------------------------


@contextmanager
def interrupted(
    registry: RunningRegistry, repository: str, tag: str, image: Image, kind: Answer | None
) -> Iterator[ImageRepository]:
    """A repository where somebody puts `image` under `tag` at our first write of it, which is answered with `kind`."""
    done = threading.Event()

    def somebody_else(request: Seen) -> Answer | None:
        if request.method != "PUT" or not request.path.endswith(f"/{tag}") or done.is_set():
            return None
        done.set()
        with repository_of(registry.access("r"), repository) as directly:
            pushed(directly, tag, image)
        return kind

    with start_proxy(registry, gate=somebody_else) as proxy, repository_of(proxy.access("r"), repository) as place:
        yield place


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_somebody_else_wrote_between_two_tries_stays(
    open_registry: RunningRegistry, repository: str, status: int
) -> None:
    ours, theirs = build_image("ours"), build_image("theirs")
    with interrupted(open_registry, repository, "v1", theirs, Answer(status)) as place:
        digest = pushed(place, "rc", ours)
        with pytest.raises(TagTakenError) as caught:
            add_tags(place, digest, ["v0", "v1"])
        assert (caught.value.present, caught.value.wanted) == (theirs.digest, ours.digest)
        assert f"{place.path}:v1 is taken" in caught.value.message
        assert "written were v0" in caught.value.message
        assert held(place, ["v0", "v1"]) == [ours.digest, theirs.digest]


@pytest.mark.parametrize("present", [None, "old"])
def test_a_moved_tag_that_somebody_else_moves_too_stays(
    open_registry: RunningRegistry, repository: str, present: str | None
) -> None:
    ours, theirs = build_image("ours"), build_image("theirs")
    with interrupted(open_registry, repository, "stable", theirs, Answer(503)) as place:
        digest = pushed(place, "rc", ours)
        expected = None
        if present:
            with repository_of(open_registry.access("r"), repository) as directly:
                expected = pushed(directly, "stable", build_image(present))
        with pytest.raises(TagMovedError) as caught:
            move_tag(place, "stable", expected=expected, digest=digest)
        assert (caught.value.present, caught.value.expected) == (theirs.digest, expected)
        assert held(place, ["stable"]) == [theirs.digest]


def test_a_floating_tag_moves_and_only_from_where_it_was_seen(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    first, second, third = (pushed(place, f"v{n}", build_index(f"app {n}")) for n in range(3))
    assert move_tag(place, "stable", expected=None, digest=first) == Tagged("stable", first)
    before = len(proxy.seen)
    assert move_tag(place, "stable", expected=first, digest=second) == Tagged("stable", second)
    assert requests(proxy, before) == [f"GET {second}", "HEAD stable", "PUT stable"]
    before = proxy.count("PUT")
    assert move_tag(place, "stable", expected=first, digest=second) == AlreadyTagged("stable", second)
    for expected in (first, None):
        with pytest.raises(ConflictError, match=rf"stable moved meanwhile: it holds {second}, where .* was expected"):
            move_tag(place, "stable", expected=expected, digest=third)
    with pytest.raises(TagMovedError, match="it holds nothing"):
        move_tag(place, "other", expected=first, digest=third)
    assert proxy.count("PUT") == before
    assert held(place, ["stable"]) == [second]


@pytest.mark.parametrize("at", ["^GET", "^HEAD"])
def test_a_tag_that_cannot_be_read_is_not_moved(quiet: tuple[FaultProxy, ImageRepository], at: str) -> None:
    proxy, place = quiet
    digest = pushed(place, "v1", build_image("app"))
    before = proxy.count("PUT")
    proxy.inject(Fault(at, Answer(503), 3))
    with pytest.raises(RegistryError, match="HTTP 503"):
        move_tag(place, "stable", expected=None, digest=digest)
    assert proxy.count("PUT") == before


# --- immutable tags -----------------------------------------------------------------------------------------


# What is known of how the registries put it.
IMMUTABLE = {
    "ecr": Answer(
        400, {}, refusal("TAG_INVALID", "The image tag 'v1' already exists and cannot be overwritten: it is immutable.")
    ),
    "ecr by name": Answer(400, {}, refusal("ImageTagAlreadyExistsException", "exists")),
    "harbor": Answer(412, {}, refusal("PRECONDITION", "Failed to process: 'app:v1' configured as immutable.")),
    "gitlab": Answer(400, {}, refusal("TAG_IMMUTABLE", "tag is protected")),
    "denied": Answer(403, {}, refusal("DENIED", "denied")),
    "conflict": Answer(409, {}, b"conflict"),
}


@dataclass(frozen=True)
class Immutable:
    """Refuses every write of a tag that is there, in one registry's words, in front of one that lets tags move."""

    upstream: RunningRegistry
    refusal: Answer

    def __call__(self, request: Seen) -> Answer | None:
        repository, found, reference = request.path.removeprefix("/v2/").partition("/manifests/")
        if request.method != "PUT" or not found or reference.startswith("sha256:"):
            return None
        with repository_of(self.upstream.access("r"), repository) as place:
            return None if held(place, [reference]) == [None] else self.refusal


@pytest.mark.parametrize("registry", list(IMMUTABLE))
def test_an_immutable_tag_is_done_or_taken(open_registry: RunningRegistry, repository: str, registry: str) -> None:
    gate = Immutable(open_registry, IMMUTABLE[registry])
    with start_proxy(open_registry, gate=gate) as proxy, repository_of(proxy.access("r"), repository) as place:
        first, second = (pushed(place, f"v{n}", build_image(f"app {n}")) for n in range(2))
        assert add_tags(place, first, ["a", "b"]) == (Tagged("a", first), Tagged("b", first))
        assert add_tags(place, first, ["a", "c"]) == (AlreadyTagged("a", first), Tagged("c", first))
        with pytest.raises(TagTakenError, match=f"{repository}:a is taken: it holds {first}, and {second}"):
            add_tags(place, second, ["a"])
        with pytest.raises(RegistryError, match=r"does not let|do not allow|HTTP 409") as caught:
            move_tag(place, "a", expected=first, digest=second)
        assert not isinstance(caught.value, TagTakenError)
        assert held(place, ["a", "b", "c"]) == [first] * 3


def test_a_tag_that_goes_away_while_it_is_moved_is_an_error(open_registry: RunningRegistry, repository: str) -> None:
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), repository) as place:
        first, second = (pushed(place, f"v{n}", build_image(f"app {n}")) for n in range(2))
        pushed(place, "stable", build_image("app 0"))
        proxy.inject(Fault("^PUT", Answer(503)))
        # The read before the write sees it, the one after the failure does not.
        proxy.inject(Fault("^HEAD", Delay(0)), Fault("^HEAD", Answer(404, {"Docker-Distribution-Api-Version": "x"})))
        with pytest.raises(RegistryError, match="HTTP 503"):
            move_tag(place, "stable", expected=first, digest=second)
        assert held(place, ["stable"]) == [first]


# --- mounts --------------------------------------------------------------------------------------------------


def uploads(proxy: FaultProxy) -> list[str]:
    """What was asked for around blobs."""
    asked = [seen for seen in proxy.seen if seen.method in {"POST", "DELETE"}]
    return [f"{seen.method}{' mount' if 'mount=' in seen.path else ''}" for seen in asked]


@pytest.fixture
def neighbours(
    open_registry: RunningRegistry, repository: str
) -> Iterator[tuple[FaultProxy, ImageRepository, ImageRepository, Digest]]:
    """Two repositories of one registry, and a blob that the first has."""
    with start_proxy(open_registry) as proxy, repository_of(proxy.access("r"), f"to/{repository}") as place:
        source = ImageRepository(place.registry, f"from/{repository}")
        image = build_image("app")
        with repository_of(open_registry.access("r"), source.path) as directly:
            pushed(directly, "v1", image)
        yield proxy, place, source, digest_of(image.blobs[0])


def has(place: ImageRepository, blob: Digest) -> bool:
    return place.registry.blob(place.path, blob, limit=100_000) is not None


def test_a_blob_is_mounted_without_being_sent(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest],
) -> None:
    proxy, place, source, blob = neighbours
    assert place.registry.mount(place.path, blob, source.path)
    assert has(place, blob)
    assert uploads(proxy) == ["POST mount"]


@pytest.mark.parametrize("missing", ["blob", "repository"])
def test_what_cannot_be_mounted_leaves_no_upload(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], missing: str
) -> None:
    proxy, place, source, blob = neighbours
    wanted = build_image("nowhere").digest if missing == "blob" else blob
    origin = "no-such/repository" if missing == "repository" else source.path
    assert not place.registry.mount(place.path, wanted, origin)
    assert uploads(proxy) == ["POST mount", "DELETE"]
    assert not has(place, wanted)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_source_that_may_not_be_read_is_no_error(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], status: int
) -> None:
    proxy, place, source, blob = neighbours
    proxy.inject(Fault("mount=", Answer(status)))
    assert not place.registry.mount(place.path, blob, source.path)
    assert uploads(proxy) == ["POST mount", "POST", "DELETE"]


@pytest.mark.parametrize(
    ("status", "words"), [(401, "HTTP 401"), (403, "do not allow writing"), (404, "no such repository to write to")]
)
def test_a_destination_that_may_not_be_written_is_an_error(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], status: int, words: str
) -> None:
    proxy, place, source, blob = neighbours
    proxy.inject(Fault("^POST", Answer(status), 9))
    with pytest.raises(RegistryError, match=words):
        place.registry.mount(place.path, blob, source.path)


@pytest.mark.parametrize("kind", [Answer(500), Answer(429), CutBefore(), CutAfter()], ids=str)
def test_a_mount_is_tried_again_and_fails_in_the_end(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], kind: Kind
) -> None:
    proxy, place, source, blob = neighbours
    proxy.inject(Fault("^POST", kind, 2))
    assert place.registry.mount(place.path, blob, source.path)
    proxy.inject(Fault("^POST", kind, 99))
    with pytest.raises(RegistryError, match="registry r: "):
        place.registry.mount(place.path, blob, source.path)


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.invalid/v2/x/blobs/uploads/1",
        "/v2/other/manifests/v1",
        "/v2/other/manifests/v1?x=/blobs/uploads/1",
        "https://[",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_upload_is_cancelled_at_the_registry_alone(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], location: str
) -> None:
    proxy, place, source, blob = neighbours
    proxy.inject(Fault("^POST", Answer(202, {"Location": location})))
    assert not place.registry.mount(place.path, blob, source.path)
    assert proxy.count("DELETE") == 0


@pytest.mark.parametrize("kind", [Answer(404), Answer(405), Answer(500), Answer(403), CutBefore()], ids=str)
def test_an_upload_that_cannot_be_cancelled_is_left(
    neighbours: tuple[FaultProxy, ImageRepository, ImageRepository, Digest], kind: Kind
) -> None:
    proxy, place, _, blob = neighbours
    proxy.inject(Fault("^DELETE", kind, 9))
    assert not place.registry.mount(place.path, blob, "no-such/repository")
    assert proxy.count("^DELETE") == 1
