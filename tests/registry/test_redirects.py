"""Redirects: followed where that is safe, without what is meant for the registry alone; else refused by name."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import pytest

from bot.demo.oci import build_image, push
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.network.connection import Limits, RefusedError
from bot.registry.access import Login, RegistryAccess
from bot.registry.addresses import Address, Origin
from bot.registry.errors import Place, StatusError
from bot.registry.http.answers import Response
from bot.registry.http.connections import Connections
from bot.registry.http.redirects import redirected
from bot.registry.http.transport import Request
from tests.proxy import Answer, Fault, start_proxy
from tests.registry.clients import client_of, failure, transport_of
from tests.registry.rawserver import RawServer, answer, serve

PLACE = Place(RegistryAccess("r", "registry.example", "registry.example"), "app", "v1")


def test_another_host_is_followed_without_credentials(
    e2e_registry: RunningRegistry, open_registry: RunningRegistry, repository: str
) -> None:
    image = build_image("app")
    push(open_registry.access("mirror"), repository, "v1", image)
    with (
        start_proxy(e2e_registry) as first,
        start_proxy(open_registry) as second,
        client_of(first.access("e2e")) as client,
    ):
        location = f"{second.url}/v2/{repository}/manifests/v1"
        first.inject(Fault("HEAD", Answer(307, {"Location": location})))
        assert client.digest(repository, "v1") == image.digest
        assert "Authorization" in first.seen[0].headers
        assert [request.headers.get("Authorization") for request in second.seen] == [None]


def test_the_same_host_is_followed_with_credentials(e2e_registry: RunningRegistry, repository: str) -> None:
    image = build_image("app")
    push(e2e_registry.access("e2e"), repository, "v1", image)
    with start_proxy(e2e_registry) as proxy, client_of(proxy.access("e2e")) as client:
        proxy.inject(Fault("manifests/old", Answer(301, {"Location": f"/v2/{repository}/manifests/v1"})))
        assert client.digest(repository, "old") == image.digest


def test_a_circle_of_redirects_ends(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy:
        proxy.inject(Fault("a/v1", Answer(302, {"Location": "/v2/b/v1"}), 9))
        proxy.inject(Fault("b/v1|app", Answer(302, {"Location": "/v2/a/v1"}), 9))
        assert "HTTP 302" in failure(proxy.access("e2e"))
        assert proxy.count() < 6


def test_who_is_redirected_to_cannot_ask_for_the_credentials(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, start_proxy(open_registry) as other:
        access = replace(proxy.access("r"), login=Login("bot", "canary"))
        proxy.inject(Fault("/manifests/", Answer(307, {"Location": f"{other.url}/elsewhere"})))
        other.inject(Fault("/elsewhere", Answer(401, {"WWW-Authenticate": f'Bearer realm="{other.url}/token"'})))
        with client_of(access) as client, pytest.raises(RegistryError, match="HTTP 401"):
            client.manifest("app", "v1")
        assert [str(request) for request in other.seen] == ["GET /elsewhere"]
        assert "Authorization" not in other.seen[0].headers


def to(location: str, status: int = 307) -> Response:
    return Response(status, {"Location": location}, b"", Origin("https", "registry.example", 443))


def way(*urls: str) -> list[Address]:
    return [Address.parse(url) for url in urls or ("https://registry.example/v2/app",)]


@pytest.mark.parametrize(
    ("method", "response", "target"),
    [
        ("GET", to("https://storage.example/x?signature=1"), "https://storage.example/x?signature=1"),
        ("HEAD", to("/v2/other", 301), "https://registry.example/v2/other"),
        ("PUT", to("/v2/other", 308), "https://registry.example/v2/other"),
        ("GET", to("/v2/other", 200), None),
        ("GET", to("/v2/other", 304), None),
    ],
)
def test_where_a_redirect_leads(method: str, response: Response, target: str | None) -> None:
    found = redirected(PLACE, method, response, way())
    assert (str(found) if found else None) == target


@pytest.mark.parametrize(
    ("method", "response", "words"),
    [
        ("GET", to("http://registry.example/v2/app?secret=1"), "to http://registry.example/v2/app, which is not https"),
        ("GET", to("/v2/app"), "which is a circle"),
        ("GET", to(""), "what is no address"),
        ("GET", to("https://u:p@storage.example/"), "what is no address"),
        ("PUT", to("https://storage.example/x"), "to https://storage.example/x, and promobot sends what it writes"),
        ("PUT", to("https://registry.example:5000/x"), "sends what it writes nowhere else"),
        ("POST", to("/v2/other", 302), "sends what it writes nowhere else"),
        ("DELETE", to("/v2/other", 303), "sends what it writes nowhere else"),
    ],
)
def test_a_redirect_that_is_refused_names_both_ends(method: str, response: Response, words: str) -> None:
    with pytest.raises(RegistryError, match=r"registry r: .*https://registry\.example redirects to") as caught:
        redirected(PLACE, method, response, way())
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_five_redirects_are_enough() -> None:
    urls = [f"https://registry.example/{n}" for n in range(6)]
    with pytest.raises(RegistryError, match="one redirect more than the 5 allowed"):
        redirected(PLACE, "GET", to("/6"), way(*urls))
    assert redirected(PLACE, "GET", to("/6"), way(*urls[:5]))


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_what_is_written_goes_to_no_other_server(open_registry: RunningRegistry, method: str) -> None:
    with (
        start_proxy(open_registry) as first,
        start_proxy(open_registry) as second,
        transport_of(first.access("r")) as transport,
    ):
        first.inject(Fault(method, Answer(307, {"Location": f"{second.url}/v2/app/manifests/v1"})))
        with pytest.raises(RegistryError, match="nowhere else") as caught:
            transport.send(Request(method, "app/manifests/v1", Place(first.access("r"), "app", "v1"), body=b"{}"))
        assert first.url in str(caught.value)
        assert second.url in str(caught.value)
        assert second.count() == 0


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_address_that_the_registry_gave_is_no_way_to_another(open_registry: RunningRegistry, method: str) -> None:
    with start_proxy(open_registry) as first, start_proxy(open_registry) as second:
        access = replace(first.access("r"), login=Login("bot", "canary"))
        with (
            transport_of(access) as transport,
            pytest.raises(RegistryError, match="credentials are not for") as caught,
        ):
            transport.send(Request(method, f"{second.url}/v2/app/blobs/uploads/x?state=s", Place(access, "app")))
        assert second.url in str(caught.value)
        assert (first.count(), second.count()) == (0, 0)


def test_an_upload_s_address_at_the_registry_is_used_as_it_is(e2e_registry: RunningRegistry) -> None:
    with transport_of(e2e_registry.access("r")) as transport:
        place = Place(e2e_registry.access("r"), "team/upload")
        started = transport.send(Request("POST", "team/upload/blobs/uploads/", place))
        location = started.headers["Location"]
        assert location.startswith(e2e_registry.url)
        assert transport.send(Request("DELETE", location, place)).status == 204


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("169.254.169.254", "a cloud's metadata service"),
        ("[::ffff:a9fe:a9fe]", "a cloud's metadata service"),
        ("169.254.3.4:8080", "this network link"),
    ],
)
def test_a_registry_here_leads_to_no_metadata(open_registry: RunningRegistry, host: str, words: str) -> None:
    with start_proxy(open_registry) as proxy:
        proxy.inject(Fault("HEAD", Answer(307, {"Location": f"http://{host}/latest/meta-data/?x"})))
        text = failure(proxy.access("r"))
    assert proxy.host in text
    assert f"http://{host} is an address of {words}" in text


def _no_tls() -> ssl.SSLContext:
    raise AssertionError("plain HTTP only")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0"])
def test_a_registry_elsewhere_leads_to_no_service_of_this_machine(host: str) -> None:
    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        connection.sendall(answer(b"secret"))

    home = Origin("https", "registry.example", 443)
    with serve(script) as server:
        connections = Connections(home, Limits.of(2), _no_tls)
        port = server.host.partition(":")[2]
        with pytest.raises(RefusedError, match="is an address of this machine"):
            connections.exchange("GET", Address.parse(f"http://{host}:{port}/"), {}, limit=10)
        assert server.connections == 0


def test_a_name_that_means_this_machine_too_opens_no_door() -> None:
    """Nor does one that comes to mean it later."""
    means = ["192.0.2.1", "127.0.0.1"]
    connections = Connections(Origin("http", "registry.example", 80), Limits.of(2), _no_tls)
    elsewhere = Origin("http", "other.example", 80)
    for ip in means:
        connections._allowed(connections.home, ip)
    with pytest.raises(RefusedError, match="is an address of this machine"):
        connections._allowed(elsewhere, "127.0.0.1")
    connections._reached(connections.home, "192.0.2.1")
    with pytest.raises(RefusedError, match="is an address of this machine"):
        connections._reached(connections.home, "127.0.0.1")
    with pytest.raises(RefusedError, match="is an address of this machine"):
        connections._allowed(elsewhere, "127.0.0.1")


def test_ever_new_servers_take_no_ever_new_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(server: RawServer, connection: socket.socket, _: int) -> None:
        while server.read(connection):
            connection.sendall(answer(b"x"))

    with serve(script) as server:
        here = ("127.0.0.1", int(server.host.partition(":")[2]))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", here)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        connections = Connections(Origin("http", "home.example", here[1]), Limits.of(2), _no_tls)
        connections.exchange("GET", Address(connections.home, "/"), {}, limit=10)
        for number in range(60):
            address = Address(Origin("http", f"h{number}.example", here[1]), "/")
            assert connections.exchange("GET", address, {}, limit=10).body == b"x"
        connections.exchange("GET", Address(connections.home, "/"), {}, limit=10)
        assert server.connections == 61
        assert len(connections._pools) <= 20
        connections.close()


def test_a_refusal_of_another_server_is_told_as_that_and_never_absent(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as first, start_proxy(open_registry) as second:
        second.inject(Fault("/gone", Answer(404), 2), Fault("/denied", Answer(403, {}, b"<Code>AccessDenied</Code>")))
        for path, status in (("gone", 404), ("denied", 403)):
            first.inject(Fault("HEAD", Answer(307, {"Location": f"{second.url}/{path}?signature=canary"})))
            with client_of(first.access("r")) as client:
                client.ping()
                with pytest.raises(StatusError) as caught:
                    client.digest("app", "v1")
            assert f"it leads to {second.url}, which answers HTTP {status}" in str(caught.value)
            assert "canary" not in str(caught.value)


def test_a_registry_behind_a_redirect_may_say_that_it_is_absent(open_registry: RunningRegistry) -> None:
    with (
        start_proxy(open_registry) as first,
        start_proxy(open_registry) as second,
        client_of(first.access("r")) as client,
    ):
        first.inject(Fault("HEAD", Answer(307, {"Location": f"{second.url}/v2/app/manifests/v1"})))
        assert client.digest("app", "v1") is None
        assert second.count() == 1
