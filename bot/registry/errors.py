"""What went wrong at a registry, in words that say which one, which image and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.errors import ConflictError, RegistryError
from bot.images import Digest
from bot.network.retry import is_failure, may_pass
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

    def limited(self, seconds: float) -> RateLimitError:
        """The error where the registry wants no request for so long that nobody waits for it."""
        return RateLimitError(self, seconds)


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
    """A registry lets nobody through for longer than is waited for; it was not asked again."""

    def __init__(self, place: Place, seconds: float) -> None:
        super().__init__(
            f"{place}: the registry limits the rate of requests (HTTP 429), and wants {seconds:.0f} s without any",
            hint=_slower(place.access),
        )
        self.seconds = seconds


def of_status(place: Place, status: int, body: bytes = b"", *, known: bool = False) -> StatusError:
    """The error for an HTTP status that is neither a result nor "not found".

    `known` is whether the registry said that it knows us, and that we lack the right.
    """
    message, hint = _status_words(place, status, body, known=known)
    if status == 401 and not known:
        place = of_login(place)
    return StatusError(f"{place}: {message}", hint=hint, status=status, body=body)


def of_login(place: Place) -> Place:
    """Where a login isn't accepted: the image that was asked for first has no part in that."""
    return Place(place.access) if place.access.login else place


def _status_words(place: Place, status: int, body: bytes, *, known: bool) -> tuple[str, str]:
    name = place.access.name
    credentials = (
        "does not accept the credentials" if place.access.login else "wants credentials, and none are configured"
    )
    match status:
        case 401 if not known:
            return (
                f"the registry {credentials} (HTTP 401){said(place, body)}",
                check_login(place.access),
            )
        case 401 | 403:
            return (
                f"the credentials do not allow this (HTTP {status}){said(place, body)}",
                f"give the account of registry {name} the right to read this repository",
            )
        case 429:
            return "the registry limits the rate of requests (HTTP 429)", _slower(place.access)
        case _ if is_failure(status):
            return f"the registry failed (HTTP {status}){said(place, body)}", "run again when the registry works again"
        case _:
            return f"unexpected answer (HTTP {status}){said(place, body)}", unexpected(place.access, status)


def _slower(access: RegistryAccess) -> str:
    return f"wait, then run again; if it happens often, lower `concurrency` of registry {access.name}"


def check_login(access: RegistryAccess) -> str:
    """What to do where we are not let in."""
    if access.login is None:
        return f"give registry {access.name} an `auth` in the configuration"
    return f"check `auth` of registry {access.name}: user name, password, and whether a token has expired"


def unexpected(access: RegistryAccess, status: int) -> str:
    """What to do about an answer that no registry would give."""
    # Which is what Go's servers say to plain HTTP on their https port; the words are lost with a HEAD's body.
    if status == 400 and access.plain_http:
        return f"if the registry speaks https, remove `plain_http` of registry {access.name}"
    return f"is {access.endpoint} a registry? Check the address of registry {access.name} in the configuration"


def not_a_registry(place: Place, status: int) -> RegistryError:
    """The error where `/v2/` does not answer as a registry does, so that its "not found" means nothing."""
    return RegistryError(
        f"{place}: {place.access.url}/v2/ does not answer like a registry (HTTP {status})",
        hint=unexpected(place.access, status),
    )


def said(place: Place, body: bytes) -> str:
    """The first error message of a registry's JSON answer, quoted."""
    for error in _errors(body):
        message = error.get("message")
        if isinstance(message, str):
            return f": {quoted(place, message)}"
    return ""


def quoted(place: Place, text: str) -> str:
    """What a registry says, shortened, on one line, without what it repeats of our credentials."""
    login = place.access.login
    text = login.redact(text) if login else text
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_QUOTED]


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
