"""What went wrong at a registry, in words that say which one, which image and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass

from urllib3 import exceptions as http

from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess

_QUOTED = 200


@dataclass(frozen=True)
class Place:
    """A tag or digest (or nothing) of a repository at a registry, as messages name it."""

    access: RegistryAccess
    repository: str = ""
    reference: str = ""

    def __str__(self) -> str:
        path = f"/{self.repository}" if self.repository else ""
        joint = "@" if ":" in self.reference else ":"
        reference = f"{joint}{self.reference}" if self.reference else ""
        return f"registry {self.access.name}: {self.access.endpoint}{path}{reference}"


class TagTakenError(RegistryError):
    """A version tag holds another image than the one to be put there; it is never overwritten."""

    def __init__(self, place: Place, *, present: Digest, wanted: Digest) -> None:
        super().__init__(
            f"{place} is taken: it holds {present}, and {wanted} was to be put there",
            hint="a version tag never moves: release the image under a new version",
        )
        self.present = present
        self.wanted = wanted


class RateLimitError(RegistryError):
    """A registry lets nobody through for longer than is waited for."""

    def __init__(self, place: Place, seconds: float) -> None:
        super().__init__(
            f"{place}: the registry limits the rate of requests (HTTP 429), for another {seconds:.0f} s",
            hint="wait, then run again",
        )
        self.seconds = seconds


def of_status(place: Place, status: int, body: bytes = b"") -> RegistryError:
    """The error for an HTTP status that is neither a result nor "not found"."""
    name = place.access.name
    credentials = (
        "does not accept the credentials" if place.access.login else "wants credentials, and none are configured"
    )
    match status:
        case 401:
            return RegistryError(
                f"{place}: the registry {credentials} (HTTP 401)",
                hint=f"check the credentials of registry {name}: an expired token looks like this too",
            )
        case 403:
            return RegistryError(
                f"{place}: the credentials do not allow this (HTTP 403){_said(place, body)}",
                hint=f"give the account of registry {name} the right to read this repository",
            )
        case 429:
            return RegistryError(
                f"{place}: the registry limits the rate of requests (HTTP 429)", hint="wait, then run again"
            )
        case _ if status >= 500:
            return RegistryError(
                f"{place}: the registry failed (HTTP {status}){_said(place, body)}", hint="run again when it is well"
            )
        case _:
            return RegistryError(
                f"{place}: unexpected answer (HTTP {status}){_said(place, body)}",
                hint=_unexpected(place.access, status),
            )


def _unexpected(access: RegistryAccess, status: int) -> str:
    # Which is what Go's servers say to plain HTTP on their https port; the words are lost with a HEAD's body.
    if status == 400 and access.plain_http:
        return f"does it speak https? Then take away plain_http of registry {access.name}"
    return f"is {access.endpoint} a registry? Check its address in the configuration"


def not_a_registry(place: Place, status: int) -> RegistryError:
    """The error where `/v2/` does not answer as a registry does, so that its "not found" means nothing."""
    return RegistryError(
        f"{place}: {place.access.url}/v2/ does not answer like a registry (HTTP {status})",
        hint=f"check the address of registry {place.access.name} in the configuration",
    )


# The first row whose type fits; urllib3's name resolution error is a kind of its connection error.
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (http.NameResolutionError, "the host name cannot be resolved", "check its spelling and this machine's DNS"),
    (http.NewConnectionError, "it cannot be connected to", "check its address, and that it runs"),
    (http.ConnectTimeoutError, "it cannot be connected to in time", "check its address and the network"),
    (http.ReadTimeoutError, "no answer in time", "run again when it is well"),
    ((http.ProtocolError, http.SSLError), "the connection was cut", "run again when it is well"),
)


def of_failure(place: Place, error: http.HTTPError) -> RegistryError:
    """The error for a request that got no answer at all."""
    if isinstance(error, http.SSLError) and "EOF" not in str(error):
        what, hint = _of_tls(place.access, str(error))
        return RegistryError(f"{place}: {what}", hint=hint)
    for kind, what, hint in _FAILURES:
        if isinstance(error, kind):
            return RegistryError(f"{place}: {what}", hint=hint)
    return RegistryError(f"{place}: {type(error).__name__}", hint="run again with -v")


def _of_tls(access: RegistryAccess, reason: str) -> tuple[str, str]:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        detail = reason.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "unknown reason"
        return (
            f"its TLS certificate is not trusted: {detail}",
            f"set ca_file of registry {access.name} to the authority's certificate",
        )
    if "WRONG_VERSION_NUMBER" in reason or "record layer failure" in reason.lower():
        return "it does not speak https", f"set plain_http of registry {access.name} if that is meant"
    return "the TLS handshake failed", f"check the address and the certificate of registry {access.name}"


def _said(place: Place, body: bytes) -> str:
    """The first error message of a registry's JSON answer, shortened, without what it repeats of our credentials.

    Format: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
    """
    try:
        message = json.loads(body)["errors"][0]["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    if not isinstance(message, str):
        return ""
    message = " ".join(message.split())
    login = place.access.login
    return f": {(login.redact(message) if login else message)[:_QUOTED]}"
