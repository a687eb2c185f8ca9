"""What a registry means that does not take a manifest or a blob."""

from __future__ import annotations

from bot.registry.errors import Place, StatusError, codes_of, of_status, said

# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
_PARTS_MISSING = frozenset({"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})
# The one thing that the registries' refusals have in common: "configured as immutable", "the tag is immutable",
# TAG_IMMUTABLE; ECR names its exception too.
_IMMUTABLE = (b"immutable", b"imagetagalreadyexists")


def of_push(place: Place, status: int, body: bytes = b"") -> StatusError:
    """The error for an HTTP status that a write was answered with."""
    found = _known(place, status, body)
    if found is None:
        return of_status(place, status, body)
    what, hint = found
    return StatusError(f"{place}: {what} (HTTP {status}){said(place, body)}", hint=hint, status=status, body=body)


def _known(place: Place, status: int, body: bytes) -> tuple[str, str] | None:
    name = place.access.name
    right = f"give the account of registry {name} the right to push there: an expired token looks like this too"
    if status >= 500:
        return None
    if any(word in body.lower() for word in _IMMUTABLE):
        return "the registry does not let this tag move", f"make an exception for floating tags at registry {name}"
    if codes_of(body) & _PARTS_MISSING:
        return "the repository lacks a part of this image", "copy the whole image there first"
    if status == 401 and not place.access.login:
        return None
    return {
        401: ("the credentials do not allow writing", right),
        403: ("the credentials do not allow writing", right),
        404: ("there is no such repository to write to", f"create {place.repository} at registry {name}"),
        405: ("the registry does not take it", "is the registry, or the repository, for reading only?"),
        413: ("it is too large", "is there a limit on sizes at the registry, or at a proxy before it?"),
    }.get(status)
