"""What a registry holds, read and written over HTTP: all but the blobs of images, which skopeo carries."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.addresses import Address
from bot.registry.errors import (
    Place,
    StatusError,
    TagTakenError,
    UnansweredError,
    codes_of,
    not_a_registry,
    of_status,
)
from bot.registry.manifest import (
    IMAGE_TYPES,
    INDEX_TYPES,
    Descriptor,
    Manifest,
    digest_of,
    manifest_of,
    may_be_manifest,
    parse_manifest,
    parse_referrers,
)
from bot.registry.pace import Pace
from bot.registry.paging import all_referrers, all_tags
from bot.registry.refusals import of_push
from bot.registry.retry import ATTEMPTS, pause
from bot.registry.transport import API_VERSION, Request, Response, Transport

_log = logging.getLogger(__name__)

# All four, always: a registry converts what is not accepted, and then reports another digest with status 200.
MEDIA_TYPES = (*INDEX_TYPES, *IMAGE_TYPES)
_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}
# What a 404 with these codes says is not that something is absent.
_NOT_ABSENT = frozenset({"UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNSUPPORTED"})
# Registries without the referrers API; only 404 is in the specification.
_NO_SUCH_API = frozenset({404, 405, 406, 501})
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
        place = Place(self.access, repository, reference)
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
        if first.status in _NO_SUCH_API or (first.status == 200 and not may_be_manifest(first.media_type)):
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
        place = Place(self.access, repository, reference)
        for attempt in range(1, ATTEMPTS + 1):
            failure = self._put(place, manifest)
            if failure is None:
                return True
            last = attempt == ATTEMPTS or not failure.may_pass
            if not last:
                self._sleep(pause(attempt))
            if self._names(place, manifest.digest, replacing, failure):
                return failure.may_pass
            if last:
                raise failure
            _log.debug("%s: try %d to write it failed: %s", place, attempt, failure.message)
        raise AssertionError("the last try returns or raises")

    def mount(self, repository: str, blob: Digest, source: str) -> bool:
        """Have a blob of the repository `source` in this one too, without sending it; False where that is not to be.

        https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#mounting-a-blob-from-another-repository
        """
        place = Place(self.access, repository, blob.text)
        mounted = self._start_upload(place, f"?{urlencode({'mount': blob.text, 'from': source})}")
        if mounted.status == 201:
            return True
        if mounted.status == 202:
            self._cancel(mounted, place)
            return False
        # Is it the source that may not be read, or is nothing to be written here? An upload without a source tells.
        plain = self._start_upload(place)
        if plain.status != 202:
            raise of_push(place, plain.status, plain.body)
        self._cancel(plain, place)
        return False

    def _fetch(self, place: Place) -> Manifest | None:
        response = self._get(_manifest_path(place), place, _ACCEPT["Accept"])
        if response is None:
            return None
        digest = _same(place, digest_of(response.body))
        announced = response.headers.get("Docker-Content-Digest", "")
        if not _agrees(announced, response.body):
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

    def _put(self, place: Place, manifest: Manifest) -> StatusError | UnansweredError | None:
        """Send it once; None if the registry says that it stored it. Raises RegistryError where that can't be known."""
        headers = {"Content-Type": manifest.media_type}
        request = Request("PUT", _manifest_path(place), place, headers, manifest.body, repeatable=False)
        try:
            response = self._transport.send(request)
        except StatusError as error:
            return of_push(place, error.status, error.body)
        except UnansweredError as error:
            return error
        if response.status not in {200, 201, 202}:
            return of_push(place, response.status, response.body)
        # Most registries say what they stored; the others are asked.
        stored = response.headers.get("Docker-Content-Digest") or self.digest(place.repository, place.reference)
        if stored is None or str(stored) != manifest.digest.text:
            raise RegistryError(
                f"{place}: {manifest.digest} was put there, and the registry says that it stored {stored or 'nothing'}",
                hint="look at what it holds before you use it",
            )
        return None

    def _names(self, place: Place, wanted: Digest, replacing: Digest | None, failure: RegistryError) -> bool:
        """Whether a tag that could not be written names what it should after all."""
        try:
            present = self.digest(place.repository, place.reference)
        except RegistryError as error:
            raise failure from error
        if present is not None and present not in {wanted, replacing}:
            raise TagTakenError(place, present=present, wanted=wanted) from failure
        if present is None and replacing is not None:
            raise failure
        return present == wanted

    def _start_upload(self, place: Place, query: str = "") -> Response:
        request = Request("POST", f"{place.repository}/blobs/uploads/{query}", place, body=b"")
        try:
            return self._transport.send(request)
        except StatusError as error:
            if error.status not in {401, 403}:
                raise
            return Response(error.status, {}, error.body, self.access.origin)

    def _cancel(self, upload: Response, place: Place) -> None:
        """End an upload that is not wanted; registries clean up after those that stay."""
        try:
            location = self._address(f"{place.repository}/blobs/uploads/").join(upload.headers.get("Location", ""))
            if "/blobs/upload" in location.target:
                self._transport.send(Request("DELETE", str(location), place, repeatable=False))
        except (ValueError, RegistryError) as error:
            _log.debug("%s: an upload could not be cancelled: %s", place, error)

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
    if not may_be_manifest(response.media_type):
        raise _unfit(place, f"it is of the type {response.media_type}")
    try:
        digest = Digest(response.headers.get("Docker-Content-Digest", ""))
    except ValueError:
        return None
    return digest if response.media_type in MEDIA_TYPES else None


def _agrees(announced: str, body: bytes) -> bool:
    """Whether the bytes are what the registry announced, by whichever algorithm; where it did not, they are."""
    algorithm, _, value = announced.partition(":")
    return algorithm not in {"sha256", "sha384", "sha512"} or hashlib.new(algorithm, body).hexdigest() == value


def _same(place: Place, digest: Digest) -> Digest:
    """The digest, provided that it is the one asked for if one was."""
    if place.reference.startswith("sha256:") and place.reference != digest.text:
        raise _mismatch(place, place.reference, digest)
    return digest


def _mismatch(place: Place, expected: str, digest: Digest) -> RegistryError:
    return RegistryError(
        f"{place}: the registry answers with content of the digest {digest}, which should be {expected[:200]}",
        hint="something between here and the registry changes manifests: do not trust it",
    )


def _unfit(place: Place, reason: object) -> RegistryError:
    return RegistryError(f"{place}: a manifest which promobot does not promote: {reason}", hint=_REBUILD)
