"""A copy tells how far it is, gives up in time, needs a skopeo that will do, and keeps the registries' pace."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bot.demo.oci import build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.errors import BotError, RegistryError
from bot.images import Digest
from bot.network.pace import Pace
from bot.network.retry import ATTEMPTS
from bot.process import ProgramMissingError
from bot.registry.client import ImageRepository, RegistryClient
from bot.registry.copying.copier import SKOPEOS, AlreadyThere, Copied, Copier, Patience
from bot.registry.copying.progress import Progress, progress_of
from bot.registry.copying.skopeo import SkopeoTooOldError
from bot.registry.errors import TagTakenError
from bot.registry.manifest import Descriptor
from tests.proxy import Answer, Delay, Fault, FaultProxy, Pause, Seen, start_proxy
from tests.registry.places import index_of, pushed, repository_of

LAYERS = tuple(Descriptor("layer", build_image(seed).digest, 1000) for seed in "ab")
DIGESTS = tuple(layer.digest for layer in LAYERS)
# What skopeo 1.9.3 writes to a pipe.
SAID = b"Getting image source signatures\nCopying blob %s\nCopying config sha256:00\nWriting manifest\n"


def test_progress_is_read_from_what_skopeo_says_and_writes() -> None:
    assert progress_of(b"", 0, LAYERS, DIGESTS) == Progress(0, 2000, 0, 2)
    assert progress_of(SAID % LAYERS[0].digest.text.encode(), 700, LAYERS, DIGESTS) == Progress(700, 2000, 1, 2)
    said = b"".join(SAID % layer.digest.text.encode() for layer in (*LAYERS, *LAYERS))
    assert progress_of(said + SAID % b"sha256:another", 2345, LAYERS, DIGESTS) == Progress(2000, 2000, 2, 2)
    assert progress_of(b"", 0, LAYERS, DIGESTS[:1]) == Progress(0, 2000, 0, 1)
    assert progress_of(b"Copying blob \nCopying blo", None, LAYERS, DIGESTS) == Progress(0, 2000, 0, 2)


def test_progress_is_told_while_bytes_cross_and_never_after(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], copier: Copier
) -> None:
    proxy, destination = quiet
    image = build_image("app", size=3_000_000, layers=3)
    digest = pushed(source, "v1", image)
    proxy.inject(Fault("^PATCH", Delay(0.7), 99))
    told: list[Progress] = []
    assert copier.copy(source, digest, destination, "v1", watch=told.append) == Copied(digest)
    assert told
    count = len(told)
    total = sum(map(len, image.blobs))
    assert {(progress.total_bytes, progress.total_layers) for progress in told} == {(total, 3)}
    assert [progress.bytes for progress in told] == sorted(progress.bytes for progress in told)
    assert told[-1].layers == 3
    assert 0 < told[-1].bytes <= total
    assert copier.copy(source, digest, destination, "v1", watch=told.append) == AlreadyThere(digest)
    assert len(told) == count


def test_a_copy_without_progress_is_ended_and_tried_again(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], skopeo: None, cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image("app"))
    proxy.inject(Fault("^PATCH", Pause(), 99))
    with pytest.raises(RegistryError, match=r"no progress: not a byte moved for 0\.5"):
        Copier(cache, Patience(idle=0.5), sleep=lambda _: None).copy(source, digest, destination, "v1")
    assert destination.registry.digest(destination.path, "v1") is None
    assert proxy.count("^PATCH") >= ATTEMPTS
    with proxy.lock:
        proxy.faults.clear()
    assert Copier(cache).copy(source, digest, destination, "v1") == Copied(digest)


def test_limits_grow_with_what_is_copied() -> None:
    patience = Patience(total=600, slowest=100_000, idle=60)
    small, large = patience.limits(()), patience.limits((*LAYERS, Descriptor("l", LAYERS[0].digest, 5_000_000_000)))
    assert (small.total, small.idle) == (600, 60)
    assert (round(large.total), large.idle) == (50_600, 160)


def test_limits_do_not_grow_with_what_a_source_makes_up() -> None:
    limits = Patience().limits((Descriptor("l", LAYERS[0].digest, 2**63 - 1),))
    assert limits.total <= 100_000
    assert limits.idle <= 3600


# --- which skopeo --------------------------------------------------------------------------------------


def fake_skopeo(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    program = folder / "skopeo"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_without_skopeo_one_line_says_what_to_do(
    source: ImageRepository, destination: ImageRepository, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = pushed(source, "v1", build_image("app"))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ProgramMissingError, match=r"^skopeo is not installed \(install it, on Debian: apt-get install"):
        Copier(cache).copy(source, digest, destination, "v1")


@pytest.mark.parametrize("version", ["1.4.1", "0.1.40", "1.8.0-dev commit: 0f00"])
def test_a_skopeo_that_is_too_old_is_refused_with_its_version(
    source: ImageRepository, destination: ImageRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    digest = pushed(source, "v1", build_image("app"))
    fake_skopeo(tmp_path / "bin", monkeypatch, f"echo skopeo version {version}; touch {tmp_path}/$1")
    with pytest.raises(SkopeoTooOldError, match=r"too old: promobot needs 1\.9 or newer \(install"):
        Copier(tmp_path / "cache").copy(source, digest, destination, "v1")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("said", ["skopeo version 1.18.0", "skopeo version 2.0", "my own build", ""])
def test_any_other_version_is_let_try_and_asked_for_once(
    source: ImageRepository, destination: ImageRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    digests = [pushed(source, f"v{number}", build_image(f"app {number}")) for number in range(2)]
    fake_skopeo(tmp_path / "bin", monkeypatch, f'echo "$1" >> {tmp_path}/asked; echo "{said}"')
    copier = Copier(tmp_path / "cache")
    for digest in digests:
        with pytest.raises(RegistryError, match="says that it pushed nothing"):
            copier.copy(source, digest, destination, "v1")
    assert (tmp_path / "asked").read_text().split() == ["--version", "--command-timeout", "--command-timeout"]


# --- pace ----------------------------------------------------------------------------------------------


def test_a_rate_limit_that_skopeo_met_holds_for_everybody(
    source: ImageRepository, open_registry: RunningRegistry, copier: Copier, repository: str
) -> None:
    slept: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    with start_proxy(open_registry) as proxy:
        pace = Pace(4, clock=lambda: clock[0], sleep=sleep)
        client = RegistryClient(proxy.access("prod"), pace=pace)
        destination = ImageRepository(client, f"prod/{repository}")
        digest = pushed(source, "v1", build_image(f"app of {repository}"))
        body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'
        limit = Answer(429, {"Content-Type": "application/json", "Retry-After": "0"}, body)
        # 1.9.3 and 1.18 try a request five times before they tell.
        proxy.inject(Fault("^POST", limit, 5))
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)
        client.close()
    assert slept == [30.0]


def test_no_more_skopeos_at_once_than_are_good_for_anything(
    source: ImageRepository, destination: ImageRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [pushed(source, f"v{number}", build_image(f"app {number}")) for number in range(SKOPEOS + 4)]
    # Each notes how many there are while it runs.
    script = f"""
        test "$1" = --version && exit
        cd {tmp_path}; touch running.$$; ls | grep -c running >> counts; sleep 0.5; rm running.$$
    """
    fake_skopeo(tmp_path / "bin", monkeypatch, script)
    copier = Copier(tmp_path / "cache")

    def copy(number: int) -> None:
        with pytest.raises(RegistryError, match="pushed nothing"):
            copier.copy(source, digests[number], destination, f"v{number}")

    threads = [threading.Thread(target=copy, args=(number,)) for number in range(len(digests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [int(count) for count in (tmp_path / "counts").read_text().split()]
    assert len(counts) == len(digests)
    assert 1 < max(counts) <= SKOPEOS


# --- the tag -------------------------------------------------------------------------------------------


def test_a_tag_that_is_taken_while_bytes_cross_is_left_alone(
    source: ImageRepository, open_registry: RunningRegistry, copier: Copier, repository: str
) -> None:
    digest = pushed(source, "v1", build_index("new"))
    others: list[Digest] = []

    def gate(request: Seen) -> Answer | None:
        if request.method == "PATCH" and not others:
            others.append(pushed(behind, "v1", build_image("other")))
        return None

    with (
        start_proxy(open_registry, gate=gate) as proxy,
        repository_of(open_registry.access("prod"), f"prod/{repository}") as behind,
        repository_of(proxy.access("prod"), f"prod/{repository}") as destination,
    ):
        with pytest.raises(TagTakenError):
            copier.copy(source, digest, destination, "v1")
        assert [destination.registry.digest(destination.path, "v1")] == others
        assert proxy.count("^PUT .*manifests/v1") == 0


def test_an_index_that_an_old_skopeo_cannot_keep_is_copied_all_the_same(
    source: ImageRepository, destination: ImageRepository, copier: Copier
) -> None:
    index = index_of(build_image("app"), artifactType="application/vnd.x")
    digest = pushed(source, "v1", index)
    assert copier.copy(source, digest, destination, "v1") == Copied(digest)
    found = destination.registry.manifest(destination.path, "v1")
    assert found is not None
    assert found.body == index.manifest


def test_what_cannot_be_copied_is_refused_before_anything_is_started(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", index_of(build_index("inner")))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BotError, match="index that holds another index"):
        Copier(tmp_path).copy(source, digest, destination, "v1")
    assert proxy.count("^(PUT|POST|PATCH)") == 0
