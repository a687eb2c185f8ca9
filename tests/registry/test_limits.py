"""Servers that drip, flood, lie about lengths or do not speak HTTP: ended, refused, named, and nothing else breaks."""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import threading
import time
from dataclasses import replace

import pytest

from bot.demo.oci import INDEX, build_image
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import Login
from bot.registry.errors import Place, StatusError, UnansweredError
from bot.registry.http.transport import Request
from tests.proxy import Answer, Fault, start_proxy
from tests.registry.clients import Clock, Sleeps, client_of, transport_of
from tests.registry.rawserver import RawServer, answer, serve

OCI = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"


def digest_header(digest: Digest) -> str:
    return f"{OCI}Docker-Content-Digest: {digest}\r\n"


def drip(connection: socket.socket, data: bytes) -> None:
    """A byte each 20 ms, all of them in 4 s: each comes in time, and no look-up may take so long."""
    for byte in data[:200]:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.02)
    connection.sendall(data[200:])


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_is_ended(part: str) -> None:
    image = build_image("app")
    head, _, body = answer(image.manifest, headers=OCI + "X-Padding: " + "x" * 200 + "\r\n").rpartition(b"\r\n\r\n")

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        server.read(connection)
        if part == "head":
            drip(connection, head + b"\r\n\r\n" + image.manifest)
        else:
            connection.sendall(answer(image.manifest, headers=OCI)[: -len(image.manifest)])
            drip(connection, image.manifest)

    assert body == image.manifest[len(image.manifest) - len(body) :]
    with serve(script) as server, client_of(server.access(), timeout=0.2) as client:
        with pytest.raises(UnansweredError, match="no answer in time") as caught:
            client.manifest("app", "v1")
        assert caught.value.sent


def test_a_server_that_does_not_read_is_ended() -> None:
    def script(_: RawServer, connection: socket.socket, number: int) -> None:
        over.wait(10)

    over = threading.Event()
    with serve(script) as server, transport_of(server.access(), timeout=0.2) as transport:
        try:
            place = Place(server.access(), "app", "v1")
            with pytest.raises(UnansweredError, match="no answer in time"):
                transport.send(Request("PUT", "app/manifests/v1", place, body=bytes(32 * 1024 * 1024)))
        finally:
            over.set()


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-More: of it\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"x" * 1_000_000,
        b"x" * 1_000_000,
    ],
    ids=["headers", "header", "line", "status"],
)
def test_an_endless_head_is_no_answer(flood: bytes) -> None:
    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        server.read(connection)
        connection.sendall(flood)

    with serve(script) as server, client_of(server.access()) as client:
        with pytest.raises(UnansweredError, match=r"registry r: .*does not answer in HTTP"):
            client.digest("app", "v1")
        assert server.connections == 1


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_any_size_is_not_read(*, announced: bool) -> None:
    sent = 0

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        nonlocal sent
        server.read(connection)
        head = f"HTTP/1.1 200 OK\r\n{OCI}"
        connection.sendall(
            f"{head}Content-Length: {100 << 20}\r\n\r\n".encode() if announced else f"{head}\r\n".encode()
        )
        for _ in range(100):
            connection.sendall(bytes(1 << 20))
            sent += 1

    words = r"registry r: .*app:v1: refused, an answer of more than 8388608 bytes"
    with serve(script) as server, client_of(server.access()) as client, pytest.raises(RegistryError, match=words):
        client.manifest("app", "v1")
    assert sent < 30


@pytest.mark.parametrize("headers", ["", "Transfer-Encoding: chunked\r\n"])
def test_a_request_says_how_much_it_wants(headers: str) -> None:
    body = b"A\r\n0123456789\r\n0\r\n\r\n" if headers else b"0123456789"

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        while server.read(connection):
            lines = headers or "Content-Length: 10\r\n"
            connection.sendall(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body)

    with serve(script) as server, transport_of(server.access()) as transport:
        place = Place(server.access(), "app", "v1")
        assert transport.send(Request("GET", "app/blobs/x", place, limit=10)).body == b"0123456789"
        with pytest.raises(RegistryError, match="more than 9 bytes"):
            transport.send(Request("GET", "app/blobs/x", place, limit=9))


def test_of_a_refusal_the_beginning_is_enough() -> None:
    body = b'{"errors": [{"message": "no"}]}'

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        server.read(connection)
        connection.sendall(answer(body + b" " * (50 << 20), status="403 Forbidden"))

    with serve(script) as server, client_of(server.access()) as client:
        with pytest.raises(StatusError, match=r"HTTP 403\): no") as caught:
            client.manifest("app", "v1")
        assert len(caught.value.body) == 64 * 1024


def test_a_body_shorter_than_announced_was_cut() -> None:
    sleeps = Sleeps()

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        server.read(connection)
        connection.sendall(answer(b"x" * 100, headers=OCI)[:-1])

    with serve(script) as server, client_of(server.access(), sleeps) as client:
        with pytest.raises(UnansweredError, match="the connection was cut"):
            client.manifest("app", "v1")
        assert server.connections == 3
    assert len(sleeps.seconds) == 2


def test_what_follows_an_answer_is_not_the_next_one() -> None:
    images = [build_image("a"), build_image("b")]

    def script(server: RawServer, connection: socket.socket, number: int) -> None:
        while server.read(connection):
            mine = answer(headers=digest_header(images[number].digest))
            connection.sendall(mine + answer(headers=digest_header(build_image("forged").digest)))

    with serve(script) as server, client_of(server.access()) as client:
        assert client.digest("app", "v1") == images[0].digest
        found = client.digest("app", "v1")
    assert found in {image.digest for image in images}


def _mutated(chance: random.Random) -> bytes:
    """An answer that was well-formed until somebody threw dice at it."""
    good = answer(b'{"errors": []}', headers=digest_header(build_image("x").digest) + "Retry-After: 1\r\n")
    pieces = [
        good,
        b"HTTP/1.1 ",
        b"HTTP/9.9 -1 \r\n",
        b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n",
        b"HTTP/1.1 302 X\r\nLocation: ",
        b"Transfer-Encoding: chunked\r\n",
    ]
    pieces += [b"\r\n\r\n", b"FFFFFFFFFFFFFFFFFF\r\n", b"-1\r\n", b"Content-Length: -5\r\n", b"Content-Length: 1e9\r\n"]
    pieces += [b"WWW-Authenticate: Bearer realm=", b'"http://[::1', b"\x00\xff\xfe", b"HTTP/1.1 100 Continue\r\n\r\n"]
    data = bytearray(b"".join(chance.choices(pieces, k=chance.randint(1, 6))))
    for _ in range(chance.randint(0, 12)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 4))
    return bytes(data)


def test_garbage_is_never_more_than_an_error() -> None:
    chance = random.Random(4)  # noqa: S311 - the same garbage in every run
    garbage = [chance.randbytes(chance.randint(0, 400)) if n % 5 == 0 else _mutated(chance) for n in range(400)]
    outcomes: dict[str, int] = {}

    def script(server: RawServer, connection: socket.socket, number: int) -> None:
        if server.read(connection):
            connection.sendall(garbage[number % len(garbage)])
            # A reset instead of an end, now and then.
            if number % 3 == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    clock = Clock()
    with serve(script) as server, transport_of(server.access(), timeout=1, pace=clock.pace()) as transport:
        place = Place(server.access(), "app", "v1")
        for n in range(400):
            clock.now += 2e9  # whatever the last answer asked for is over
            try:
                transport.send(Request(("GET", "HEAD", "PUT")[n % 3], "app/manifests/v1", place, repeatable=n % 2 == 0))
                outcome = "answer"
            except RegistryError as error:
                outcome = type(error).__name__
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert {"answer", "UnansweredError", "StatusError", "RegistryError"} <= set(outcomes)


def test_a_header_cannot_be_smuggled_in() -> None:
    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        while server.read(connection):
            connection.sendall(b"HTTP/1.1 307 X\r\nContent-Length: 0\r\nLocation: /v2/x\r\n\tX-Evil: 1\r\n\r\n")

    with serve(script) as server, transport_of(server.access()) as transport:
        place = Place(server.access(), "app", "v1")
        with pytest.raises(RegistryError, match="redirects to what is no address"):
            transport.send(Request("GET", "app/manifests/v1", place))
        with pytest.raises(RegistryError, match="no HTTP"):
            transport.send(Request("PUT", "app/manifests/v1", place, {"Content-Type": "x\r\nX-Evil: 1"}))
        for path in ("app/manifests/v1 HTTP/1.1\r\nX-Evil: 1", "app/\x00", "app/ü"):
            with pytest.raises(RegistryError, match="is no address"):
                transport.send(Request("GET", path, place))
    assert not any(b"Evil" in head for head in server.requests)


@pytest.mark.parametrize(
    "kind",
    [
        Answer(302, {"Location": "https://["}),
        Answer(307, {"Location": "file:///etc/passwd"}),
        Answer(401, {"WWW-Authenticate": 'Bearer realm="https://[x/"'}),
        Answer(403, {}, b"[" * 100_000),
    ],
    ids=["location", "scheme", "realm", "nesting"],
)
def test_a_hostile_answer_is_an_error_like_any_other(open_registry: RunningRegistry, kind: Answer) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("/manifests/", kind, times=3))
        with pytest.raises(RegistryError, match="registry r"):
            client.manifest("app", "v1")


def test_what_comes_compressed_unasked_is_not_unpacked(open_registry: RunningRegistry) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": INDEX}
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("/manifests/", Answer(200, headers, gzip.compress(b"{}"))))
        with pytest.raises(RegistryError, match="compression"):
            client.manifest("app", "v1")


@pytest.mark.parametrize("status", [403, 500])
def test_an_error_that_repeats_the_request_tells_no_password(open_registry: RunningRegistry, status: int) -> None:
    login = Login("bot", "canary-password")
    body = json.dumps({"errors": [{"message": f"sent: Basic {login.basic}, {login.password}"}]}).encode()
    with start_proxy(open_registry) as proxy, client_of(replace(proxy.access("r"), login=login)) as client:
        proxy.inject(Fault("/manifests/", Answer(status, {}, body), times=3))
        with pytest.raises(RegistryError, match="sent: Basic …, …"):
            client.manifest("app", "v1")


def test_a_part_of_negative_length_is_not_read_for_ever() -> None:
    sent = 0

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        nonlocal sent
        server.read(connection)
        connection.sendall(f"HTTP/1.1 200 OK\r\n{OCI}Transfer-Encoding: chunked\r\n\r\n-1\r\n".encode())
        for _ in range(150):
            connection.sendall(bytes(1 << 20))
            sent += 1

    with serve(script) as server, client_of(server.access()) as client:
        with pytest.raises(RegistryError, match="refused, an answer of more than"):
            client.manifest("app", "v1")
        assert server.connections == 1
    assert sent < 100


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    image = build_image("app")

    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        while server.read(connection):
            connection.sendall(answer(headers=digest_header(image.digest)))

    with serve(script) as server, client_of(server.access()) as client:
        for _ in range(2):
            assert client.digest("app", "v1") == image.digest
        assert server.connections == 1
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 51)
        assert client.digest("app", "v1") == image.digest
        assert server.connections == 2
