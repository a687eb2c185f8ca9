"""Reading digests and manifests: right, or an error that says what to do; never a wrong "absent"."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bot.demo.oci import INDEX, build_image, build_index, push
from bot.demo.registries import RunningRegistry
from bot.errors import ConfigError, RegistryError
from bot.registry.access import Login, RegistryAccess
from bot.registry.client import RegistryClient
from bot.registry.errors import Place
from bot.registry.tokens import parse_challenge
from tests.proxy import (
    Answer,
    CutAfter,
    CutBefore,
    CutMidway,
    Delay,
    Fault,
    Kind,
    Replaced,
    Seen,
    Without,
    start_proxy,
)


@dataclass
class Sleeps:
    """Stands for time.sleep and keeps what was asked of it."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@contextmanager
def client_of(
    access: RegistryAccess, sleeps: Sleeps | None = None, *, timeout: float = 5.0
) -> Iterator[RegistryClient]:
    with closing(RegistryClient(access, timeout=timeout, sleep=sleeps or Sleeps())) as client:
        yield client


def failure(access: RegistryAccess, repository: str = "app", *, timeout: float = 5.0) -> str:
    """The text of the error that reading a digest ends in."""
    with client_of(access, timeout=timeout) as client, pytest.raises(RegistryError) as caught:
        client.digest(repository, "v1")
    assert repository in caught.value.message or "/v2/" in caught.value.message
    assert access.name in caught.value.message
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("kind", ["open_registry", "e2e_registry", "prod_registry"])
def test_the_digest_of_a_tag_is_that_of_what_was_pushed(
    kind: str, repository: str, request: pytest.FixtureRequest
) -> None:
    registry: RunningRegistry = request.getfixturevalue(kind)
    image, index = build_image("one"), build_index("many")
    for tag, pushed in (("one", image), ("many", index)):
        push(registry.access("r"), repository, tag, pushed)
    with client_of(registry.access("r")) as client:
        client.ping()
        assert client.digest(repository, "one") == image.digest
        assert client.digest(repository, "many") == index.digest
        assert client.digest(repository, str(index.children[1].digest)) == index.children[1].digest
        assert client.digest(repository, "absent") is None
        assert client.digest("no-such/repository", "one") is None
        manifest = client.manifest(repository, "many")
        assert manifest is not None
        assert (manifest.media_type, manifest.body, manifest.digest) == (INDEX, index.manifest, index.digest)
        assert client.manifest(repository, "absent") is None


def test_without_the_digest_header_the_manifest_is_hashed(open_registry: RunningRegistry, repository: str) -> None:
    image = build_index("app")
    push(open_registry.access("r"), repository, "v1", image)
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("^HEAD", Without("Docker-Content-Digest")), Fault("^GET", Without("Docker-Content-Digest")))
        assert client.digest(repository, "v1") == image.digest
        assert [request.method for request in proxy.seen] == ["HEAD", "GET"]


def test_every_read_accepts_all_four_media_types(open_registry: RunningRegistry, repository: str) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        assert client.digest(repository, "v1") is None
        assert client.manifest(repository, "v1") is None
        accepted = {request.headers["Accept"].count("application/vnd.") for request in proxy.seen}
    assert accepted == {4}


@pytest.mark.parametrize("by_digest", [False, True])
def test_a_changed_manifest_is_refused(open_registry: RunningRegistry, repository: str, *, by_digest: bool) -> None:
    image = build_image("app")
    push(open_registry.access("r"), repository, "v1", image)
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("^GET", Replaced()))
        with pytest.raises(RegistryError, match="do not trust it"):
            client.manifest(repository, str(image.digest) if by_digest else "v1")


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


def test_retry_after_is_honoured_up_to_a_minute(open_registry: RunningRegistry, repository: str) -> None:
    sleeps = Sleeps()
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r"), sleeps) as client:
        proxy.inject(Fault("HEAD", Answer(429, {"Retry-After": "17"})))
        assert client.digest(repository, "v1") is None
        assert sleeps.seconds == [17]
        proxy.inject(Fault("HEAD", Answer(429, {"Retry-After": "3600"})))
        with pytest.raises(RegistryError, match="limits the rate"):
            client.digest(repository, "v1")
        assert sleeps.seconds == [17]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Answer(500), "HTTP 500.*when it is well"),
        (Answer(503), "HTTP 503"),
        (Answer(429), "HTTP 429"),
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


def test_not_found_by_something_else_than_a_registry_is_not_absent(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry, gate=lambda _: Answer(404, {}, b"nothing here")) as proxy:
        assert "does not answer like a registry" in failure(proxy.access("e2e"))


def test_not_found_without_the_version_header_counts_from_a_registry(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("e2e")) as client:
        proxy.inject(Fault("HEAD", Answer(404), 2))
        assert client.digest("app", "v1") is None
        assert client.digest("app", "v1") is None
        assert [str(request) for request in proxy.seen].count("GET /v2/") == 1


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
    assert "Then take away plain_http" in failure(replace(prod, plain_http=True, ca_file=None, login=None))
    assert "does not speak https" in failure(replace(open_registry.access("prod"), plain_http=False))
    assert "cannot be resolved" in failure(replace(prod, endpoint="registry.invalid"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    assert "cannot be connected to" in failure(replace(prod, endpoint=f"127.0.0.1:{free}"))
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
    assert "HEAD /v2/app" in caplog.text
    for text in (caplog.text, repr(access), repr(client.__dict__)):
        assert access.login.password not in text
        assert access.login.basic not in text


# --- redirects ---------------------------------------------------------------------------------------------


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


# --- bearer tokens -----------------------------------------------------------------------------------------


@dataclass
class TokenGate:
    """Lets requests pass that bear the current token for their repository; grants tokens as Docker's servers do."""

    login: Login | None = None
    generation: int = 1
    realm: str = ""

    def __call__(self, request: Seen) -> Answer | None:
        path, _, query = request.path.partition("?")
        if path == "/token":
            return self._grant(parse_qs(query), request.headers.get("Authorization"))
        repository = path.removeprefix("/v2/").partition("/manifests/")[0]
        if request.headers.get("Authorization") == f"Bearer {self.token(repository)}":
            return None
        scope = f',scope="repository:{repository}:pull"' if repository else ""
        realm = self.realm or f"http://{request.headers['Host']}/token"
        return Answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="registry"{scope}'})

    def token(self, repository: str) -> str:
        return f"token-{self.generation}-{repository}"

    def _grant(self, query: dict[str, list[str]], authorization: str | None) -> Answer:
        assert query["service"] == ["registry"]
        if self.login and authorization != f"Basic {self.login.basic}":
            return Answer(401)
        repository = query.get("scope", [":"])[0].split(":")[1]
        return Answer(200, {}, json.dumps({"token": self.token(repository)}).encode())


@pytest.mark.parametrize("login", [None, Login("robot", "secret")])
def test_a_token_is_fetched_once_for_a_repository_and_again_when_it_expires(
    open_registry: RunningRegistry, repository: str, login: Login | None
) -> None:
    image = build_image("app")
    push(open_registry.access("r"), repository, "v1", image)
    gate = TokenGate(login)
    with (
        start_proxy(open_registry, gate=gate) as proxy,
        client_of(replace(proxy.access("r"), login=login)) as client,
    ):
        client.ping()
        for _ in range(3):
            assert client.digest(repository, "v1") == image.digest
        assert client.digest("other/app", "v1") is None
        assert proxy.count("/token") == 3
        gate.generation += 1
        assert client.digest(repository, "v1") == image.digest
        assert proxy.count("/token") == 4


def test_a_token_server_that_refuses_or_fails_never_means_absent(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry, gate=TokenGate(Login("robot", "secret"))) as proxy:
        assert "none are configured" in failure(proxy.access("r"))
        for status, text in ((404, "HTTP 401"), (503, "HTTP 503")):
            proxy.inject(Fault("/token", Answer(status), 3 if status == 503 else 1))
            assert text in failure(proxy.access("r"))
        proxy.inject(Fault("/token", Answer(200, {}, b"[]")))
        assert "without a token" in failure(proxy.access("r"))


@pytest.mark.parametrize("realm", ["http://elsewhere.invalid/token", "file:///etc/passwd", "/token", "https:///x"])
def test_credentials_go_to_no_unsafe_realm(open_registry: RunningRegistry, realm: str) -> None:
    with start_proxy(open_registry, gate=TokenGate(realm=realm)) as proxy:
        assert "neither https nor the same host" in failure(replace(proxy.access("r"), login=Login("robot", "secret")))
        assert proxy.count("/token") == 0


def test_an_https_registry_may_not_send_credentials_over_http(prod_registry: RunningRegistry) -> None:
    place = Place(prod_registry.access("prod"))
    header = f'Bearer realm="http://{prod_registry.host}/token"'
    with pytest.raises(RegistryError, match="neither https"):
        parse_challenge(header, place)
    assert parse_challenge('Basic realm="x"', place) is None


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


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"token": "a\\r\\nX: y"}', '{"token": "→"}'.encode()])
def test_a_hostile_token_is_an_error_like_any_other(open_registry: RunningRegistry, body: bytes) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("/token", Answer(200, {}, body)))
        proxy.inject(Fault("/manifests/", Answer(401, {"WWW-Authenticate": f'Bearer realm="{proxy.url}/token"'})))
        with pytest.raises(RegistryError, match="without a token"):
            client.digest("app", "v1")


def test_what_comes_compressed_unasked_is_not_unpacked(open_registry: RunningRegistry) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": INDEX}
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("/manifests/", Answer(200, headers, gzip.compress(b"{}"))))
        with pytest.raises(RegistryError, match="compression"):
            client.manifest("app", "v1")


def test_who_is_redirected_to_cannot_ask_for_the_credentials(open_registry: RunningRegistry) -> None:
    with start_proxy(open_registry) as proxy, start_proxy(open_registry) as other:
        access = replace(proxy.access("r"), login=Login("bot", "canary"))
        proxy.inject(Fault("/manifests/", Answer(307, {"Location": f"{other.url}/elsewhere"})))
        other.inject(Fault("/elsewhere", Answer(401, {"WWW-Authenticate": f'Bearer realm="{other.url}/token"'})))
        with client_of(access) as client, pytest.raises(RegistryError, match="HTTP 401"):
            client.manifest("app", "v1")
        assert [str(request) for request in other.seen] == ["GET /elsewhere"]
        assert "Authorization" not in other.seen[0].headers


@pytest.mark.parametrize("status", [403, 500])
def test_an_error_that_repeats_the_request_tells_no_password(open_registry: RunningRegistry, status: int) -> None:
    login = Login("bot", "canary-password")
    body = json.dumps({"errors": [{"message": f"sent: Basic {login.basic}, {login.password}"}]}).encode()
    with start_proxy(open_registry) as proxy, client_of(replace(proxy.access("r"), login=login)) as client:
        proxy.inject(Fault("/manifests/", Answer(status, {}, body), times=3))
        with pytest.raises(RegistryError, match="sent: Basic …, …"):
            client.manifest("app", "v1")
