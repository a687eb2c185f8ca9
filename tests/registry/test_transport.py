"""What is sent again, what never is, and in what words it ends."""

from __future__ import annotations

import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.oci import build_image, push
from bot.demo.registries import RunningRegistry
from bot.errors import ConfigError
from bot.registry.access import Login
from bot.registry.client import RegistryClient
from bot.registry.errors import Place, StatusError, UnansweredError
from bot.registry.http.transport import Request
from tests.proxy import Answer, CutAfter, CutBefore, CutMidway, Delay, Fault, Kind, start_proxy
from tests.registry.clients import Sleeps, client_of, failure, transport_of
from tests.registry.rawserver import RawServer, answer, serve

PASSING: list[tuple[Kind, int]] = [
    (Answer(503), 2),
    (Answer(500), 1),
    (Answer(429), 2),
    (CutBefore(), 2),
    (CutAfter(), 1),
]


@pytest.mark.parametrize(("kind", "times"), PASSING)
def test_what_may_pass_is_tried_three_times(
    open_registry: RunningRegistry, repository: str, kind: Kind, times: int
) -> None:
    image = build_image("app")
    push(open_registry.access("r"), repository, "v1", image)
    sleeps = Sleeps()
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r"), sleeps) as client:
        proxy.inject(Fault("HEAD", kind, times))
        assert client.digest(repository, "v1") == image.digest
        assert proxy.count() == times + 1
    assert len(sleeps.seconds) == times
    assert all(0.2 < pause < 2 for pause in sleeps.seconds)


def test_a_manifest_cut_midway_is_read_again(open_registry: RunningRegistry, repository: str) -> None:
    image = build_image("app")
    push(open_registry.access("r"), repository, "v1", image)
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("GET", CutMidway()))
        manifest = client.manifest(repository, "v1")
        assert manifest is not None
        assert manifest.digest == image.digest


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Answer(500), "HTTP 500.*when the registry works"),
        (Answer(408), "HTTP 408.*when the registry works"),
        (Answer(503), "HTTP 503"),
        (Answer(429), "HTTP 429.*wait.*lower `concurrency` of registry e2e"),
        (Answer(401), "wants credentials, and none are configured"),
        (Answer(403), "HTTP 403.*right to read"),
        (Answer(418), "HTTP 418.*is .* a registry"),
        (Answer(302, {"Location": "https://elsewhere.invalid/x"}), "cannot be resolved"),
        (Answer(200, {"Content-Type": "text/html"}, b"<h1>Welcome"), "type text/html"),
        (Answer(200, {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}), "prettyjws"),
        (CutBefore(), "connection was cut"),
        (Delay(0.5), "no answer in time"),
    ],
)
def test_not_knowing_is_an_error_that_says_what_to_do(open_registry: RunningRegistry, kind: Kind, message: str) -> None:
    with start_proxy(open_registry) as proxy:
        proxy.inject(Fault("HEAD", kind, 9))
        assert re.search(message, failure(proxy.access("e2e"), timeout=0.2))


def test_wrong_and_missing_credentials(e2e_registry: RunningRegistry) -> None:
    access = e2e_registry.access("e2e")
    wrong = failure(replace(access, login=Login("e2e-robot", "guessed-by-nobody")))
    assert "does not accept the credentials" in wrong
    assert "guessed-by-nobody" not in wrong
    assert "none are configured" in failure(replace(access, login=None))


def test_addresses_and_certificates_that_do_not_fit(
    prod_registry: RunningRegistry, open_registry: RunningRegistry, e2e_registry: RunningRegistry, tmp_path: Path
) -> None:
    prod = prod_registry.access("prod")
    assert "not trusted: unable to get local issuer" in failure(replace(prod, ca_file=None))
    assert "remove `plain_http`" in failure(replace(prod, plain_http=True, ca_file=None, login=None))
    assert "does not speak https" in failure(replace(open_registry.access("prod"), plain_http=False))
    assert "cannot be resolved" in failure(replace(prod, endpoint="registry.invalid"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    assert "the connection was refused" in failure(replace(prod, endpoint=f"127.0.0.1:{free}"))
    for content in (None, "not a certificate"):
        if content:
            (tmp_path / "ca.crt").write_text(content)
        with pytest.raises(ConfigError, match=r"ca\.crt: the ca_file of registry prod cannot be read"):
            RegistryClient(replace(prod, ca_file=tmp_path / "ca.crt"))


def test_threads_share_one_client_and_its_connections(prod_registry: RunningRegistry, repository: str) -> None:
    images = {f"v{n}": build_image(f"app {n}") for n in range(6)}
    for tag, image in images.items():
        push(prod_registry.access("prod"), repository, tag, image)
    wanted = list(images) * 20
    with client_of(prod_registry.access("prod")) as client, ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda tag: client.digest(repository, tag), wanted))
    assert found == [images[tag].digest for tag in wanted]


def test_the_password_is_in_no_log_and_no_representation(
    e2e_registry: RunningRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    access = e2e_registry.access("e2e")
    assert access.login is not None
    with start_proxy(e2e_registry) as proxy, client_of(proxy.access("e2e")) as client:
        proxy.inject(Fault("HEAD", Answer(503)))
        client.digest("app", "v1")
    assert f"HEAD {proxy.url}/v2/app/manifests/v1: HTTP 503" in caplog.text
    for text in (caplog.text, repr(access), repr(client.__dict__)):
        assert access.login.password not in text
        assert access.login.basic not in text


# --- kept connections, and writes --------------------------------------------------------------------------


def put(server: RawServer, body: bytes = b"{}", *, repeatable: bool = False) -> Request:
    return Request("PUT", "app/manifests/v1", Place(server.access(), "app", "v1"), body=body, repeatable=repeatable)


def test_a_connection_is_kept(open_registry: RunningRegistry) -> None:
    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        while server.read(connection):
            connection.sendall(answer(b"x", status="404 Not Found"))

    with serve(script) as server, transport_of(server.access()) as transport:
        for _ in range(5):
            assert transport.send(Request("GET", "x", Place(server.access()))).body == b"x"
        assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_a_connection_that_was_closed_meanwhile_is_no_failure(headers: str) -> None:
    sleeps, closed = Sleeps(), threading.Semaphore(0)

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        server.read(connection)
        connection.sendall(answer(status="404 Not Found", headers=headers))
        connection.shutdown(socket.SHUT_RDWR)
        closed.release()

    with serve(script) as server, transport_of(server.access(), sleeps) as transport:
        for _ in range(3):
            assert transport.send(Request("GET", "x", Place(server.access()))).status == 404
            assert closed.acquire(timeout=10)
        assert server.connections == 3
    assert sleeps.seconds == []


def test_a_write_that_may_have_arrived_is_not_sent_again(open_registry: RunningRegistry) -> None:
    def script(server: RawServer, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.recv(2)

    with serve(script) as server, transport_of(server.access()) as transport:
        with pytest.raises(UnansweredError, match="the connection was cut") as caught:
            transport.send(put(server))
        assert caught.value.sent
        assert caught.value.may_pass
        assert len(server.requests) == 1
        with pytest.raises(UnansweredError):
            transport.send(put(server, repeatable=True))
        assert len(server.requests) == 4


def test_an_answer_that_comes_before_the_request_is_sent_counts() -> None:
    body = b'{"errors": [{"code": "SIZE_INVALID", "message": "too much"}]}'

    def script(server: RawServer, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.sendall(answer(body, status="413 Too Large"))

    with serve(script) as server, transport_of(server.access()) as transport:
        response = transport.send(put(server, bytes(32 << 20)))
    assert (response.status, response.body) == (413, body)


@pytest.mark.parametrize("status", [400, 404, 405, 409, 412, 413, 501])
def test_a_refusal_of_a_write_is_the_caller_s_to_read(open_registry: RunningRegistry, status: int) -> None:
    with start_proxy(open_registry) as proxy, transport_of(proxy.access("r")) as transport:
        proxy.inject(Fault("PUT", Answer(status, {}, b"words")))
        response = transport.send(Request("PUT", "app/manifests/v1", Place(proxy.access("r")), body=b"{}"))
    assert (response.status, response.body) == (status, b"words")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_other_refusals_are_errors_with_the_registry_s_words(open_registry: RunningRegistry, status: int) -> None:
    with start_proxy(open_registry) as proxy, transport_of(proxy.access("r")) as transport:
        proxy.inject(Fault("PUT", Answer(status, {}, b'{"errors": [{"message": "\\u001b[31mgo\\n away"}]}')))
        request = Request("PUT", "app/manifests/v1", Place(proxy.access("r")), body=b"{}", repeatable=False)
        with pytest.raises(StatusError) as caught:
            transport.send(request)
        assert proxy.count() == 1
    assert caught.value.status == status
    assert "\x1b" not in str(caught.value)
    assert ("go away" in str(caught.value)) == (status != 429)


def test_an_endpoint_that_is_no_address_is_an_error_of_the_configuration(open_registry: RunningRegistry) -> None:
    with pytest.raises(ConfigError, match="registry r: 'host:99999' is no address"):
        RegistryClient(replace(open_registry.access("r"), endpoint="host:99999"))
