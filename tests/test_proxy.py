"""The proxy that the other tests break registries with: each fault is what it says, and nothing else is changed."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator

import pytest

from bot.demo.oci import MANIFEST, build_image, push
from bot.demo.registries import RunningRegistry
from tests.proxy import (
    ALWAYS,
    NOT_ITS_DIGEST,
    Answer,
    AnswerAfter,
    Corrupted,
    CutAfter,
    CutBefore,
    CutDuring,
    CutMidway,
    Drip,
    Fault,
    FaultProxy,
    Kind,
    Short,
    Silence,
    WrongDigest,
    start_proxy,
)

BODY = build_image("app").manifest
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def proxy(open_registry: RunningRegistry, repository: str) -> Iterator[FaultProxy]:
    push(open_registry.access("r"), repository, "v1", build_image("app"))
    with start_proxy(open_registry) as running:
        yield running


def ask(
    proxy: FaultProxy, method: str, path: str, body: bytes | None = None, *, timeout: float = 10
) -> tuple[int, str | None, bytes]:
    """Status, digest and body of an answer."""
    connection = http.client.HTTPConnection(proxy.host, timeout=timeout)
    try:
        connection.request(method, path, body, {"Accept": MANIFEST, "Content-Type": MANIFEST})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Docker-Content-Digest"), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WrongDigest(), (200, NOT_ITS_DIGEST, BODY)),
        (Short(), (200, DIGEST, BODY[: len(BODY) // 2])),
        (Drip(0), (200, DIGEST, BODY)),
        (Answer(503, {}, b"later"), (503, None, b"later")),
    ],
    ids=str,
)
def test_an_answer_is_changed_as_told_and_only_as_often(
    proxy: FaultProxy, repository: str, kind: Kind, expected: tuple[int, str | None, bytes]
) -> None:
    path = f"/v2/{repository}/manifests/v1"
    proxy.inject(Fault("^GET", kind))
    assert ask(proxy, "GET", path) == expected
    assert ask(proxy, "GET", path) == (200, DIGEST, BODY)
    assert proxy.count() == 2


def test_one_byte_is_corrupted(proxy: FaultProxy, repository: str) -> None:
    proxy.inject(Fault("^GET", Corrupted()))
    _, _, body = ask(proxy, "GET", f"/v2/{repository}/manifests/v1")
    assert len(body) == len(BODY)
    assert sum(got != right for got, right in zip(body, BODY, strict=True)) == 1


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        (CutBefore(), False),
        (CutAfter(), True),
        (CutDuring(), False),
        (Silence(0), False),
        (Silence(0, passed=True), True),
    ],
    ids=str,
)
def test_a_write_that_gets_no_answer(proxy: FaultProxy, repository: str, kind: Kind, *, arrives: bool) -> None:
    proxy.inject(Fault("^PUT", kind))
    path = f"/v2/{repository}/manifests/v2"
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(proxy, "PUT", path, BODY)
    assert ask(proxy, "HEAD", path)[0] == (200 if arrives else 404)


def test_an_answer_is_lost_to_a_gateway(proxy: FaultProxy, repository: str) -> None:
    proxy.inject(Fault("^PUT", AnswerAfter(504, {}, b"slow"), skip=1))
    path = f"/v2/{repository}/manifests/"
    statuses = [ask(proxy, "PUT", f"{path}{tag}", BODY)[0] for tag in ("v2", "v3", "v4")]
    assert statuses == [201, 504, 201]
    assert ask(proxy, "HEAD", f"{path}v3")[0] == 200


def test_an_answer_cut_midway_is_seen_as_incomplete(proxy: FaultProxy, repository: str) -> None:
    proxy.inject(Fault("^GET", CutMidway()))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(proxy, "GET", f"/v2/{repository}/manifests/v1")
    assert caught.value.partial == BODY[: len(BODY) // 2]


def test_silence_lasts_until_the_release(proxy: FaultProxy, repository: str) -> None:
    proxy.inject(Fault("", Silence(), ALWAYS))
    with pytest.raises(TimeoutError):
        ask(proxy, "GET", f"/v2/{repository}/manifests/v1", timeout=0.1)
    proxy.heal()
    assert ask(proxy, "GET", f"/v2/{repository}/manifests/v1")[0] == 200


def test_bodies_of_any_size_pass_both_ways(proxy: FaultProxy, repository: str) -> None:
    image = build_image("large", size=5_000_000)
    push(proxy.access("r"), repository, "large", image)
    digest = f"sha256:{hashlib.sha256(image.blobs[1]).hexdigest()}"
    assert ask(proxy, "GET", f"/v2/{repository}/blobs/{digest}")[2] == image.blobs[1]
