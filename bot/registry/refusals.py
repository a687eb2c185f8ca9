"""What a registry means that does not take a manifest or a blob."""

from __future__ import annotations

from bot.errors import RegistryError
from bot.registry.errors import Place, codes_of, of_status, words_of

# https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
_PARTS_MISSING = frozenset({"MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})
# The one thing that the registries' refusals have in common: "configured as immutable", "the tag is immutable",
# TAG_IMMUTABLE; ECR names its exception too.
_IMMUTABLE = (b"immutable", b"imagetagalreadyexists")


def of_push(place: Place, status: int, body: bytes = b"") -> RegistryError:
    """The error for an HTTP status that a write was answered with; PassingError where it may do a little later."""
    found = _known(place, status, body)
    if found is None:
        return of_status(place, status, body, write=True)
    what, hint = found
    return RegistryError(f"{place}: {what} (HTTP {status}){words_of(place, body)}", hint=hint)


def _known(place: Place, status: int, body: bytes) -> tuple[str, str] | None:
    name = place.access.name
    if status >= 500:
        return None
    if any(word in body.lower() for word in _IMMUTABLE):
        return "the registry does not let this tag move", f"registry {name} keeps it immutable: use another tag"
    if codes_of(body) & _PARTS_MISSING:
        return "the repository lacks a part of this image", "copy the whole image there first"
    if status == 404:
        return "there is no such repository to write to", f"create {place.repository} at registry {name}"
    return None
