"""Who brings which blob to an endpoint, and where else it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from bot.demo.oci import digest_of
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository
from bot.registry.copying.blobs import Blobs
from bot.registry.manifest import Descriptor
from tests.registry.places import repository_of

A, B, C = (Descriptor("layer", digest_of(name), 1) for name in (b"a", b"b", b"c"))


@pytest.fixture
def places() -> Iterator[tuple[ImageRepository, ImageRepository, ImageRepository]]:
    """Two names for one endpoint, with a repository each, and another endpoint."""
    accesses = (RegistryAccess("x", "h", "h:1"), RegistryAccess("y", "h", "h:1"), RegistryAccess("z", "g", "g:1"))
    with ExitStack() as stack:
        one, same, other = (stack.enter_context(repository_of(access, access.name)) for access in accesses)
        yield one, same, other


def test_a_blob_is_known_at_its_endpoint_alone(
    places: tuple[ImageRepository, ImageRepository, ImageRepository],
) -> None:
    one, same, other = places
    blobs = Blobs()
    blobs.note(one, [A])
    assert blobs.home(same, A.digest) == "x"
    assert blobs.home(same, B.digest) is None
    assert blobs.home(other, A.digest) is None


def test_an_endpoint_that_mounts_nothing_is_not_asked_forever(
    places: tuple[ImageRepository, ImageRepository, ImageRepository],
) -> None:
    one, same, _ = places
    blobs = Blobs()
    blobs.note(one, [A])
    for mounted in (False, False, True, False, False):
        blobs.asked(same, mounted=mounted)
        assert blobs.home(same, A.digest) == "x"
    blobs.asked(same, mounted=False)
    assert blobs.home(same, A.digest) is None
    with blobs.bringing(one, [C.digest]), blobs.bringing(same, [C.digest]):
        pass  # and nobody waits for anybody there


def test_who_shares_a_blob_waits_and_then_knows_where_it_is(
    places: tuple[ImageRepository, ImageRepository, ImageRepository],
) -> None:
    one, same, other = places
    blobs = Blobs()
    begun, home = threading.Event(), []

    def second() -> None:
        begun.set()
        with blobs.bringing(same, [B.digest, C.digest]):
            home.append(blobs.home(same, B.digest))

    with ThreadPoolExecutor(1) as pool:
        with blobs.bringing(one, [A.digest, B.digest]):
            with blobs.bringing(other, [A.digest, B.digest]):
                pass  # elsewhere nobody waits
            with blobs.bringing(one, [C.digest]):
                pass  # nor where nothing is shared
            waiting = pool.submit(second)
            assert begun.wait(5)
            blobs.note(one, [A, B])
            assert not home
        waiting.result(5)
    assert home == ["x"]


def test_who_fails_gives_its_claims_up(places: tuple[ImageRepository, ImageRepository, ImageRepository]) -> None:
    one, same, _ = places
    blobs = Blobs()
    with pytest.raises(RuntimeError), blobs.bringing(one, [A.digest]):
        raise RuntimeError
    with blobs.bringing(same, [A.digest]):
        pass


def test_claims_that_cross_do_not_lock_each_other_out(
    places: tuple[ImageRepository, ImageRepository, ImageRepository],
) -> None:
    one, same, _ = places
    blobs = Blobs()
    shared = [A.digest, B.digest, C.digest]

    def bring(number: int) -> int:
        turned = shared[number % 3 :] + shared[: number % 3]
        with blobs.bringing(one if number % 2 else same, turned[:2]):
            return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bring, range(300), timeout=30)) == list(range(300))
