"""A registry that means harm: answers as one should, except for what a test has it do instead.

It stands for what cannot run here. It counts what it is asked and how much of its answers is taken, and it stops by
itself after `MOST` bytes, so that what does not end for the client ends for the test.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs

from bot.demo.oci import INDEX, MANIFEST, Image
from bot.registry.access import Login, RegistryAccess
from tests.proxy import Seen

MOST = 400 << 20
LOGIN = Login("robot", "canary-a71c-hostile")
_PIECE = b"x" * 65536


@dataclass
class HostileRegistry:
    """A running one: `acts` are done instead of answering requests that the regular expression before them finds."""

    host: str
    acts: dict[str, Act] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    taken: int = 0
    images: dict[str, Image] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)

    def access(self, name: str, login: Login | None = LOGIN) -> RegistryAccess:
        return RegistryAccess(name=name, host=self.host, endpoint=self.host, plain_http=True, login=login)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def act_for(self, request: Seen) -> Act:
        with self.lock:
            self.seen.append(request)
            number = len(self.seen)
        for match, act in self.acts.items():
            if re.search(match, str(request)):
                return act
        return answer_well if number < 10_000 else hang_up


@contextmanager
def start_hostile(host: str = "127.0.0.1") -> Iterator[HostileRegistry]:
    """Run one on a free port."""

    class Bound(Exchange):
        pass

    with ThreadingHTTPServer((host, 0), Bound) as server:
        Bound.registry = HostileRegistry(f"{host}:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Bound.registry
        finally:
            Bound.registry.done.set()
            server.shutdown()
            thread.join()


class Exchange(BaseHTTPRequestHandler):
    """A client's connection; the acts write to it."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    registry: HostileRegistry

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def _handle(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Seen(self.command, self.path, dict(self.headers.items()))
        with contextlib.suppress(OSError):  # the client has enough
            self.registry.act_for(request)(self)
            return
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server looks for these

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()

    def send(self, data: bytes) -> None:
        """Write to the client, and count it; ends the connection where it has been far too much."""
        if self.registry.done.is_set() or self.registry.taken > MOST:
            raise ConnectionError
        self.connection.sendall(data)
        with self.registry.lock:
            self.registry.taken += len(data)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        """An ordinary answer; `_` in names of headers stands for `-`."""
        lines = {"Docker-Distribution-Api-Version": "registry/2.0", "Content-Length": str(len(body))}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"HTTP/1.1 {status} .\r\n{head}\r\n".encode("latin-1"))
        if self.command != "HEAD":
            self.send(body)


Act: TypeAlias = Callable[[Exchange], None]


def answer_well(exchange: Exchange) -> None:
    """What a registry would say that holds `images` under their tags."""
    found = re.fullmatch(r"/v2/(?:.*/)?(manifests|blobs)/([^/?]+)", exchange.path.partition("?")[0])
    for tag, image in exchange.registry.images.items():
        for each in (image, *image.children):
            if found and found[1] == "manifests" and found[2] in {str(each.digest), tag if each is image else ""}:
                headers = {"Content_Type": each.media_type, "Docker_Content_Digest": str(each.digest)}
                return exchange.reply(200, each.manifest, **headers)
            for blob in each.blobs:
                if found and found[2] == str(Image("", blob).digest):
                    return exchange.reply(200, blob, Content_Type="application/octet-stream")
    return exchange.reply(200 if exchange.path == "/v2/" else 404, b"{}", Content_Type="application/json")


def hang_up(exchange: Exchange) -> None:
    exchange.close_connection = True


# --- too much ----------------------------------------------------------------------------------------------


def large(media_type: str, *, chunked: bool, status: int = 200) -> Act:
    """100 MB and more, announced or not."""

    def act(exchange: Exchange) -> None:
        size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {MOST}"
        exchange.send(f"HTTP/1.1 {status} .\r\nContent-Type: {media_type}\r\n{size}\r\n\r\n".encode())
        while exchange.command != "HEAD":
            exchange.send(b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE) if chunked else _PIECE)

    return act


def gzip_bomb(media_type: str) -> Act:
    """A megabyte that is a gigabyte once it is unpacked."""
    layer = gzip.compress(b"\0" * (1 << 20))
    packed = layer * 1024

    def act(exchange: Exchange) -> None:
        exchange.reply(200, packed, Content_Type=media_type, Content_Encoding="gzip")

    return act


def endless_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 .\r\n")
    for number in itertools.count():
        exchange.send(b"X-%d: %b\r\n" % (number, _PIECE[:1000]))


def endless_header(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 .\r\nX: ")
    while True:
        exchange.send(_PIECE)


def endless_status(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 ")
    while True:
        exchange.send(_PIECE)


def endless_continue(exchange: Exchange) -> None:
    """There is always one more preliminary answer."""
    while True:
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def endless_trailers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 .\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        exchange.send(b"X: y\r\n" * 1000)


def endless_tags(link: str = '<{path}?last={number}>; rel="next"', *, size: int | None = None) -> Act:
    """There is always one more page, of `size` tags or of as many as are asked for; `link` says where."""
    numbers = itertools.count()

    def act(exchange: Exchange) -> None:
        number = next(numbers)
        path, _, query = exchange.path.partition("?")
        count = int(parse_qs(query).get("n", ["5000"])[0]) if size is None else size
        tags = [f"{number}.{n}" for n in range(count)]
        headers = {"Link": link.format(path=path, number=number)} if link else {}
        exchange.reply(200, _json({"name": "app", "tags": tags}), Content_Type="application/json", **headers)

    return act


def many_tags(count: int) -> Act:
    """All in one page."""
    body = json.dumps({"name": "app", "tags": [f"t{number}" for number in range(count)]}).encode()
    return lambda exchange: exchange.reply(200, body, Content_Type="application/json")


def endless_referrers(exchange: Exchange) -> None:
    number = len(exchange.registry.seen)
    digests = (f"sha256:{1000 * number + n:064x}" for n in range(1000))
    entries = [{"mediaType": MANIFEST, "digest": digest, "size": 7} for digest in digests]
    body = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    link = f'<{exchange.path.partition("?")[0]}?page={number}>; rel="next"'
    exchange.reply(200, body, Content_Type=INDEX, Link=link)


def dripping(exchange: Exchange) -> None:
    """A byte now and then, so that it is never silent for long and never done."""
    exchange.send(f"HTTP/1.1 200 .\r\nContent-Type: {MANIFEST}\r\nContent-Length: 100000\r\n\r\n".encode())
    while not exchange.registry.done.wait(0.02):
        exchange.send(b" ")


def dripping_headers(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 .\r\nX: ")
    while not exchange.registry.done.wait(0.02):
        exchange.send(b"y")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


# --- elsewhere ---------------------------------------------------------------------------------------------


def redirect(location: str, status: int = 307) -> Act:
    """`{number}` in the location grows with each request."""

    def act(exchange: Exchange) -> None:
        exchange.reply(status, Location=location.format(number=len(exchange.registry.seen)))

    return act


def wants_token(realm: str) -> Act:
    """Wants a token from there, whatever it is sent."""
    return lambda exchange: exchange.reply(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="x"')


def grants_token(exchange: Exchange) -> None:
    body = json.dumps({"token": f"token-{len(exchange.registry.seen)}"}).encode()
    exchange.reply(200, body, Content_Type="application/json")


# --- not what it says --------------------------------------------------------------------------------------


def says(body: bytes, media_type: str, digest: str = "", status: int = 200) -> Act:
    """This body under this type and digest, whatever was asked for."""
    headers = {"Docker_Content_Digest": digest} if digest else {}
    return lambda exchange: exchange.reply(status, body, Content_Type=media_type, **headers)


def garbage(data: bytes) -> Act:
    """No HTTP, or hardly; then the end."""

    def act(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.close_connection = True

    return act
