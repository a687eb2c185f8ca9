"""What a registry holds, read and written over HTTP: all but the blobs of images, which skopeo carries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import RegistryError
from bot.images import Digest
from bot.network.pace import Pace
from bot.registry.access import RegistryAccess
from bot.registry.addresses import Address
from bot.registry.errors import (
    Place,
    codes_of,
    not_a_registry,
    of_status,
    quoted,
)
from bot.registry.http.transport import API_VERSION, Request, Response, Transport
from bot.registry.manifest import (
    IMAGE_TYPES,
    INDEX_TYPES,
    Descriptor,
    Manifest,
    check_type,
    digest_of,
    is_digest_of,
    manifest_of,
    parse_manifest,
    parse_referrers,
)
from bot.registry.paging import all_referrers, all_tags
from bot.registry.pushing import Push, push
from bot.registry.uploads import check_uploads, mount

# All four, always: a registry converts what is not accepted, and then reports another digest with status 200.
MEDIA_TYPES = (*INDEX_TYPES, *IMAGE_TYPES)
_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}
# What a 404 with these codes says is not that something is absent.
_NOT_ABSENT = frozenset({"UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNSUPPORTED"})
# Registries without the referrers API; only 404 is in the specification.
_NO_SUCH_API = frozenset({404, 405, 406, 501})
# What a list of referrers is served as; a web server that knows no such thing answers with a page.
_LISTED_AS = frozenset({*INDEX_TYPES, "application/json"})
_NO_HEAD = frozenset({405, 501})
_REBUILD = "build the image again with a current tool"


class RegistryClient:
    """One registry; threads may share it.

    A `repository` is the whole path below the host, the registry's configured prefix path included. A `reference`
    is a tag or the text of a digest. Every method raises RegistryError where the registry
    does not say yes or no: only "not found" from something that is a registry is None.
    API: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
    """

    def __init__(
        self,
        access: RegistryAccess,
        *,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        """`timeout` is how long the registry may say nothing, in seconds; `pace` is that of its endpoint, shared.

        Raises ConfigError if the authority's file cannot be read.
        """
        self.access = access
        self.pace = pace or Pace(access.concurrency, sleep=sleep)
        self._transport = Transport(access, timeout=timeout, sleep=sleep, pace=self.pace)
        self._sleep = sleep
        self._proven = False

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def ping(self) -> None:
        """Ask the registry whether it is there and lets us in."""
        place = Place(self.access)
        response = self._transport.send(Request("GET", "", place))
        if response.status != 200:
            raise not_a_registry(place, response.status)
        self._proven = True

    # --- reads ---------------------------------------------------------------------------------------------

    def digest(self, repository: str, reference: str) -> Digest | None:
        """The digest behind a tag (or of a digest, which tells whether it is there); None if absent."""
        return self._digest(Place(self.access, repository, reference))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest or index behind a tag or digest, checked against its digest and type; None if absent."""
        place = Place(self.access, repository, reference)
        manifest = self._fetch(place)
        if manifest is not None:
            try:
                parse_manifest(manifest)
            except ValueError as error:
                raise _unfit(place, error) from error
        return manifest

    def tags(self, repository: str) -> tuple[str, ...] | None:
        """Every tag of a repository, in the registry's order; None if there is no such repository."""
        place = Place(self.access, repository)
        path = f"{repository}/tags/list"
        return all_tags(lambda query: self._get(f"{path}?{query}", place), self._address(path), place)

    def referrers(self, repository: str, digest: Digest) -> tuple[Descriptor, ...]:
        """What is told about an image, such as its signatures: by the API, else by the tag that stands for it.

        https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
        """
        place = Place(self.access, repository, digest.text)
        path = f"{repository}/referrers/{digest}"
        first = self._transport.send(Request("GET", path, place, _ACCEPT))
        if first.status in _NO_SUCH_API or (first.status == 200 and first.media_type not in _LISTED_AS):
            return self._tagged_referrers(Place(self.access, repository, digest.text.replace(":", "-")))
        if first.status != 200:
            raise of_status(place, first.status, first.body)
        return all_referrers(
            lambda query: self._get(f"{path}?{query}", place, _ACCEPT["Accept"]), first, self._address(path), place
        )

    def blob(self, repository: str, digest: Digest, *, limit: int) -> bytes | None:
        """A small blob such as an image's configuration, of at most `limit` bytes; None if absent."""
        place = Place(self.access, repository, digest.text)
        path = f"{repository}/blobs/{digest}"
        response = self._found(Request("GET", path, place, {"Accept": "*/*"}, limit=limit))
        if response is None:
            return None
        if digest_of(response.body) != digest:
            raise _mismatch(place, digest.text, digest_of(response.body))
        return response.body

    # --- writes --------------------------------------------------------------------------------------------

    def put_manifest(
        self, repository: str, reference: str, manifest: Manifest, *, replacing: Digest | None = None
    ) -> bool:
        """Make a tag (or its own digest) name a manifest whose parts the repository has.

        False where the registry refuses, and the tag turns out to name it already. `replacing` is what the tag is
        known to name so far, None for nothing. After a failure the tag is read before it is tried again, so that a
        write that arrived is no failure, and nobody else's is overwritten: TagTakenError if it then names another.
        """
        wanted = Push(Place(self.access, repository, reference), manifest, replacing)
        return push(wanted, self._transport, self._digest, self._sleep)

    def mount(self, repository: str, blob: Digest, source: str) -> bool:
        """Have a blob of the repository `source` in this one too, without sending it; False where that is not to be.

        https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#mounting-a-blob-from-another-repository
        """
        return mount(self._transport, Place(self.access, repository, blob.text), source)

    def check_uploads(self, repository: str) -> None:
        """Begin an upload and give it up; who uploads sends the login to where the registry says.

        Raises RegistryError where nothing may be written, and where the login may not go there.
        """
        check_uploads(self._transport, Place(self.access, repository))

    def _digest(self, place: Place) -> Digest | None:
        response = self._transport.send(Request("HEAD", _manifest_path(place), place, _ACCEPT))
        if response.status not in _NO_HEAD:
            if self._absent(response):
                return None
            digest = _announced(response, place)
            if digest is not None:
                self._proven = True
                return _same(place, digest)
        manifest = self._fetch(place)
        return manifest.digest if manifest else None

    def _fetch(self, place: Place) -> Manifest | None:
        response = self._get(_manifest_path(place), place, _ACCEPT["Accept"])
        if response is None:
            return None
        digest = _same(place, digest_of(response.body))
        announced = response.headers.get("Docker-Content-Digest", "")
        if is_digest_of(announced, response.body) is False:
            raise _mismatch(place, announced, digest)
        try:
            return manifest_of(response.media_type, response.body)
        except ValueError as error:
            raise _unfit(place, error) from error

    def _tagged_referrers(self, place: Place) -> tuple[Descriptor, ...]:
        manifest = self._fetch(place)
        if manifest is None:
            return ()
        try:
            return tuple({entry.digest: entry for entry in parse_referrers(manifest)}.values())
        except ValueError as error:
            raise RegistryError(f"{place}: no list of referrers: {error}") from error

    def _get(self, path: str, place: Place, accept: str = "application/json") -> Response | None:
        return self._found(Request("GET", path, place, {"Accept": accept}))

    def _found(self, request: Request) -> Response | None:
        response = self._transport.send(request)
        if self._absent(response):
            return None
        if response.status != 200:
            raise of_status(request.place, response.status, response.body)
        return response

    def _absent(self, response: Response) -> bool:
        """Whether a registry says "not found": any web server does, so it counts only from one that is a registry."""
        if response.status != 404 or codes_of(response.body) & _NOT_ABSENT:
            return False
        if API_VERSION not in response.headers and not self._proven:
            self.ping()
        return True

    def _address(self, path: str) -> Address:
        return Address(self.access.origin, f"/v2/{path}")


@dataclass(frozen=True)
class ImageRepository:
    """A repository at a registry: `path` is the whole path below the host, the configured prefix path included."""

    registry: RegistryClient
    path: str

    def place(self, reference: str) -> Place:
        """A tag or digest in it, for messages."""
        return Place(self.registry.access, self.path, reference)


def _manifest_path(place: Place) -> str:
    return f"{place.repository}/manifests/{place.reference}"


def _announced(response: Response, place: Place) -> Digest | None:
    """The digest in the answer to a HEAD; None where only the manifest itself can tell."""
    if response.status != 200:
        raise of_status(place, response.status, response.body)
    try:
        check_type(response.media_type)
    except ValueError as error:
        raise _unfit(place, error) from error
    try:
        digest = Digest(response.headers.get("Docker-Content-Digest", ""))
    except ValueError:
        return None
    return digest if response.media_type in MEDIA_TYPES else None


def _same(place: Place, digest: Digest) -> Digest:
    """The digest, provided that it is the one asked for if one was."""
    if place.reference.startswith("sha256:") and place.reference != digest.text:
        raise _mismatch(place, place.reference, digest)
    return digest


def _mismatch(place: Place, expected: str, digest: Digest) -> RegistryError:
    return RegistryError(
        f"{place}: the registry answers with content of the digest {digest}, which should be {quoted(place, expected)}",
        hint="something between here and the registry changes manifests: do not trust it",
    )


def _unfit(place: Place, reason: object) -> RegistryError:
    return RegistryError(f"{place}: a manifest which promobot does not promote: {reason}", hint=_REBUILD)
