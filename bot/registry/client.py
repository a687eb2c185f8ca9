"""What a registry holds: digests and manifests, read over HTTP."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.errors import Place, not_a_registry, of_status
from bot.registry.manifest import IMAGE_TYPES, INDEX_TYPES, Manifest
from bot.registry.pace import Pace
from bot.registry.transport import Request, Response, Transport

# All four, always: a registry converts what is not accepted, and then reports another digest with status 200.
MEDIA_TYPES = (*INDEX_TYPES, *IMAGE_TYPES)
# Most registries send it with every answer: https://distribution.github.io/distribution/spec/api/#api-version-check
_API_VERSION = "Docker-Distribution-Api-Version"
_HEADERS = {"Accept": ", ".join(MEDIA_TYPES)}


class RegistryClient:
    """Reads from one registry; threads may share it.

    A `repository` is the whole path below the host, the registry's configured prefix path included. A `reference`
    is a tag or the text of a digest. Every method raises RegistryError where the registry
    does not say yes or no: only "not found" from something that is a registry is None.
    API: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pull
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
        self._transport = Transport(access, timeout=timeout, sleep=sleep, pace=pace)
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

    def digest(self, repository: str, reference: str) -> Digest | None:
        """The digest behind a tag (or of a digest, which tells whether it is there); None if absent."""
        place = Place(self.access, repository, reference)
        response = self._read("HEAD", place)
        if response is None:
            return None
        try:
            digest = Digest(response.headers.get("Docker-Content-Digest", ""))
        except ValueError:
            manifest = self.manifest(repository, reference)
            return manifest.digest if manifest else None
        return _same(place, digest)

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest or index behind a tag or digest, checked against its digest; None if absent."""
        place = Place(self.access, repository, reference)
        response = self._read("GET", place)
        if response is None:
            return None
        digest = _same(place, Digest(f"sha256:{hashlib.sha256(response.body).hexdigest()}"))
        announced = response.headers.get("Docker-Content-Digest", "")
        if announced.startswith("sha256:") and announced != digest.text:
            raise _mismatch(place, announced, digest)
        return Manifest(_media_type(response), response.body, digest)

    def _read(self, method: str, place: Place) -> Response | None:
        path = f"{place.repository}/manifests/{place.reference}"
        response = self._transport.send(Request(method, path, place, _HEADERS))
        match response.status:
            case 200 if _media_type(response) in {*MEDIA_TYPES, ""}:
                self._proven = True
                return response
            case 200:
                raise RegistryError(
                    f"{place}: a manifest of the type {_media_type(response)}, which promobot does not promote",
                    hint="build the image again with a current tool",
                )
            case 404:
                # Any web server says "not found"; it counts only from one that answers like a registry.
                if not self._proven and _API_VERSION not in response.headers:
                    self.ping()
                return None
            case status:
                raise of_status(place, status, response.body)


@dataclass(frozen=True)
class ImageRepository:
    """A repository at a registry: `path` is the whole path below the host, the configured prefix path included."""

    registry: RegistryClient
    path: str

    def place(self, reference: str) -> Place:
        """A tag or digest in it, for messages."""
        return Place(self.registry.access, self.path, reference)


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _same(place: Place, digest: Digest) -> Digest:
    """The digest, provided that it is the one asked for if one was."""
    if place.reference.startswith("sha256:") and place.reference != digest.text:
        raise _mismatch(place, place.reference, digest)
    return digest


def _mismatch(place: Place, expected: str, digest: Digest) -> RegistryError:
    return RegistryError(
        f"{place}: the registry answers with content of the digest {digest}, which should be {expected}",
        hint="something between here and the registry changes manifests: do not trust it",
    )
