"""What is told about an image: by the API, else by the tag that stands for it; an error is never "nothing"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from bot.demo.oci import INDEX, MANIFEST, Image, build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.client import ImageRepository
from bot.registry.manifest import Descriptor
from tests.proxy import Answer, CutBefore, Fault, FaultProxy, Kind, Replaced, Seen, start_proxy
from tests.registry.places import pushed, repository_of

SIGNATURE, SBOM = "application/vnd.example.signature", "application/vnd.example.sbom"


def referrer(subject: Digest, artifact_type: str, seed: str = "") -> Image:
    """An artifact about an image, as the OCI image specification 1.1 has it."""
    made = build_image(f"{artifact_type} of {subject} {seed}")
    about = {"mediaType": MANIFEST, "digest": str(subject), "size": 1}
    content = json.loads(made.manifest) | {"subject": about, "artifactType": artifact_type}
    return replace(made, manifest=json.dumps(content).encode())


def described(image: Image, artifact_type: str) -> dict[str, Any]:
    return {
        "mediaType": image.media_type,
        "digest": str(image.digest),
        "size": len(image.manifest),
        "artifactType": artifact_type,
    }


def index_of(*entries: dict[str, Any]) -> Image:
    content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
    return Image(INDEX, json.dumps(content).encode())


def tag_of(subject: Digest) -> str:
    return subject.text.replace(":", "-")


@dataclass
class ReferrersApi:
    """The API of the specification in front of a registry that has none; it knows what was attached through it.

    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
    """

    page: int = 100
    attached: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def attach(self, place: ImageRepository, subject: Digest, artifact_type: str, seed: str = "") -> Image:
        """Push a referrer; with a subject in it, a registry with the API lists it from then on."""
        image = referrer(subject, artifact_type, seed)
        pushed(place, image.digest.text, image)
        self.attached.setdefault((place.path, str(subject)), []).append(described(image, artifact_type))
        return image

    def __call__(self, request: Seen) -> Answer | None:
        path, _, query = request.path.partition("?")
        repository, found, subject = path.removeprefix("/v2/").partition("/referrers/")
        if not found:
            return None
        try:
            Digest(subject)
        except ValueError:
            return Answer(400)
        entries = self.attached.get((repository, subject), [])
        start = int(parse_qs(query).get("from", ["0"])[0])
        headers = {"Content-Type": INDEX}
        if start + self.page < len(entries):
            headers["Link"] = f'<{path}?from={start + self.page}>; rel="next"'
        return Answer(200, headers, index_of(*entries[start : start + self.page]).manifest)


@pytest.fixture
def api() -> ReferrersApi:
    return ReferrersApi()


@pytest.fixture
def modern(
    open_registry: RunningRegistry, repository: str, api: ReferrersApi
) -> Iterator[tuple[FaultProxy, ImageRepository]]:
    """A repository at a registry that has the API."""
    with start_proxy(open_registry, gate=api) as proxy, repository_of(proxy.access("r"), repository) as place:
        yield proxy, place


def referrers(place: ImageRepository, subject: Digest) -> tuple[Descriptor, ...]:
    return place.registry.referrers(place.path, subject)


@pytest.mark.parametrize("page", [100, 2, 1])
def test_the_api_is_asked_page_by_page(
    modern: tuple[FaultProxy, ImageRepository], api: ReferrersApi, page: int
) -> None:
    proxy, place = modern
    api.page = page
    subject = pushed(place, "v1", build_image("app"))
    assert referrers(place, subject) == ()
    made = [api.attach(place, subject, kind, str(n)) for n, kind in enumerate([SIGNATURE, SBOM, SIGNATURE])]
    before = proxy.count("GET")
    found = referrers(place, subject)
    assert [entry.digest for entry in found] == [image.digest for image in made]
    assert [entry.artifact_type for entry in found] == [SIGNATURE, SBOM, SIGNATURE]
    assert proxy.count("GET") - before == -(-3 // page)
    assert proxy.count("manifests/sha256-") == 0


@pytest.mark.parametrize("place_name", ["source", "destination"])
def test_without_the_api_the_tag_stands_for_it(place_name: str, request: pytest.FixtureRequest) -> None:
    place: ImageRepository = request.getfixturevalue(place_name)
    subject = pushed(place, "v1", build_index("app"))
    assert referrers(place, subject) == ()
    made = [referrer(subject, kind) for kind in (SIGNATURE, SBOM)]
    for image in made:
        pushed(place, image.digest.text, image)
    entries = [described(image, kind) for image, kind in zip(made, (SIGNATURE, SBOM), strict=True)]
    pushed(place, tag_of(subject), index_of(*entries, entries[0]))
    found = referrers(place, subject)
    assert [(entry.digest, entry.artifact_type) for entry in found] == [
        (made[0].digest, SIGNATURE),
        (made[1].digest, SBOM),
    ]


def test_of_what_is_not_there_nothing_is_told(source: ImageRepository) -> None:
    assert referrers(source, build_image("never pushed").digest) == ()


def test_an_index_may_tell_about_an_image(modern: tuple[FaultProxy, ImageRepository], api: ReferrersApi) -> None:
    _, place = modern
    subject = pushed(place, "v1", build_image("app"))
    api.attached[place.path, str(subject)] = [described(build_index("told"), SBOM)]
    (found,) = referrers(place, subject)
    assert found.media_type == INDEX


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404),
        Answer(405),
        Answer(406),
        Answer(501),
        Answer(200, {"Content-Type": "text/html"}, b"<h1>Welcome"),
    ],
    ids=str,
)
def test_a_registry_without_the_api_may_say_so_in_many_ways(
    quiet: tuple[FaultProxy, ImageRepository], answer: Answer
) -> None:
    proxy, place = quiet
    subject = pushed(place, "v1", build_image("app"))
    image = referrer(subject, SBOM)
    pushed(place, image.digest.text, image)
    pushed(place, tag_of(subject), index_of(described(image, SBOM)))
    proxy.inject(Fault("/referrers/", answer))
    assert [entry.digest for entry in referrers(place, subject)] == [image.digest]
    assert proxy.count("/referrers/") == 1


@pytest.mark.parametrize("at", ["/referrers/", "manifests/sha256-"])
@pytest.mark.parametrize(
    "kind", [Answer(401), Answer(403), Answer(429), Answer(500), Answer(503), CutBefore(), Answer(400)], ids=str
)
def test_not_knowing_is_never_nothing(quiet: tuple[FaultProxy, ImageRepository], at: str, kind: Kind) -> None:
    proxy, place = quiet
    subject = pushed(place, "v1", build_image("app"))
    proxy.inject(Fault(at, kind, 99))
    with pytest.raises(RegistryError, match="registry staging: "):
        referrers(place, subject)


def test_not_found_by_something_else_than_a_registry_is_never_nothing(open_registry: RunningRegistry) -> None:
    with (
        start_proxy(open_registry, gate=lambda _: Answer(404)) as proxy,
        repository_of(proxy.access("r"), "app") as place,
        pytest.raises(RegistryError, match="does not answer like a registry"),
    ):
        referrers(place, build_image("app").digest)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (build_image("somebody's"), "no list of referrers, but of the type"),
        (Image(INDEX, b'{"schemaVersion": 2, "manifests": [{"digest": "sha256:0"}]}'), "lacks its type"),
        (Image(INDEX, b'{"schemaVersion": 2, "manifests": {}}'), "no manifests"),
        (Image(INDEX, b'{"schemaVersion": 2, "manifests": [], "layers": []}'), "an image and an index"),
    ],
    ids=["image", "descriptor", "shape", "both"],
)
def test_what_is_no_list_is_refused(quiet: tuple[FaultProxy, ImageRepository], image: Image, words: str) -> None:
    proxy, place = quiet
    subject = pushed(place, "v1", build_image("app"))
    for at in ("/referrers/", "manifests/sha256-"):
        if at == "/referrers/" and image.media_type != INDEX:
            continue
        proxy.inject(Fault(at, Answer(200, {"Content-Type": image.media_type}, image.manifest)))
        if at != "/referrers/":
            proxy.inject(Fault("/referrers/", Answer(404)))
        with pytest.raises(RegistryError, match=words):
            referrers(place, subject)


def test_a_changed_list_is_refused(quiet: tuple[FaultProxy, ImageRepository]) -> None:
    proxy, place = quiet
    subject = pushed(place, "v1", build_image("app"))
    pushed(place, tag_of(subject), index_of())
    proxy.inject(Fault("GET .*manifests/sha256-", Replaced()))
    with pytest.raises(RegistryError, match="do not trust it"):
        referrers(place, subject)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ('<http://elsewhere.invalid/v2/{path}?x=1>; rel="next"', "leads on to another address"),
        ('</v2/other/referrers/x?x=1>; rel="next"', "leads on to another address"),
        ('<https://[>; rel="next"', "leads on to another address"),
        ('<?x=1>; rel="next"', "nothing that was not on an earlier one"),
    ],
)
def test_pages_that_lead_nowhere_are_refused(
    modern: tuple[FaultProxy, ImageRepository], api: ReferrersApi, link: str, words: str
) -> None:
    proxy, place = modern
    subject = pushed(place, "v1", build_image("app"))
    image = api.attach(place, subject, SBOM)
    body = index_of(described(image, SBOM)).manifest
    path = f"{place.path}/referrers/{subject}"
    headers = {"Content-Type": INDEX, "Link": link.format(path=path)}
    proxy.inject(Fault("/referrers/", Answer(200, headers, body), 9))
    with pytest.raises(RegistryError, match=f"an endless list: .*{words}"):
        referrers(place, subject)
    assert proxy.count("/referrers/") <= 2


def test_more_than_anybody_has_are_refused(modern: tuple[FaultProxy, ImageRepository], api: ReferrersApi) -> None:
    proxy, place = modern
    subject = pushed(place, "v1", build_image("app"))
    entries = [
        {"mediaType": MANIFEST, "digest": f"sha256:{number:064x}", "size": 1, "artifactType": SBOM}
        for number in range(10_001)
    ]
    proxy.inject(Fault("/referrers/", Answer(200, {"Content-Type": INDEX}, index_of(*entries).manifest)))
    with pytest.raises(RegistryError, match="more than 10000 referrers"):
        referrers(place, subject)
