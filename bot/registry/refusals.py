"""What a registry means that does not take a manifest or a blob."""

from __future__ import annotations

from bot.registry.errors import Place, StatusError, codes_of, of_status, said

# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
_PARTS_MISSING = frozenset({"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})
# The one thing that the registries' refusals have in common: "configured as immutable", "the tag is immutable",
# TAG_IMMUTABLE; ECR names its exception too.
_IMMUTABLE = (b"immutable", b"imagetagalreadyexists")

_RIGHT = "give the account of registry {name} the right to push there: an expired token looks like this too"
_WORDS = {
    403: ("the credentials do not allow writing", _RIGHT),
    404: ("the registry has no such repository to write to", "create {repository} at registry {name}"),
    405: ("the registry takes no writes here", "is {endpoint} a mirror or a cache?"),
    413: ("it is too large for the registry", "raise the limit of registry {name}, or of a proxy before it"),
}


def of_push(place: Place, status: int, body: bytes = b"") -> StatusError:
    """The error for an HTTP status that a write was answered with."""
    words = _words(place, status, body)
    if words is None:
        return of_status(place, status, body)
    what, hint = words
    access = place.access
    hint = hint.format(name=access.name, repository=place.repository, endpoint=access.endpoint)
    return StatusError(f"{place}: {what} (HTTP {status}){said(place, body)}", hint=hint, status=status, body=body)


def _words(place: Place, status: int, body: bytes) -> tuple[str, str] | None:
    if status < 500 and any(word in body.lower() for word in _IMMUTABLE):
        return "the registry does not let this tag move", "registry {name} keeps it immutable: use another tag"
    if codes_of(body) & _PARTS_MISSING:
        return "the repository lacks a part of this image", "copy the whole image there first"
    if status == 401 and place.access.login:
        return "the registry does not accept the credentials for writing", _RIGHT
    return _WORDS.get(status)
