"""What went wrong at a registry, in words that say which one, which image and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from urllib3 import exceptions as http

from bot.errors import RegistryError
from bot.images import Digest
from bot.registry.access import RegistryAccess
from bot.registry.retry import may_pass

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


class StatusError(RegistryError):
    """A registry's answer that is neither a result nor "not found"."""

    def __init__(self, message: str, *, hint: str, status: int, body: bytes) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.body = body

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return may_pass(self.status)

    @property
    def codes(self) -> frozenset[str]:
        """The registry's own words for it, such as `DENIED`; none where its answer has another form."""
        return codes_of(self.body)


class UnansweredError(RegistryError):
    """No answer came. `sent`: the request may have arrived, and been carried out; `may_pass`: try again."""

    def __init__(self, message: str, *, hint: str, sent: bool, may_pass: bool) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.may_pass = may_pass


class RateLimitError(RegistryError):
    """A registry lets nobody through for longer than is waited for."""

    def __init__(self, place: Place, seconds: float) -> None:
        super().__init__(
            f"{place}: the registry limits the rate of requests (HTTP 429), for another {seconds:.0f} s",
            hint="wait, then run again",
        )
        self.seconds = seconds


def of_status(place: Place, status: int, body: bytes = b"") -> StatusError:
    """The error for an HTTP status that is neither a result nor "not found"."""
    message, hint = _status_words(place, status, body)
    return StatusError(f"{place}: {message}", hint=hint, status=status, body=body)


def _status_words(place: Place, status: int, body: bytes) -> tuple[str, str]:
    name = place.access.name
    credentials = (
        "does not accept the credentials" if place.access.login else "wants credentials, and none are configured"
    )
    match status:
        case 401:
            return (
                f"the registry {credentials} (HTTP 401)",
                f"check the credentials of registry {name}: an expired token looks like this too",
            )
        case 403:
            return (
                f"the credentials do not allow this (HTTP 403){said(place, body)}",
                f"give the account of registry {name} the right to read this repository",
            )
        case 429:
            return "the registry limits the rate of requests (HTTP 429)", "wait, then run again"
        case _ if status >= 500:
            return f"the registry failed (HTTP {status}){said(place, body)}", "run again when it is well"
        case _:
            return f"unexpected answer (HTTP {status}){said(place, body)}", _unexpected(place.access, status)


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


def cut(error: http.HTTPError) -> bool:
    """Whether the connection ended early; over TLS that looks like a failure of TLS."""
    return isinstance(error, http.ProtocolError) or (isinstance(error, http.SSLError) and "EOF" in str(error))


def of_failure(place: Place, error: http.HTTPError) -> UnansweredError:
    """The error for a request that got no answer at all."""
    what, hint = _failure_words(place, error)
    sent = cut(error) or isinstance(error, http.ReadTimeoutError)
    return UnansweredError(f"{place}: {what}", hint=hint, sent=sent, may_pass=cut(error))


def _failure_words(place: Place, error: http.HTTPError) -> tuple[str, str]:
    if isinstance(error, http.SSLError) and "EOF" not in str(error):
        return _of_tls(place.access, str(error))
    for kind, what, hint in _FAILURES:
        if isinstance(error, kind):
            return what, hint
    return type(error).__name__, "run again with -v"


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


def said(place: Place, body: bytes) -> str:
    """The first error message of a registry's JSON answer, shortened, without what it repeats of our credentials."""
    for error in _errors(body):
        message = error.get("message")
        if isinstance(message, str):
            message = " ".join(message.split())
            login = place.access.login
            return f": {(login.redact(message) if login else message)[:_QUOTED]}"
    return ""


def codes_of(body: bytes) -> frozenset[str]:
    """The error codes of a registry's JSON answer, none where it has another form."""
    return frozenset(code for error in _errors(body) if isinstance(code := error.get("code"), str))


def _errors(body: bytes) -> list[dict[str, Any]]:
    """Format: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes"""
    try:
        errors = json.loads(body)["errors"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
