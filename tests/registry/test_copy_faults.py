"""Registries that fail, hang or are configured wrongly: a copy goes on from there, or ends in an error and no tag."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.oci import build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.registry.access import Login
from bot.registry.client import ImageRepository
from bot.registry.copying import Copied, Copier, Patience
from tests.proxy import ALWAYS, Answer, CutAfter, CutBefore, CutMidway, Delay, Fault, FaultProxy, Kind, start_proxy
from tests.registry.places import pushed, repository_of

PASSING: list[tuple[str, Kind, int]] = [
    ("^PUT .*manifests/v1", Answer(503), 2),
    ("^PATCH", Answer(500), 1),
    ("^PATCH", CutBefore(), 1),
    ("^POST", CutAfter(), 1),
    ("^PUT .*manifests/v1", CutBefore(), 1),
]


@pytest.mark.parametrize(("match", "kind", "times"), PASSING)
def test_what_may_pass_is_tried_again(
    source: ImageRepository,
    quiet: tuple[FaultProxy, ImageRepository],
    copier: Copier,
    match: str,
    kind: Kind,
    times: int,
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault(match, kind, times))
    assert copier.copy(source, digest, destination, "v1") == Copied(digest)
    assert destination.registry.digest(destination.path, "v1") == digest
    assert not any(fault.times for fault in proxy.faults)


def test_a_destination_that_tells_nothing_after_a_failure_is_asked_again(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault("^PATCH", Answer(500), 1))
    proxy.inject(Fault("^HEAD .*manifests/sha256", Answer(503), 3))
    assert copier.copy(source, digest, destination, "v1") == Copied(digest)
    assert not any(fault.times for fault in proxy.faults)


def test_a_destination_that_tells_nothing_in_the_end_is_no_reason(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault("^PATCH", Answer(403), ALWAYS))
    proxy.inject(Fault("^HEAD .*manifests/sha256", Answer(503), ALWAYS))
    with pytest.raises(RegistryError, match="403"):
        copier.copy(source, digest, destination, "v1")
    assert destination.registry.digest(destination.path, "v1") is None


def test_a_failure_after_the_work_was_done_is_none(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault("^PUT .*manifests/v1", CutAfter(), 9))
    assert copier.copy(source, digest, destination, "v1") == Copied(digest)
    assert proxy.count("^PUT .*manifests/v1") == 1


def test_a_blob_cut_midway_at_the_source_is_tried_again(
    e2e_registry: RunningRegistry, destination: ImageRepository, copier: Copier, repository: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("e2e"), repository) as source:
        image = build_image("app", size=100_000)
        digest = pushed(source, "v1", image)
        layer = hashlib.sha256(image.blobs[1]).hexdigest()
        proxy.inject(Fault(f"^GET .*{layer}", CutMidway()))
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        assert proxy.count(f"^GET .*{layer}") == 2


def test_a_refused_index_is_an_error_and_no_tag(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_index("app"))
    proxy.inject(Fault("^PUT .*manifests/v1", Answer(403), 99))
    with pytest.raises(RegistryError, match="do not allow writing"):
        copier.copy(source, digest, destination, "v1")
    assert destination.registry.digest(destination.path, "v1") is None


@pytest.mark.parametrize(
    ("match", "kind", "message"),
    [
        ("^PUT .*manifests/v1", Answer(503), "HTTP 503.*run again when"),
        ("^PUT .*manifests/sha256", Answer(503), "status: 503.*destination registry is well"),
        (
            "^PUT .*manifests/v1",
            Answer(403, {}, b'{"errors":[{"code":"DENIED","message":"no"}]}'),
            "not allow writing.*: no",
        ),
        ("^PATCH", CutBefore(), "run again when"),
    ],
)
def test_what_does_not_pass_is_an_error_and_no_tag(
    source: ImageRepository,
    quiet: tuple[FaultProxy, ImageRepository],
    copier: Copier,
    match: str,
    kind: Kind,
    message: str,
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault(match, kind, 99))
    with pytest.raises(RegistryError) as caught:
        copier.copy(source, digest, destination, "v1")
    assert re.search(message, str(caught.value))
    assert f"{destination.path}:v1" in caught.value.message
    assert destination.registry.digest(destination.path, "v1") is None


def test_a_digest_that_the_source_has_not_is_not_tried_again(
    e2e_registry: RunningRegistry, destination: ImageRepository, copier: Copier, repository: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("e2e"), repository) as source:
        with pytest.raises(RegistryError, match="no longer has this digest"):
            copier.copy(source, build_image("never pushed").digest, destination, "v1")
        assert proxy.count("^GET .*manifests") == 1


def test_a_registry_that_hangs_ends_in_an_error(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault("^(POST|PATCH)", Delay(3), 99))
    with pytest.raises(RegistryError, match="context deadline exceeded"):
        Copier(cache, Patience(total=0.3), sleep=lambda _: None).copy(source, digest, destination, "v1")


def test_a_source_that_is_configured_wrongly(
    e2e_registry: RunningRegistry, destination: ImageRepository, copier: Copier
) -> None:
    access = e2e_registry.access("e2e")
    wrong = {
        "does not accept the credentials.*check `auth` of registry e2e": replace(
            access, login=Login("e2e-robot", "wrong-password")
        ),
        "does not speak https.*plain_http: true` of registry e2e": replace(access, plain_http=False),
        "cannot be resolved.*DNS": replace(access, endpoint="registry.invalid"),
        "the connection was refused.*that the registry runs": replace(access, endpoint="127.0.0.1:1"),
    }
    for message, source_access in wrong.items():
        with repository_of(source_access, "app") as source, pytest.raises(RegistryError) as caught:
            copier.copy(source, build_image("app").digest, destination, "v1")
        assert re.search(message, str(caught.value))
        assert "wrong-password" not in str(caught.value)


def test_an_unknown_authority_at_the_source(
    prod_registry: RunningRegistry, destination: ImageRepository, copier: Copier
) -> None:
    access = replace(prod_registry.access("prod"), ca_file=None)
    with repository_of(access, "app") as source, pytest.raises(RegistryError, match=r"not trusted.*ca_file"):
        copier.copy(source, build_image("app").digest, destination, "v1")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "says that it pushed nothing"),
        (
            'while [ "$1" != --digestfile ]; do shift; done; printf %s DIGEST > "$2"',
            "though skopeo said that it is there",
        ),
        ("kill -9 $$", "ended by signal 9"),
    ],
)
def test_what_skopeo_says_is_not_enough(
    source: ImageRepository,
    destination: ImageRepository,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    message: str,
) -> None:
    digest = pushed(source, "v1", build_image("app"))
    program = cache / "skopeo"
    cache.mkdir()
    program.write_text(f"#!/bin/sh\n{script.replace('DIGEST', str(digest))}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{cache}:{os.environ['PATH']}")
    with pytest.raises(RegistryError, match=message):
        Copier(cache, sleep=lambda _: None).copy(source, digest, destination, "v1")
    assert destination.registry.digest(destination.path, "v1") is None


@pytest.mark.parametrize("location", ["http://192.0.2.7/v2/x/blobs/uploads/1", "https://elsewhere.example/upload"])
def test_uploads_that_would_take_the_login_elsewhere_are_not_begun(
    source: ImageRepository, e2e_registry: RunningRegistry, copier: Copier, repository: str, location: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("shady"), f"to/{repository}") as destination:
        digest = pushed(source, "v1", build_image("app"))
        proxy.inject(Fault("^POST", Answer(202, {"Location": location}), ALWAYS))
        with pytest.raises(RegistryError, match="it wants uploads sent to http") as caught:
            copier.copy(source, digest, destination, "v1")
        assert "X-Forwarded-Proto" in caught.value.hint
        assert proxy.count("^POST") == 1
        assert proxy.count("^(PATCH|PUT|DELETE)") == 0


def test_where_uploads_go_is_looked_at_once_in_a_run(
    source: ImageRepository, e2e_registry: RunningRegistry, copier: Copier, repository: str
) -> None:
    with start_proxy(e2e_registry) as proxy, repository_of(proxy.access("staging"), f"to/{repository}") as destination:
        for name in ("one", "two"):
            digest = pushed(source, name, build_image(name))
            assert copier.copy(source, digest, destination, name) == Copied(digest)
        assert proxy.count("^DELETE .*/blobs/uploads/") == 1
