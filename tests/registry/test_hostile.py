"""A registry that means harm is refused by name; it gets little of our time and memory, and nobody else's door."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import which

import pytest

from bot.demo.oci import INDEX, MANIFEST, Image, build_image, build_index, digest_of
from bot.errors import RegistryError
from bot.registry.client import ImageRepository, RegistryClient
from bot.registry.copying.contents import read_contents
from tests.oci import SCHEMA_1
from tests.registry import hostile
from tests.registry.bystander import start_bystander
from tests.registry.clients import client_of
from tests.registry.hostile import LOGIN, Act, HostileRegistry, start_hostile
from tests.secrets import leaks, spellings_of

MEBIBYTE = 1 << 20
IMAGE, OTHER = build_image("asked for"), build_image("something else")


@pytest.fixture
def evil() -> Iterator[HostileRegistry]:
    with start_hostile() as registry:
        registry.images = {"v1": IMAGE}
        yield registry


def read_digest(client: RegistryClient) -> object:
    return client.digest("app", "v1")


def read_manifest(client: RegistryClient) -> object:
    return client.manifest("app", str(IMAGE.digest))


def read_tag(client: RegistryClient) -> object:
    return client.manifest("app", "v1")


def read_tags(client: RegistryClient) -> object:
    return client.tags("app")


def read_referrers(client: RegistryClient) -> object:
    return client.referrers("app", IMAGE.digest)


def read_blob(client: RegistryClient) -> object:
    return client.blob("app", CONFIG, limit=MEBIBYTE)


def mount(client: RegistryClient) -> object:
    return client.mount("app", CONFIG, "other")


CONFIG = digest_of(IMAGE.blobs[0])
Read = Callable[[RegistryClient], object]


def refused(registry: HostileRegistry, read: Read, *, requests: int, timeout: float = 5.0) -> str:
    """What the error says in which a read ends that must be refused within so many requests, and in little memory."""
    client = RegistryClient(registry.access("shady"), timeout=timeout, sleep=lambda _: None)
    tracemalloc.start()
    try:
        with closing(client), pytest.raises(RegistryError) as caught:
            read(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "registry shady" in caught.value.message
    assert caught.value.hint
    assert len(registry.seen) <= requests
    assert peak < 64 * MEBIBYTE
    text = str(caught.value)
    assert len(text) < 2000
    assert text.isprintable()
    assert leaks(spellings_of(LOGIN), text) == []
    return text


# --- too much ----------------------------------------------------------------------------------------------

TOO_MUCH: dict[str, tuple[Read, Act]] = {
    "100 MB manifest": (read_manifest, hostile.large(MANIFEST, chunked=False)),
    "100 MB manifest in chunks": (read_manifest, hostile.large(MANIFEST, chunked=True)),
    "100 MB tags in chunks": (read_tags, hostile.large("application/json", chunked=True)),
    "100 MB blob": (read_blob, hostile.large("application/octet-stream", chunked=True)),
    "100 MB refusal": (read_manifest, hostile.large("application/json", chunked=True, status=403)),
    "gzip bomb": (read_manifest, hostile.gzip_bomb(MANIFEST)),
    "gzip bomb of tags": (read_tags, hostile.gzip_bomb("application/json")),
    "endless headers": (read_digest, hostile.endless_headers),
    "endless header": (read_digest, hostile.endless_header),
    "endless status": (read_digest, hostile.endless_status),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_not_read(evil: HostileRegistry, name: str) -> None:
    read, act = TOO_MUCH[name]
    evil.acts = {"^[A-Z]+ /v2/app/": act}
    refused(evil, read, requests=3)
    # What it could send is what was read and what two kernels hold, not the hundreds of megabytes that it has.
    assert evil.taken < 40 * MEBIBYTE


ENDLESS: dict[str, tuple[Read, Act]] = {
    "preliminary answers": (read_digest, hostile.endless_continue),
    "trailers": (read_manifest, hostile.endless_trailers),
    "dripping body": (read_manifest, hostile.dripping),
    "dripping headers": (read_digest, hostile.dripping_headers),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_given_up(evil: HostileRegistry, name: str) -> None:
    read, act = ENDLESS[name]
    evil.acts = {"^[A-Z]+ /v2/app/": act}
    refused(evil, read, requests=3, timeout=0.3)


PAGES: dict[str, tuple[Read, Act]] = {
    "tags": (read_tags, hostile.endless_tags()),
    "tags by last": (read_tags, hostile.endless_tags("")),
    "tags in a circle": (read_tags, hostile.endless_tags('<{path}?last=same>; rel="next"')),
    "tags that never come": (read_tags, hostile.endless_tags(size=0)),
    "tags elsewhere": (
        read_tags,
        hostile.endless_tags('<http://127.0.0.1:1/v2/app/tags/list?last={number}>; rel="next"'),
    ),
    "tags of another repository": (read_tags, hostile.endless_tags('</v2/secret/tags/list?last={number}>; rel="next"')),
    "referrers": (read_referrers, hostile.endless_referrers),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_without_an_end(evil: HostileRegistry, name: str) -> None:
    read, act = PAGES[name]
    evil.acts = {"/(tags|referrers)/": act}
    refused(evil, read, requests=200)


def test_a_list_of_more_tags_than_anybody_has(evil: HostileRegistry) -> None:
    evil.acts = {"/tags/": hostile.many_tags(1_000_000)}
    refused(evil, read_tags, requests=3)


# --- elsewhere ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/v2/app/manifests/v1", "/v2/app/manifests/{number}", "?{number}", "//{number}"])
def test_redirects_without_an_end(evil: HostileRegistry, location: str, status: int) -> None:
    evil.acts = {"^[A-Z]+ /": hostile.redirect(location, status)}
    refused(evil, read_digest, requests=10)


def test_who_is_redirected_to_sees_no_credentials_and_asks_in_vain(evil: HostileRegistry) -> None:
    with start_hostile() as other:
        other.acts = {"": hostile.wants_token(f"{other.url}/token")}
        evil.acts = {"/manifests/": hostile.redirect(f"{other.url}/x")}
        refused(evil, read_manifest, requests=5)
        assert 0 < len(other.seen) <= 5
        assert not [seen for seen in other.seen if "Authorization" in seen.headers or "/token" in seen.path]


LOCATIONS = [
    "file:///etc/passwd",
    "gopher://{}/",
    "ftp://{}/",
    "https://",
    "http://[",
    "\\\\{}\\",
    "http://u:p@{}/",
    "",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_redirects_to_what_is_no_address_of_the_web(evil: HostileRegistry, location: str) -> None:
    with start_bystander() as bystander:
        evil.acts = {"/manifests/": hostile.redirect(location.format(bystander.host))}
        refused(evil, read_manifest, requests=5)
        assert bystander.touched == 0


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "[::ffff:169.254.169.254]"]
)
def test_redirects_to_a_metadata_service(evil: HostileRegistry, address: str) -> None:
    evil.acts = {"/manifests/": hostile.redirect(f"http://{address}/latest/meta-data/iam/security-credentials/")}
    assert "metadata" in refused(evil, read_manifest, requests=5)


@pytest.mark.parametrize(
    "realm",
    [
        "http://localhost:{port}/token",
        "http://{host}@localhost:{port}/",
        "https://tokens.example.com/",
        "file:///x",
        "",
    ],
)
def test_a_realm_elsewhere_gets_nothing(evil: HostileRegistry, realm: str) -> None:
    with start_bystander() as bystander:
        port = bystander.host.partition(":")[2]
        evil.acts = {"": hostile.wants_token(realm.format(host=evil.host, port=port))}
        refused(evil, read_digest, requests=3)
        assert bystander.touched == 0


def test_a_token_that_never_will_do(evil: HostileRegistry) -> None:
    evil.acts = {"/token": hostile.grants_token, "": hostile.wants_token(f"{evil.url}/token")}
    refused(evil, read_digest, requests=10)


def test_uploads_that_begin_elsewhere_are_not_followed(evil: HostileRegistry) -> None:
    with start_bystander() as bystander:
        location = f"http://{bystander.host}/v2/app/blobs/uploads/1"
        evil.acts = {"^POST ": lambda exchange: exchange.reply(202, Location=location)}
        with closing(RegistryClient(evil.access("shady"), sleep=lambda _: None)) as client:
            assert mount(client) is False
        assert bystander.touched == 0


@pytest.mark.parametrize("wait", ["0", "99999999999", "-1", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"])
def test_waiting_for_ever_is_refused(evil: HostileRegistry, wait: str) -> None:
    evil.acts = {"": lambda exchange: exchange.reply(429, Retry_After=wait)}
    refused(evil, read_digest, requests=20)


# --- not what it says --------------------------------------------------------------------------------------


def manifest(**fields: object) -> bytes:
    whole = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {}, "layers": []}
    return json.dumps({**whole, **fields}).encode()


CONFUSED: dict[str, tuple[Read, Act]] = {
    "other content under the digest": (read_manifest, hostile.says(OTHER.manifest, MANIFEST, str(IMAGE.digest))),
    "other content under its own digest": (read_manifest, hostile.says(OTHER.manifest, MANIFEST, str(OTHER.digest))),
    "other digest for the tag's content": (read_tag, hostile.says(IMAGE.manifest, MANIFEST, str(OTHER.digest))),
    "index as an image": (read_tag, hostile.says(build_index("x").manifest, MANIFEST)),
    "image as an index": (read_tag, hostile.says(IMAGE.manifest, INDEX)),
    "image and index in one": (
        read_tag,
        hostile.says(json.dumps({**json.loads(IMAGE.manifest), "manifests": []}).encode(), MANIFEST),
    ),
    "web page": (read_tag, hostile.says(b"<h1>Welcome</h1>", "text/html")),
    "no JSON": (read_tag, hostile.says(b"\xff\xfe{}", MANIFEST)),
    "nested": (read_tag, hostile.says(b"[" * 1_000_000, MANIFEST)),
    "nested deep inside": (
        read_tag,
        hostile.says(b'{"schemaVersion":2,"annotations":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, MANIFEST),
    ),
    "a number without end": (read_tag, hostile.says(b'{"schemaVersion": ' + b"9" * 1_000_000 + b"}", MANIFEST)),
    "no digests": (
        read_tag,
        hostile.says(manifest(config={"mediaType": "x", "digest": "../../etc", "size": 1}), MANIFEST),
    ),
    "negative size": (
        read_tag,
        hostile.says(manifest(config={"mediaType": "x", "digest": str(IMAGE.digest), "size": -1}), MANIFEST),
    ),
    "layers that are no list": (read_tag, hostile.says(manifest(layers={"0": 1}), MANIFEST)),
    "first schema": (read_tag, hostile.says(b"{}", SCHEMA_1)),
    "other blob": (read_blob, hostile.says(b"{}", "application/octet-stream")),
    "tags that are none": (read_tags, hostile.says(b'{"tags": {"a": 1}}', "application/json")),
    "tags with escapes": (
        read_tags,
        hostile.says(json.dumps({"tags": ["v1", "\x1b[2Jgone", "a/../b", "x" * 500]}).encode(), "application/json"),
    ),
    "words with escapes": (
        read_tag,
        hostile.says(
            json.dumps(
                {"errors": [{"code": "DENIED", "message": "\x1b]0;owned\x07\u202e\r\nok: all is well"}]}
            ).encode(),
            "application/json",
            status=403,
        ),
    ),
    "no HTTP": (read_digest, hostile.garbage(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "HTTP of the first days": (read_tag, hostile.garbage(b"<h1>Welcome</h1>")),
    "a status of its own": (read_digest, hostile.garbage(b"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n")),
    "a length below nothing": (read_tag, hostile.garbage(b"HTTP/1.1 200 .\r\nContent-Length: -1\r\n\r\n{}")),
    "a chunk below nothing": (
        read_tag,
        hostile.garbage(b"HTTP/1.1 200 .\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
    ),
    "a digest of another kind": (read_digest, hostile.says(b"", MANIFEST, "sha256:../../x")),
}


@pytest.mark.parametrize("name", CONFUSED)
def test_what_is_not_what_it_says_is_refused(evil: HostileRegistry, name: str) -> None:
    read, act = CONFUSED[name]
    evil.acts = {"^[A-Z]+ /v2/app/": act}
    refused(evil, read, requests=8)


# --- a machine of its own ----------------------------------------------------------------------------------


def test_services_of_this_machine_stay_untouched_by_registries_of_the_network() -> None:
    """In a network of its own, with an address that is not this machine's loopback, and a service that is."""
    alone = [which("unshare") or "unshare", "-Urn"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs a network namespace of its own, which this machine does not allow its users")
    command = [*alone, sys.executable, "-m", "tests.registry.island"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["touched"] == 0
    assert len(said["errors"]) == said["tried"] > 3
    for error in said["errors"]:
        assert "registry shady" in error


def test_an_index_of_more_than_fits_in_memory(evil: HostileRegistry) -> None:
    def child(number: int) -> Image:
        config = {"mediaType": "x/y", "digest": f"sha256:{number:064x}", "size": 1}
        content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
        return Image(MANIFEST, json.dumps(content).encode() + b" " * (6 << 20))

    children = tuple(child(number) for number in range(24))
    for count, words in ((24, "manifests of more than 64 MiB"), (2000, "2,000 images")):
        digests = [str(one.digest) for one in children][:count]
        digests += [f"sha256:{number:064x}" for number in range(count - len(digests))]
        entries = [{"mediaType": MANIFEST, "digest": digest, "size": 7} for digest in digests]
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        evil.images = {"v1": Image(INDEX, body, (), children)}
        digest = evil.images["v1"].digest
        with client_of(evil.access("shady")) as client, pytest.raises(RegistryError) as caught:
            read_contents(ImageRepository(client, "app"), digest)
        assert words in caught.value.message
        assert "shady" in caught.value.message
