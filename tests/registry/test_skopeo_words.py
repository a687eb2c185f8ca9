"""What skopeo says of registries that refuse or fail, and what we make of it: every row from a real skopeo."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo.oci import Image, build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.process import Limits
from bot.registry.client import ImageRepository
from bot.registry.copying.diagnosis import Diagnosis
from bot.registry.copying.skopeo import Skopeo
from tests.proxy import Answer, CutBefore, CutMidway, Fault, FaultProxy, Kind, start_proxy
from tests.registry.places import index_of, pushed, repository_of


def says(status: int, code: str, message: str, **headers: str) -> Answer:
    """A registry's answer as the specification has it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status, {"Content-Type": "application/json", **headers}, body)


NOW = {"Retry-After": "0"}  # so that skopeo, which tries this by itself, is done at once
HARBOR_QUOTA = (
    "adding 10 MiB of storage resource, which when updated … will exceed the configured upper limit of 5 GiB."
)
HARBOR_READ_ONLY = "The system is in read only mode. Any modification is prohibited."
ECR_ABSENT = "The repository with name 'team/app' does not exist in the registry with id '111111111111'"
ECR_TAKEN = (
    "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because it is immutable."
)
ECR_EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


@dataclass(frozen=True)
class Case:
    """What is done to the requests that match, and what shall come of it."""

    match: str
    kind: Kind
    hint: str
    may_pass: bool = False

    def __str__(self) -> str:
        return f"{self.match} {self.hint}"


AT_SOURCE: list[Case] = [
    Case("^GET .*manifests", says(404, "MANIFEST_UNKNOWN", "manifest unknown"), "no longer has this digest"),
    Case("^GET .*manifests", says(404, "NAME_UNKNOWN", "repository name not known"), "no longer has this digest"),
    Case("^GET .*manifests", says(404, "NAME_UNKNOWN", ECR_ABSENT), "no longer has this digest"),
    Case("^GET .*manifests", Answer(404), "no longer has this digest"),
    Case("^GET .*blobs", says(404, "BLOB_UNKNOWN", "blob unknown to registry"), "no longer has this digest"),
    Case("^GET .*blobs", Answer(404), "no longer has this digest"),
    Case("^GET .*manifests", says(401, "UNAUTHORIZED", "authentication required"), "credentials of the source"),
    Case("^GET .*manifests", says(403, "DENIED", "access denied"), "may not read"),
    Case("^GET .*manifests", Answer(403, {}, b"<html>"), "may not read"),
    Case("^GET .*manifests", says(429, "TOOMANYREQUESTS", "slow down", **NOW), "rate of requests", may_pass=True),
    Case("^GET .*blobs", says(429, "TOOMANYREQUESTS", "slow down", **NOW), "rate of requests", may_pass=True),
    Case("^GET .*manifests", Answer(503), "source registry is well", may_pass=True),
    Case("^GET .*blobs", Answer(503), "source registry is well", may_pass=True),
    Case("^GET .*blobs", CutMidway(), "source registry is well", may_pass=True),
    Case("^GET .*blobs", Answer(307, {"Location": "/v2/x/blobs/y"}), "redirects in a circle"),
]
AT_DESTINATION: list[Case] = [
    Case("^POST", says(401, "UNAUTHORIZED", "authentication required"), "credentials of the destination"),
    Case("^POST", says(403, "DENIED", ECR_EXPIRED), "credentials of the destination"),
    Case("^POST", says(403, "DENIED", "requested access to the resource is denied"), "not write to the"),
    Case("^POST", Answer(403), "not write to the"),
    Case("^POST", says(403, "DENIED", HARBOR_READ_ONLY), "read-only"),
    Case("^POST", says(405, "UNSUPPORTED", "The operation is unsupported."), "read-only"),
    Case("^POST", says(404, "NAME_UNKNOWN", ECR_ABSENT), "create it"),
    Case("^POST", says(429, "TOOMANYREQUESTS", "slow down", **NOW), "rate of requests", may_pass=True),
    Case("^POST", Answer(503), "destination registry is well", may_pass=True),
    Case("^PUT .*blobs", says(412, "PRECONDITION", HARBOR_QUOTA), "quota"),
    Case("^PUT .*blobs", says(403, "DENIED", "Quota exceeded when processing the request"), "quota"),
    Case("^PATCH", Answer(507), "disk is full"),
    Case("^PATCH", says(500, "UNKNOWN", "unknown error"), "has room on its disk", may_pass=True),
    Case("^PATCH", says(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"), "lost track", may_pass=True),
    Case("^PATCH", says(400, "BLOB_UPLOAD_INVALID", "blob upload invalid"), "lost track", may_pass=True),
    Case("^PATCH", Answer(416), "lost track", may_pass=True),
    Case("^PATCH", Answer(413, {}, b"<html>too large"), "limits the size"),
    Case("^PATCH", CutBefore(), "destination registry is well", may_pass=True),
    Case("^HEAD", Answer(502), "destination registry is well", may_pass=True),
    Case("^PUT .*manifests", Answer(429, NOW), "rate of requests", may_pass=True),
    Case("^PUT .*manifests", Answer(504), "destination registry is well", may_pass=True),
    Case("^PUT .*manifests", says(400, "TAG_INVALID", ECR_TAKEN), "cannot be changed"),
    Case("^PUT .*manifests", says(400, "MANIFEST_INVALID", "manifest invalid"), "manifests of this type"),
    Case(
        "^PUT .*manifests", says(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"), "lost track", may_pass=True
    ),
]


def run(cache: Path, source: ImageRepository, image: Image, destination: ImageRepository) -> Diagnosis | None:
    limits = Limits(total=60, idle=30)
    return Skopeo(cache).copy(source, image.digest, destination, limits=limits, look=lambda _: None)


def check(diagnosis: Diagnosis | None, side: str, case: Case) -> None:
    assert diagnosis is not None
    assert case.hint in diagnosis.hint, diagnosis.reason
    assert (diagnosis.side, diagnosis.may_pass) == (side, case.may_pass), diagnosis.reason
    assert diagnosis.rate_limited == ("rate of requests" in case.hint)


@pytest.mark.parametrize("case", AT_SOURCE, ids=str)
def test_of_the_source(
    skopeo: None,
    cache: Path,
    open_registry: RunningRegistry,
    repository: str,
    case: Case,
) -> None:
    image = build_image("app", size=100_000)
    with (
        start_proxy(open_registry) as proxy,
        repository_of(proxy.access("e2e"), repository) as source,
        repository_of(open_registry.access("prod"), f"prod/{repository}") as destination,
    ):
        pushed(source, "v1", image)
        proxy.inject(Fault(case.match, case.kind, 99))
        check(run(cache, source, image, destination), "source", case)


@pytest.mark.parametrize("case", AT_DESTINATION, ids=str)
def test_of_the_destination(
    skopeo: None,
    cache: Path,
    source: ImageRepository,
    quiet: tuple[FaultProxy, ImageRepository],
    case: Case,
) -> None:
    proxy, destination = quiet
    # Another image each time: skopeo, where it remembers that a blob is elsewhere at this endpoint, has it mounted.
    image = build_image(f"app of {source.path}")
    pushed(source, "v1", image)
    proxy.inject(Fault(case.match, case.kind, 99))
    check(run(cache, source, image, destination), "destination", case)


def test_of_an_index_of_indexes(
    skopeo: None, cache: Path, source: ImageRepository, destination: ImageRepository
) -> None:
    image = index_of(build_index("inner"))
    pushed(source, "v1", image)
    diagnosis = run(cache, source, image, destination)
    assert diagnosis is not None
    assert "flat one" in diagnosis.hint


def test_of_an_index_that_it_cannot_keep(
    skopeo: None, cache: Path, source: ImageRepository, destination: ImageRepository
) -> None:
    image = index_of(build_image("app"), artifactType="application/vnd.example")
    pushed(source, "v1", image)
    diagnosis = run(cache, source, image, destination)
    # A newer one can; an older one has brought the image by then, which is enough for us.
    assert diagnosis is None or "a newer one can" in diagnosis.hint
    assert destination.registry.digest(destination.path, str(image.children[0].digest)) == image.children[0].digest
