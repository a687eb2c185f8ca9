"""Bearer tokens: asked for once, used for what they were asked for, renewed, and fetched only where that is safe."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

import pytest

from bot.demo.oci import build_image, digest_of, push
from bot.demo.registries import RunningRegistry
from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import Login, RegistryAccess
from bot.registry.addresses import Address
from bot.registry.errors import Place
from bot.registry.http.answers import Response
from bot.registry.http.tokens import Challenge, Token, Tokens, parse_challenge, parse_token
from bot.registry.http.transport import Request
from bot.registry.manifest import Manifest
from tests.proxy import Answer, Fault, Seen, start_proxy
from tests.registry.clients import Clock, client_of, failure, transport_of
from tests.registry.tokenserver import TokenServer, start_registry_of, start_token_server

LOGIN = Login("robot", "canary-of-tokens")


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
        for status, text in ((404, "HTTP 404"), (302, "HTTP 302"), (403, "wants credentials"), (503, "HTTP 503")):
            proxy.inject(Fault("/token", Answer(status), 3 if status == 503 else 1))
            assert text in failure(proxy.access("r"))
        proxy.inject(Fault("/token", Answer(200, {}, b"[]")))
        assert "without a token" in failure(proxy.access("r"))


@pytest.mark.parametrize(
    ("realm", "words"),
    [
        ("http://elsewhere.invalid/token", "which is neither https nor the same host"),
        ("https://elsewhere.invalid/token", "which is neither of the same site as 127.0.0.1 nor configured"),
        ("https://127.0.0.2/token", "which is neither of the same site"),
        *((realm, "which is no address") for realm in ("file:///etc/passwd", "/token", "https:///x", "https://u:p@x/")),
    ],
)
def test_credentials_go_to_no_unsafe_realm(open_registry: RunningRegistry, realm: str, words: str) -> None:
    with start_proxy(open_registry, gate=TokenGate(realm=realm)) as proxy:
        text = failure(replace(proxy.access("r"), login=Login("robot", "secret")))
        assert words in text
        assert "token_hosts" in text
        assert proxy.count("/token") == 0


def test_an_https_registry_may_not_send_credentials_over_http(prod_registry: RunningRegistry) -> None:
    place = Place(prod_registry.access("prod"))
    header = f'Bearer realm="http://{prod_registry.host}/token"'
    with pytest.raises(RegistryError, match="neither https"):
        parse_challenge(header, place)
    assert parse_challenge('Basic realm="x"', place) is None


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"token": "a\\r\\nX: y"}', '{"token": "→"}'.encode()])
def test_a_hostile_token_is_an_error_like_any_other(open_registry: RunningRegistry, body: bytes) -> None:
    with start_proxy(open_registry) as proxy, client_of(proxy.access("r")) as client:
        proxy.inject(Fault("/token", Answer(200, {}, body)))
        proxy.inject(Fault("/manifests/", Answer(401, {"WWW-Authenticate": f'Bearer realm="{proxy.url}/token"'})))
        with pytest.raises(RegistryError, match="without a token"):
            client.digest("app", "v1")


# --- a real registry that believes a token server -----------------------------------------------------------

RIGHTS = {"team/app": {"pull", "push"}, "team/copy": {"pull", "push"}, "team/seen": {"pull"}}


@pytest.fixture(scope="module")
def token_server() -> Iterator[TokenServer]:
    with start_token_server(LOGIN, RIGHTS) as tokens:
        yield tokens


@pytest.fixture(scope="module")
def token_registry(token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with start_registry_of(token_server, tmp_path_factory.mktemp("tokens")) as registry:
        yield registry


def test_tokens_for_a_pull_a_push_and_a_mount(token_server: TokenServer, token_registry: RunningRegistry) -> None:
    image = build_image("tokens")
    manifest = Manifest(image.media_type, image.manifest, image.digest)
    blob = Digest(json.loads(image.manifest)["layers"][0]["digest"])
    _upload(client_access=token_registry.access("r"), repository="team/app", blobs=image.blobs)
    began = len(token_server.asked)
    with start_proxy(token_registry) as proxy, client_of(proxy.access("r")) as client:
        for tag in ("v1", "v2"):
            assert client.put_manifest("team/app", tag, manifest)
            assert client.digest("team/app", tag) == image.digest
        assert client.digest("team/seen", "v1") is None
        for source in ("team/app", "team/seen", "team/app"):
            assert client.mount("team/copy", blob, source) == (source == "team/app")
        # One refusal for each kind of request and repository, which says what token it takes.
        assert [proxy.count(f"{method} /v2/team/") for method in ("PUT", "HEAD", "POST")] == [3, 5, 5]
    assert sorted(token_server.asked[began:]) == [
        ["repository:team/app:pull"],
        ["repository:team/app:pull", "repository:team/copy:pull,push"],
        ["repository:team/app:pull,push"],
        ["repository:team/copy:delete"],
        ["repository:team/copy:pull,push", "repository:team/seen:pull"],
        ["repository:team/seen:pull"],
    ]


def _upload(client_access: RegistryAccess, repository: str, blobs: tuple[bytes, ...]) -> None:
    """Blobs, by the client's own requests: the demo's uploads know no tokens."""
    with transport_of(client_access) as transport:
        place = Place(client_access, repository)
        for blob in blobs:
            started = transport.send(Request("POST", f"{repository}/blobs/uploads/", place))
            location = f"{started.headers['Location']}&digest={digest_of(blob)}"
            assert transport.send(Request("PUT", location, place, body=blob)).status == 201


def test_an_account_that_may_only_read_is_told_so(token_registry: RunningRegistry) -> None:
    image = build_image("tokens")
    with client_of(token_registry.access("r")) as client:
        with pytest.raises(RegistryError, match=r"team/seen.*(write|writing) \(HTTP 401\)"):
            client.put_manifest("team/seen", "v1", Manifest(image.media_type, image.manifest, image.digest))
        with pytest.raises(RegistryError, match=r"team/hidden.*do not allow this \(HTTP 401\)"):
            client.digest("team/hidden", "v1")


def test_wrong_credentials_are_refused_by_the_token_server(
    token_server: TokenServer, token_registry: RunningRegistry
) -> None:
    text = failure(replace(token_registry.access("r"), login=Login("robot", "wrong")))
    assert f"its token server http://{token_server.host} does not accept the credentials (HTTP 401)" in text
    assert "none are configured" in failure(replace(token_registry.access("r"), login=None))


def test_threads_that_need_one_token_ask_once(token_server: TokenServer, token_registry: RunningRegistry) -> None:
    began = len(token_server.asked)
    token_server.before.clear()
    with client_of(token_registry.access("r")) as client, ThreadPoolExecutor(16) as pool:
        try:
            found = [pool.submit(client.digest, "team/seen", f"v{n}") for n in range(16)]
            while len(token_server.asked) == began:
                threading.Event().wait(0.01)
        finally:
            token_server.before.set()
        assert [one.result() for one in found] == [None] * 16
    assert token_server.asked[began:] == [["repository:team/seen:pull"]]


# --- keeping and reading them --------------------------------------------------------------------------------

HOME = Place(RegistryAccess("r", "registry.example.com", "registry.example.com", login=LOGIN), "app", "v1")
REALM = Address.parse("https://auth.example.com/token")
PULL, PUSH = (Challenge(REALM, "registry", f"repository:app:{right}") for right in ("pull", "pull,push"))


@dataclass
class Grants:
    """Stands for the requests to a token server: numbers its tokens, each good for a minute of the clock."""

    clock: Clock
    asked: list[Challenge] = field(default_factory=list)
    failing: bool = False

    def __call__(self, challenge: Challenge, place: Place) -> Token:
        self.asked.append(challenge)
        if self.failing:
            raise RegistryError(f"{place}: no")
        return Token(f"token-{len(self.asked)}", self.clock.now + 60)


def test_a_token_is_kept_for_what_it_was_asked_for_until_its_time() -> None:
    clock = Clock()
    grants = Grants(clock)
    tokens = Tokens(grants, clock=clock)
    assert [tokens.get(PULL, HOME), tokens.get(PUSH, HOME), tokens.get(PULL, HOME)] == ["token-1", "token-2", "token-1"]
    clock.now += 59
    assert tokens.get(PULL, HOME) == "token-1"
    clock.now += 1
    assert [tokens.get(PULL, HOME), tokens.get(PULL, HOME)] == ["token-3", "token-3"]
    assert grants.asked == [PULL, PUSH, PULL]


def test_a_refused_token_is_replaced_once() -> None:
    clock = Clock()
    tokens = Tokens(Grants(clock), clock=clock)
    assert tokens.get(PULL, HOME) == "token-1"
    # Two threads had it refused: the second finds the new one.
    assert [tokens.get(PULL, HOME, refused="token-1") for _ in range(2)] == ["token-2", "token-2"]


def test_a_failure_is_not_kept() -> None:
    clock = Clock()
    grants = Grants(clock, failing=True)
    tokens = Tokens(grants, clock=clock)
    for _ in range(2):
        with pytest.raises(RegistryError, match="no"):
            tokens.get(PULL, HOME)
    grants.failing = False
    assert tokens.get(PULL, HOME) == "token-3"


def test_an_interrupt_leaves_nobody_waiting() -> None:
    clock, waiting = Clock(), threading.Event()

    def interrupted(_: Challenge, __: Place) -> Token:
        waiting.wait(10)
        raise KeyboardInterrupt

    tokens = Tokens(interrupted, clock=clock)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(tokens.get, PULL, HOME) for _ in range(2)]
        waiting.set()
        failures = {type(one.exception(10)) for one in found}
    assert KeyboardInterrupt in failures
    assert failures <= {KeyboardInterrupt, RegistryError}


def granted(body: object, status: int = 200) -> Response:
    return Response(status, {}, json.dumps(body).encode(), REALM.origin)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        ({"token": "x", "expires_in": 300}, Token("x", 1290)),
        ({"access_token": "x"}, Token("x", 1050)),
        ({"token": "x", "expires_in": 10}, Token("x", 1005)),
        ({"token": "x", "expires_in": -1}, Token("x", 1050)),
        ({"token": "x", "expires_in": "never"}, Token("x", 1050)),
        ({"token": "x", "expires_in": 10**30}, Token("x", 1000 + 86390)),
    ],
)
def test_how_long_a_token_is_used(body: object, token: Token) -> None:
    assert parse_token(granted(body), HOME, 1000) == token
    assert "x" not in repr(replace(token, text="x-canary")).replace("until", "")


@pytest.mark.parametrize("status", [301, 400, 404, 410, 500])
def test_no_status_of_a_token_server_is_one_of_the_registry(status: int) -> None:
    with pytest.raises(RegistryError, match=rf"token server https://auth\.example\.com answers HTTP {status}"):
        parse_token(granted({}, status), HOME, 0)


@pytest.mark.parametrize(
    ("endpoint", "realm", "trusted"),
    [
        ("registry-1.docker.io", "https://auth.docker.io/token", True),
        ("registry.example.com:5000", "https://gitlab.example.com/jwt/auth", True),
        ("registry.example.com", "https://registry.example.com:8443/token", True),
        ("registry.example.com", "https://tokens.partner.example/token", True),
        ("registry.example.com", "https://host.example:8443/token", True),
        ("registry.example.com", "https://host.example/token", False),
        ("registry.example.com", "https://auth.example.org/token", False),
        ("registry.example.com", "https://registry.example.com.evil.org/token", False),
        ("registry.example.com", "http://registry.example.com/token", False),
        ("registry.co.uk", "https://evil.co.uk/token", False),
        ("10.0.0.1", "https://10.0.0.1/token", True),
        ("10.0.0.1", "https://11.0.0.1/token", False),
    ],
)
def test_where_tokens_may_come_from(endpoint: str, realm: str, *, trusted: bool) -> None:
    hosts = ("tokens.partner.example", "host.example:8443")
    place = Place(RegistryAccess("r", "shop.example", endpoint, token_hosts=hosts), "app")
    header = f'Bearer realm="{realm}",service="registry"'
    if trusted:
        assert parse_challenge(header, place)
    else:
        with pytest.raises(RegistryError, match=r"registry r: .*it wants a token from"):
            parse_challenge(header, place)


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ('Bearer realm="R"', ""),
        ('bearer realm="R", service="s t", scope="repository:b:pull repository:a:push,pull"',
         "?service=s+t&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull"),
        ('Basic realm="x, Bearer y", Bearer service=s , realm="R",error="invalid_token"', "?service=s"),
        ('Bearer realm="R",scope="a&b=c#d"', "?scope=a%26b%3Dc%23d"),
    ],
)  # fmt: skip
def test_what_a_challenge_asks_for(header: str, query: str) -> None:
    challenge = parse_challenge(header.replace('"R"', f'"{REALM}"'), HOME)
    assert challenge is not None
    assert str(challenge.address) == f"{REALM}{query}"


@pytest.mark.parametrize("header", ["", 'Basic realm="x"', "Bearerx", "Negotiate"])
def test_what_is_no_bearer_challenge(header: str) -> None:
    assert parse_challenge(header, HOME) is None


def test_a_token_that_is_repeated_by_an_error_is_hidden(open_registry: RunningRegistry) -> None:
    gate = TokenGate()
    with start_proxy(open_registry, gate=gate) as proxy, client_of(proxy.access("r")) as client:
        client.digest("app", "v1")
        words = json.dumps({"errors": [{"message": f"bad: Bearer {gate.token('app')}!"}]}).encode()
        proxy.inject(Fault("GET /v2/app", Answer(403, {}, words)))
        with pytest.raises(RegistryError, match="bad: Bearer …!"):
            client.manifest("app", "v1")
