"""The clients of one run: whom they talk to, with which login, and at whose pace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.config import BasicAuth, RegistryConfig
from bot.demo.oci import build_image, push
from bot.demo.registries import RunningRegistry
from bot.errors import ConfigError
from bot.parallel import in_parallel
from bot.registries import Registries
from bot.registry import RegistryClient
from tests.proxy import FaultProxy, Seen, start_proxy


class Crowd:
    """Counts how many requests are at a proxy at once: each waits there until as many came as may, or nobody does."""

    def __init__(self, expected: int) -> None:
        self._barrier = threading.Barrier(expected)
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def __call__(self, _: Seen) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            self._barrier.wait(timeout=2)
        except threading.BrokenBarrierError:
            self._barrier.reset()
        with self._lock:
            self._inside -= 1


@pytest.fixture
def crowd() -> Crowd:
    """Three at a time."""
    return Crowd(3)


@pytest.fixture
def proxy(open_registry: RunningRegistry, crowd: Crowd) -> Iterator[FaultProxy]:
    """A way to a registry that is watched."""
    with start_proxy(open_registry, gate=crowd) as proxy:
        yield proxy


def test_registries_of_one_endpoint_share_its_pace(
    proxy: FaultProxy, crowd: Crowd, open_registry: RunningRegistry
) -> None:
    """The least that anybody says of it holds for all of them together."""
    digest = push(open_registry.access("test"), "shop/a", "1", build_image("a"))
    one = RegistryConfig(url="registry.example.com/shop", endpoint=proxy.host, plain_http=True, concurrency=3)
    other = RegistryConfig(url=f"{proxy.host}/stock", plain_http=True)
    with closing(Registries({"one": one, "other": other}, {})) as registries:
        clients = [registries.client("one"), registries.client("other")] * 6
        found = in_parallel(lambda client: client.digest("shop/a", "1"), clients, workers=12)
    assert found == [digest] * 12
    assert crowd.most == 3


def test_a_client_is_made_once(proxy: FaultProxy) -> None:
    configured = {"one": RegistryConfig(url=proxy.host, plain_http=True, token_hosts=("auth.example.com",))}
    with closing(Registries(configured, {})) as registries:
        assert registries.client("one") is registries.client("one")
        assert registries.anonymous("one") is not registries.client("one")
        assert registries.client("one").access.token_hosts == ("auth.example.com",)


def test_a_login_that_is_missing_is_told_each_time_and_may_come_later() -> None:
    auth = BasicAuth(type="basic", username="bot", password_env="PASSWORD")
    environ: dict[str, str] = {}
    with closing(Registries({"one": RegistryConfig(url="registry.example.com", auth=auth)}, environ)) as registries:
        for _ in range(2):
            with pytest.raises(ConfigError, match="PASSWORD is not set"):
                registries.client("one")
        environ["PASSWORD"] = "secret"
        client: RegistryClient = registries.client("one")
        assert client.access.login is not None
        with closing(registries.stranger("one")) as stranger:
            assert stranger.access.login is None


def test_docker_hub_answers_at_another_host_than_its_name() -> None:
    configured = {"hub": RegistryConfig(url="docker.io/org")}
    with closing(Registries(configured, {})) as registries:
        anonymous, named = registries.anonymous("docker.io").access, registries.client("hub").access
        assert (anonymous.url, anonymous.host) == ("https://registry-1.docker.io", "docker.io")
        assert (named.url, named.host, named.name) == ("https://registry-1.docker.io", "docker.io", "hub")
        assert registries.anonymous("ghcr.io").access.url == "https://ghcr.io"
