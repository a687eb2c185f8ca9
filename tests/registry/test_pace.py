"""The pace of an endpoint: so many at a time, pauses for everybody, and none that is too long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate

import pytest

from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.network.pace import Pace
from bot.network.retry import asked_pause
from bot.registry.access import RegistryAccess
from bot.registry.errors import Place, RateLimitError, UnansweredError
from tests.proxy import Answer, Fault, Silence, start_proxy
from tests.registry.clients import Clock, client_of

PLACE = Place(RegistryAccess("r", "registry.example", "registry.example"), "app", "v1")


def test_so_many_at_a_time_and_no_more() -> None:
    pace, together, lock = Pace(4), threading.Barrier(4), threading.Lock()
    running, most = 0, 0

    def work(_: int) -> None:
        nonlocal running, most
        with pace.turn(PLACE):
            with lock:
                running += 1
                most = max(most, running)
            together.wait(timeout=10)  # four have to be here at once, or this fails
            with lock:
                running -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(32)))
    assert most == 4


def test_a_pause_is_slept_by_everybody_once() -> None:
    clock = Clock()
    pace = clock.pace()
    pace.wait_for(17)
    pace.wait_for(5)  # does not shorten it
    with pace.turn(PLACE), pace.turn(PLACE):
        assert clock.slept == [17]
    clock.now -= 17
    pace.wait(PLACE)
    assert clock.slept == [17, 17]


def test_who_sleeps_holds_no_turn() -> None:
    clock = Clock()
    entered: list[float] = []

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        with pace.turn(PLACE):  # would never get one if the sleeper held the only turn
            entered.append(seconds)

    pace = Pace(1, clock=clock, sleep=sleep)
    pace.wait_for(3)
    with pace.turn(PLACE):
        assert entered == [3]


def test_a_pause_that_begins_while_somebody_queues_is_kept() -> None:
    clock, queued = Clock(), threading.Event()
    pace = clock.pace(1)

    def queue() -> None:
        queued.set()
        with pace.turn(PLACE):
            pass

    with ThreadPoolExecutor(1) as pool:
        with pace.turn(PLACE):
            waiting = pool.submit(queue)
            queued.wait(10)
            pace.wait_for(9)
        waiting.result(10)
    assert clock.slept == [9]


def test_a_pause_grows_while_one_sleeps() -> None:
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 1:
            pace.wait_for(2)

    pace = Pace(1, clock=clock, sleep=sleep)
    pace.wait_for(5)
    pace.wait(PLACE)
    assert clock.slept == [5, 2]


def test_an_hour_is_not_waited_for() -> None:
    clock = Clock()
    pace = clock.pace()
    pace.wait_for(3600)
    for _ in range(2):
        with pytest.raises(RateLimitError, match=r"registry r: registry\.example/app:v1: .* wants 3600 s without"):
            pace.wait(PLACE)
    assert clock.slept == []
    clock.now += 3600
    pace.wait(PLACE)


def test_pauses_without_success_between_add_up() -> None:
    clock = Clock()
    pace = clock.pace()
    pace.wait_for(50)
    pace.wait(PLACE)
    pace.wait_for(50)
    with pytest.raises(RateLimitError):
        pace.wait(PLACE)
    clock.now += 50
    pace.went_well()
    pace.wait_for(50)
    pace.wait(PLACE)
    assert clock.slept == [50, 50]


def test_several_who_had_asked_at_once_are_told_of_one_pause() -> None:
    clock = Clock(1023.9)  # plus 60 and minus 60 again it is a hair more than 60
    pace = clock.pace()
    pace.wait_for(60)
    clock.now += 0.2
    pace.wait_for(60)
    pace.wait(PLACE)
    assert clock.slept == [60]
    pace.wait_for(1)  # it was in vain
    with pytest.raises(RateLimitError):
        pace.wait(PLACE)


def test_the_time_between_two_pauses_does_not_count() -> None:
    clock = Clock()
    pace = clock.pace()
    pace.wait_for(1)
    pace.wait(PLACE)
    clock.now += 600  # nobody asked
    pace.wait_for(2)
    pace.wait(PLACE)
    assert clock.slept == [1, 2]


def test_what_one_client_is_told_holds_for_another(open_registry: RunningRegistry) -> None:
    clock = Clock()
    pace = clock.pace()
    with (
        start_proxy(open_registry) as proxy,
        client_of(proxy.access("a"), pace=pace) as one,
        client_of(proxy.access("b"), pace=pace) as other,
    ):
        proxy.inject(Fault("/v2/team/", Answer(429, {"Retry-After": "3600"})))
        with pytest.raises(RateLimitError, match="registry a"):
            one.digest("team/app", "v1")
        with pytest.raises(RateLimitError, match="registry b"):
            other.digest("other/app", "v1")
        assert proxy.count() == 1
        clock.now += 3600
        assert other.digest("other/app", "v1") is None


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(open_registry: RunningRegistry, status: int) -> None:
    clock = Clock()
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r"), pace=clock.pace()) as client:
        proxy.inject(Fault("HEAD", Answer(status, {"Retry-After": "17"})))
        assert client.digest("app", "v1") is None
        assert clock.slept == [17]


def test_without_a_word_the_pauses_grow_until_it_is_enough(open_registry: RunningRegistry) -> None:
    clock = Clock()
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r"), pace=clock.pace()) as client:
        proxy.inject(Fault("HEAD", Answer(429), 99))
        with pytest.raises(RegistryError, match="limits the rate of requests"):
            client.digest("app", "v1")
        assert proxy.count() <= 8
    assert 20 < sum(clock.slept) <= 60
    assert clock.slept[4] > clock.slept[1] > clock.slept[0] * 0.66


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "5"}, 5),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "9" * 4000}, 999999999),
        ({"Retry-After": formatdate(1030, usegmt=True)}, 30),
        ({"Retry-After": formatdate(900, usegmt=True)}, 0),
        ({"Retry-After": formatdate(1030, usegmt=True), "Date": formatdate(1010, usegmt=True)}, 20),
        ({"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"}, 0),
    ],
)
def test_how_long_an_answer_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert asked_pause(headers, 1000.0) == seconds


def test_a_registry_gets_as_many_requests_at_a_time_as_configured(open_registry: RunningRegistry) -> None:
    lock, running, most = threading.Lock(), [0], [0]
    together = threading.Barrier(3)

    def gate(_: object) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(10)
        with lock:
            running[0] -= 1

    with (
        start_proxy(open_registry, gate=gate) as proxy,
        client_of(replace(proxy.access("r"), concurrency=3)) as client,
        ThreadPoolExecutor(12) as pool,
    ):
        list(pool.map(lambda n: client.digest("app", f"v{n}"), range(12)))
    assert most == [3]


def test_a_registry_that_stays_silent_is_not_waited_for_by_everybody(open_registry: RunningRegistry) -> None:
    """Each look-up would take as long as the first ones did; somebody looks now and then whether it is back."""
    clock = Clock()
    with (
        start_proxy(open_registry) as proxy,
        client_of(proxy.access("open"), timeout=0.1, pace=clock.pace(1)) as client,
    ):
        proxy.inject(Fault("", Silence(), 4))
        for number in range(6):
            with pytest.raises(UnansweredError, match=r"registry open: .*no answer in time") as caught:
                client.digest("app", f"v{number}")
            assert caught.value.hint == "run again when the registry works again"
        assert proxy.count() == 3
        clock.now += 30
        with pytest.raises(UnansweredError):
            client.digest("app", "v6")
        assert proxy.count() == 4
        clock.now += 30
        assert [client.digest("app", f"v{number}") for number in range(7, 9)] == [None, None]
        assert proxy.count() == 6
