"""A token server that knows who may do what, and a real registry that lets in whom its tokens name.

Protocol: https://distribution.github.io/distribution/spec/auth/token/, and jwt/ beside it for what a token is.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bot.demo.registries import RunningRegistry, host_of
from bot.process import start
from bot.registry.access import Login

_ISSUER = "tests"
_SERVICE = "registry"

_CONFIG = """\
version: 0.1
log: {{level: info, formatter: text, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:0", secret: none}}
auth:
  token: {{realm: "{realm}", service: {service}, issuer: {issuer}, rootcertbundle: "{bundle}"}}
"""


@dataclass
class TokenServer:
    """A running one. `rights` are what the account may do in each repository, such as `{"team/app": {"pull"}}`.

    `asked` has the scopes of each request for a token. `before` is held by whoever wants requests to wait.
    """

    host: str
    login: Login
    rights: Mapping[str, set[str]]
    authority: trustme.CA
    asked: list[list[str]] = field(default_factory=list)
    before: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        issued = self.authority.issue_cert("token-server.example")
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._chain = [
            base64.b64encode(x509.load_pem_x509_certificate(blob.bytes()).public_bytes(Encoding.DER)).decode()
            for blob in issued.cert_chain_pems
        ]
        self.before.set()

    @property
    def realm(self) -> str:
        return f"http://{self.host}/token"

    def grant(self, path: str, authorization: str | None) -> tuple[int, dict[str, object]]:
        """Status and answer: a token with those of the wanted rights that the account has."""
        query = parse_qs(urlsplit(path).query)
        self.asked.append(query.get("scope", []))
        self.before.wait(10)
        if authorization != f"Basic {self.login.basic}" or query.get("service") != [_SERVICE]:
            return 401, {}
        access = [self._granted(scope) for scope in query.get("scope", [])]
        return 200, {"token": self._token(access), "expires_in": 300}

    def _granted(self, scope: str) -> dict[str, object]:
        kind, name, actions = scope.split(":")
        allowed = self.rights.get(name, set())
        return {"type": kind, "name": name, "actions": [one for one in actions.split(",") if one in allowed]}

    def _token(self, access: list[dict[str, object]]) -> str:
        now = int(time.time())
        claims = {"iss": _ISSUER, "sub": self.login.username, "aud": _SERVICE, "access": access}
        times = {"iat": now, "nbf": now - 10, "exp": now + 300, "jti": str(len(self.asked))}
        header = {"typ": "JWT", "alg": "ES256", "x5c": self._chain}
        signed = f"{_part(header)}.{_part({**claims, **times})}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _part(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@contextmanager
def start_token_server(login: Login, rights: Mapping[str, set[str]]) -> Iterator[TokenServer]:
    """Run one on a free loopback port."""

    class Exchange(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, answer = tokens.grant(self.path, self.headers.get("Authorization"))
            content = json.dumps(answer).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Exchange) as server:
        tokens = TokenServer(f"127.0.0.1:{server.server_address[1]}", login, rights, trustme.CA())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield tokens
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def start_registry_of(tokens: TokenServer, directory: Path) -> Iterator[RunningRegistry]:
    """Run a docker-registry that believes this token server alone."""
    bundle, config, log = directory / "bundle.pem", directory / "config.yaml", directory / "registry.log"
    bundle.write_bytes(tokens.authority.cert_pem.bytes())
    config.write_text(
        _CONFIG.format(data=directory / "data", realm=tokens.realm, service=_SERVICE, issuer=_ISSUER, bundle=bundle)
    )
    log.touch()
    process = start(["docker-registry", "serve", str(config)], output=log)
    try:
        host = host_of(process, log, None)
        yield RunningRegistry(host, f"http://{host}", None, tokens.login, process.pid)
    finally:
        process.stop()
