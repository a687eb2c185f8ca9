"""Real registries on this machine: docker-registry processes on loopback ports, with their data in a directory."""

from __future__ import annotations

import re
import secrets
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import bcrypt
import trustme
import urllib3

from bot.demo.listening import address_of
from bot.errors import RegistryError
from bot.process import Background, start
from bot.registry.access import Login, RegistryAccess

_PROGRAM = "docker-registry"
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_LISTENING = re.compile(r'msg="listening on (127\.0\.0\.1:\d+)')

# Format: https://distribution.github.io/distribution/about/configuration/; JSON strings are YAML strings.
_CONFIG = """\
version: 0.1
log: {{level: info, formatter: text, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http:
  addr: "127.0.0.1:{port}"
"""
_CONFIG_TLS = """\
  tls: {{certificate: "{certificate}", key: "{key}"}}
"""
_CONFIG_LOGIN = """\
auth:
  htpasswd: {{realm: promobot, path: "{htpasswd}"}}
"""


@dataclass(frozen=True)
class RunningRegistry:
    """A registry that answers: `host` is `127.0.0.1:<port>`, `url` begins with `http` or `https`."""

    host: str
    url: str
    ca_file: Path | None
    login: Login | None
    pid: int

    def access(self, name: str) -> RegistryAccess:
        """How the rest of promobot reaches it under the configuration's name for it."""
        return RegistryAccess(
            name=name,
            host=self.host,
            endpoint=self.host,
            plain_http=self.ca_file is None,
            ca_file=self.ca_file,
            login=self.login,
        )


@contextmanager
def start_registry(
    directory: Path,
    *,
    port: int | None = None,
    login: Login | None = None,
    tls: bool = False,
    detach: bool = False,
    settings: Mapping[str, str] = _NO_SETTINGS,
) -> Iterator[RunningRegistry]:
    """Run a registry on `directory` (made if absent) for as long as the context lasts, or for good with `detach`
    where the context ends without an error.

    Without `port` the kernel picks a free one. Started again on the same directory, it has the same
    images and the same certificate. It dies with the thread that started it, unless `detach`.
    `settings` are further variables of its environment, such as `REGISTRY_VALIDATION_DISABLED`.
    Raises ProgramMissingError where docker-registry is not installed, and RegistryError where it does not come up.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ca_file = _certificates(directory) if tls else None
    config = _configure(directory, port or 0, login, tls=tls)
    log = directory / "registry.log"
    log.write_bytes(b"")  # the port of an earlier run must not be taken for this one's
    # The secret only signs the state of uploads; given by the environment, it is in no file.
    environment = {"REGISTRY_HTTP_SECRET": secrets.token_hex(), **settings}
    process = start([_PROGRAM, "serve", str(config)], output=log, env=environment, detach=detach)
    keep = False
    try:
        host = host_of(process, log, ca_file)
        yield RunningRegistry(host, f"{'https' if tls else 'http'}://{host}", ca_file, login, process.pid)
        keep = detach
    finally:
        if not keep:
            process.stop()


def _configure(directory: Path, port: int, login: Login | None, *, tls: bool) -> Path:
    text = _CONFIG.format(data=directory / "data", port=port)
    if tls:
        text += _CONFIG_TLS.format(certificate=directory / "server.crt", key=directory / "server.key")
    if login is not None:
        htpasswd = directory / "htpasswd"
        # The lowest cost bcrypt has: the registry computes it for every single request.
        hashed = bcrypt.hashpw(login.password.encode(), bcrypt.gensalt(rounds=4))
        _write_private(htpasswd, login.username.encode() + b":" + hashed + b"\n")
        text += _CONFIG_LOGIN.format(htpasswd=htpasswd)
    config = directory / "config.yaml"
    _write_private(config, text.encode())
    return config


def _certificates(directory: Path) -> Path:
    """Make an authority and a certificate of it for the loopback names, or keep those of an earlier run."""
    ca_file = directory / "ca.crt"
    if not ca_file.exists():
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        _write_private(directory / "server.key", server.private_key_pem.bytes())
        (directory / "server.crt").write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        ca_file.write_bytes(authority.cert_pem.bytes())
    return ca_file


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def host_of(process: Background, log: Path, ca_file: Path | None) -> str:
    """Where a registry that was just started answers. Raises RegistryError where it doesn't come up."""
    return address_of(
        process, log, _LISTENING, failed=RegistryError, name=_PROGRAM, answers=lambda host: _answers(host, ca_file)
    )


def _answers(host: str, ca_file: Path | None) -> bool:
    scheme = "https" if ca_file else "http"
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    with urllib3.PoolManager(ssl_context=context) as pool:
        try:
            response = pool.request("GET", f"{scheme}://{host}/v2/", retries=False, timeout=2.0)
        except urllib3.exceptions.HTTPError:
            return False
    return response.status in {200, 401}
