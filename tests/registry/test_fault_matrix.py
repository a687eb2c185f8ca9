"""Every kind of request of a copy and of a tag write, broken in every way: the right digest or a clear error.

Never is a wrong digest at a tag, and what failed is completed by doing it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo.oci import build_image, build_index
from bot.demo.registries import RunningRegistry
from bot.images import Digest
from bot.registry.tagging import add_tags, move_tag
from tests.proxy import (
    ALWAYS,
    Answer,
    Corrupted,
    CutAfter,
    CutBefore,
    CutDuring,
    CutMidway,
    Kind,
    Short,
    Silence,
    WrongDigest,
)
from tests.registry.copies import copier_of
from tests.registry.matrix import TAG, Limits, Request, Site, Work, World, outcome, world_of
from tests.registry.places import pushed

PATIENT = Limits()
# Enough for what is not held in silence, on a machine that has other things to do too.
SHORT = Limits(answer=0.5, copy=3.0)
FAULTS: dict[str, Kind] = {
    "500": Answer(500),
    "503": Answer(503),
    "429": Answer(429),
    "429 with Retry-After": Answer(429, {"Retry-After": "1"}),
    "cut before": CutBefore(),
    "cut during": CutDuring(),
    "cut after": CutAfter(),
    "silence": Silence(),
    "silence after": Silence(passed=True),
    "wrong digest": WrongDigest(),
    "cut midway": CutMidway(),
    "short": Short(),
    "corrupted": Corrupted(),
}
TIMES = {"once": 1, "always": ALWAYS}
# One of these alone is survived, wherever it strikes.
PASSING = {"500", "503", "429", "429 with Retry-After", "cut before", "cut after"}


def applies(request: Request, kind: Kind) -> bool:
    """Whether a fault changes anything about such a request or its answer."""
    match kind:
        case CutMidway() | Short() | Corrupted():
            return request.method == "GET" and request.address != "/token"
        case CutDuring():
            return request.method in {"PATCH", "PUT"}
        case WrongDigest():
            return request.method in {"GET", "HEAD", "PUT"} and request.address != "/v2/"
        case _:
            return True


# --- what is done ------------------------------------------------------------------------------------------


def only_at_the_source(site: Site) -> Digest | None:
    pushed(site.source, "1.2.0-rc1", site.image)
    return None


def copy(site: Site) -> object:
    copier = copier_of(site.cache, timeout=site.limits.copy)
    return copier.copy(site.source, site.image.digest, site.destination, TAG)


def in_place(site: Site) -> Digest | None:
    pushed(site.direct, "stored", site.image)
    return None


def another_is_tagged(site: Site) -> Digest | None:
    in_place(site)
    return pushed(site.direct, TAG, build_image(f"old {site.direct.path}"))


def add(site: Site) -> object:
    return add_tags(site.destination, site.image.digest, MORE_TAGS)


def move(site: Site) -> object:
    expected = site.direct.registry.digest(site.direct.path, TAG)
    return move_tag(site.destination, TAG, expected=expected, digest=site.image.digest)


MORE_TAGS = (TAG, "1.2", "stable")
WORKS = {
    work.name: work
    for work in (
        Work("image", lambda seed: build_image(seed, size=4000), only_at_the_source, copy),
        Work("index", lambda seed: build_index(seed, size=4000), only_at_the_source, copy),
        Work("mount", lambda seed: build_index(seed, size=4000), only_at_the_source, copy, one_registry=True),
        Work("add tags", build_index, in_place, add, MORE_TAGS, one_registry=True),
        Work("move tag", build_index, another_is_tagged, move, one_registry=True),
    )
}


# --- cases -------------------------------------------------------------------------------------------------


class Matrix:
    """Runs cases; knows every kind of request of each work, from doing it once undisturbed."""

    def __init__(self, registries: tuple[RunningRegistry, RunningRegistry], folder: Path) -> None:
        self._registries = registries
        self._folder = folder
        self._requests: dict[str, tuple[Request, ...]] = {}

    @contextmanager
    def _world(self, work: Work, limits: Limits) -> Iterator[tuple[World, Digest | None]]:
        with world_of(work, self._registries, self._folder / "cache", limits) as world:
            before = work.prepare(world.site)
            for proxy in world.proxies:
                proxy.seen.clear()
            yield world, before

    def requests(self, work: Work) -> tuple[Request, ...]:
        """Every kind of request that the work takes."""
        if work.name not in self._requests:
            with self._world(work, PATIENT) as (world, before):
                assert outcome(world.site, work, before) == (True, [])
                self._requests[work.name] = world.requests()
        return self._requests[work.name]

    def case(self, work: Work, request: Request, fault: str, times: str) -> list[str]:
        """What is wrong with how the work ends when this kind of request is broken, and then when it is done again."""
        kind = FAULTS[fault]
        with self._world(work, SHORT if isinstance(kind, Silence) else PATIENT) as (world, before):
            world.break_(request, kind, TIMES[times])
            done, wrong = outcome(world.site, work, before)
            if world.struck == 0:
                wrong.append("no such request came")
            if not done and times == "once" and fault in PASSING:
                wrong.append("it did not pass")
            world.heal()
            again, wrong_again = outcome(world.new_run(PATIENT), work, before)
            if not again:
                wrong_again.append("done again, it fails")
        return [f"{request}, {fault} {times}: {text}" for text in (*wrong, *wrong_again)]

    def run(self, cases: Sequence[tuple[Work, Request, str, str]]) -> list[str]:
        """What is wrong with any of these cases, a few of which run at the same time.

        skopeo waits for half a minute and more where it is told 429 again and again, which takes no processor.
        """
        waiting = any(FAULTS[fault] == Answer(429) for _, _, fault, _ in cases)
        with ThreadPoolExecutor(16 if waiting else 4) as pool:
            return [text for texts in pool.map(lambda case: self.case(*case), cases) for text in texts]


@pytest.fixture(scope="module")
def matrix(
    e2e_registry: RunningRegistry, prod_registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Matrix:
    return Matrix((e2e_registry, prod_registry), tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("name", WORKS)
def test_a_part_of_the_matrix(matrix: Matrix, name: str) -> None:
    """Each kind of request is broken once, by another fault than the one before it."""
    work = WORKS[name]
    quick = [fault for fault, kind in FAULTS.items() if not isinstance(kind, Silence)]
    cases = []
    for position, request in enumerate(matrix.requests(work)):
        fitting = [fault for fault in quick if applies(request, FAULTS[fault])]
        cases.append((work, request, fitting[position * 5 % len(fitting)], "once"))
    assert matrix.run(cases) == []


@pytest.mark.long
@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WORKS)
def test_the_whole_matrix(matrix: Matrix, name: str, fault: str, times: str) -> None:
    work = WORKS[name]
    fitting = [request for request in matrix.requests(work) if applies(request, FAULTS[fault])]
    assert matrix.run([(work, request, fault, times) for request in fitting]) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("side", "method", "address"),
    [("source", "GET", "{from}/blobs/{layer}"), ("destination", "PUT", "{to}/manifests/{tag}")],
)
def test_half_a_minute_of_silence_with_the_time_limits_that_users_have(
    e2e_registry: RunningRegistry, prod_registry: RunningRegistry, cache: Path, side: str, method: str, address: str
) -> None:
    work = WORKS["image"]
    with world_of(work, (e2e_registry, prod_registry), cache, Limits(answer=30.0, copy=75.0)) as world:
        before = work.prepare(world.site)
        world.break_(Request(side, method, f"/v2/{address}"), Silence(40, passed=True), 1)
        assert outcome(world.site, work, before) == (True, [])
        assert world.struck > 0
