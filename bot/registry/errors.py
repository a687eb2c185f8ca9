"""What went wrong at a registry, in words that say which one, which image and what to do."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass

from bot.errors import ConflictError, RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.connections import NoAnswerError, Response, Step

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


class TagMovedError(ConflictError):
    """A floating tag holds neither what it was seen to hold nor what it was to hold; it was left alone."""

    def __init__(self, place: Place, *, present: Digest | None, expected: Digest | None) -> None:
        super().__init__(
            f"{place} moved meanwhile: it holds {present or 'nothing'}, where {expected or 'nothing'} was expected",
            hint="somebody else moves this tag too: look again",
        )
        self.present = present
        self.expected = expected


class PassingError(RegistryError):
    """A failure that may not come again: the registry is overloaded or ill, or the connection was cut.

    Of a write it is not known whether it was done.
    """


class RateLimitError(PassingError):
    """A registry lets nobody through for longer than is waited for; nothing was asked."""

    def __init__(self, place: Place, seconds: float) -> None:
        super().__init__(
            f"{place}: the registry limits the rate of requests (HTTP 429), and wants another {seconds:.0f} s of rest",
            hint="wait, then run again",
        )


def of_status(place: Place, status: int, body: bytes = b"", *, write: bool = False) -> RegistryError:
    """The error for an HTTP status that is neither a result nor "not found"."""
    said, right = words_of(place, body), "write to" if write else "read"
    match status:
        case 401:
            return _unauthorized(place, said, write=write)
        case 403:
            return RegistryError(
                f"{place}: the credentials do not allow {'writing' if write else 'this'} (HTTP 403){said}",
                hint=f"give the account of registry {place.access.name} the right to {right} this repository",
            )
        case 429:
            return PassingError(
                f"{place}: the registry limits the rate of requests (HTTP 429){said}", hint="wait, then run again"
            )
        case _ if status >= 500:
            return PassingError(f"{place}: the registry failed (HTTP {status}){said}", hint="run again when it is well")
        case 405 | 409 | 412 | 413 if write:
            return RegistryError(
                f"{place}: the registry refused to write it (HTTP {status}){said}", hint=_REFUSED[status]
            )
        case _:
            return RegistryError(
                f"{place}: unexpected answer (HTTP {status}){said}", hint=_unexpected(place.access, status)
            )


_REFUSED = {
    405: "is the registry, or the repository, for reading only?",
    409: "somebody changes the same thing: run again",
    412: "is the tag immutable, or what it refers to not there?",
    413: "is there a limit on sizes at the registry, or at a proxy before it?",
}


def _unauthorized(place: Place, said: str, *, write: bool) -> RegistryError:
    what = " for writing" if write else ""
    credentials = (
        f"does not accept the credentials{what}"
        if place.access.login
        else f"wants credentials{what}, and none are configured"
    )
    return RegistryError(
        f"{place}: the registry {credentials} (HTTP 401){said}",
        hint=f"check the credentials of registry {place.access.name}: an expired token looks like this too",
    )


def _unexpected(access: RegistryAccess, status: int) -> str:
    # Which is what Go's servers say to plain HTTP on their https port; the words are lost with a HEAD's body.
    if status == 400 and access.plain_http:
        return f"does it speak https? Then take away plain_http of registry {access.name}"
    return f"is {access.endpoint} a registry? Check its address in the configuration"


def of_elsewhere(place: Place, response: Response) -> RegistryError:
    """The error for a refusal of a server that the registry sent us to."""
    hint = f"ask who runs registry {place.access.name}; a firewall between here and there looks like this too"
    return RegistryError(
        f"{place}: it leads to {response.origin}, which answers HTTP {response.status}{words_of(place, response.body)}",
        hint=hint,
    )


def not_a_registry(place: Place, status: int) -> RegistryError:
    """The error where `/v2/` does not answer as a registry does, so that its "not found" means nothing."""
    return RegistryError(
        f"{place}: {place.access.url}/v2/ does not answer like a registry (HTTP {status})",
        hint=f"check the address of registry {place.access.name} in the configuration",
    )


def of_failure(place: Place, error: NoAnswerError) -> RegistryError:
    """The error for a request that got no answer at all."""
    elsewhere = "" if error.origin == place.access.origin else f"it leads to {error.origin}: "
    what, hint = _of_connecting(error) or _of_talking(place.access, error)
    kind = PassingError if error.cut or isinstance(error.cause, TimeoutError) else RegistryError
    return kind(f"{place}: {elsewhere}{what}", hint=hint)


_LATER = "run again when it is well"


def _of_connecting(error: NoAnswerError) -> tuple[str, str] | None:
    match error.step, error.cause:
        case Step.CONNECT | Step.HANDSHAKE, TimeoutError():
            return "it cannot be connected to in time", "check its address and the network"
        case Step.CONNECT, socket.gaierror() | ValueError():
            return "the host name cannot be resolved", "check its spelling and this machine's DNS"
        case Step.CONNECT, _:
            return "it cannot be connected to", "check its address, and that it runs"
        case _:
            return None


def _of_talking(access: RegistryAccess, error: NoAnswerError) -> tuple[str, str]:
    if error.cut:
        return "the connection was cut", _LATER
    match error.cause:
        case TimeoutError():
            return "no answer in time", _LATER
        case ssl.SSLError():
            return _of_tls(access, str(error.cause))
        case _:
            return "it does not answer in HTTP", _unexpected(access, 400)


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


def words_of(place: Place, body: bytes) -> str:
    """The words of a registry's refusal, shortened, on one line, without what they repeat of our credentials.

    Format: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
    """
    login, message = place.access.login, _message(body)
    message = login.redact(message) if login else message
    shown = " ".join("".join(char if char.isprintable() else " " for char in message).split())
    return f": {shown[:_QUOTED]}" if shown else ""


def codes_of(body: bytes) -> frozenset[str]:
    """The error codes of a registry's refusal, such as `DENIED`; none where it has another form."""
    try:
        codes = [error["code"] for error in json.loads(body)["errors"]]
    except (ValueError, LookupError, TypeError, RecursionError):
        return frozenset()
    return frozenset(code for code in codes if isinstance(code, str))


def _message(body: bytes) -> str:
    try:
        error = json.loads(body)["errors"][0]
        message = error.get("message") or error.get("code")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return message if isinstance(message, str) else ""
