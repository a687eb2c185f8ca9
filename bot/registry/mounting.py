"""Blobs that one repository of a registry has, made known to another one without being sent."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from bot.errors import RegistryError
from bot.registry.addresses import Address
from bot.registry.errors import Place, StatusError
from bot.registry.http.transport import Request, Response, Transport
from bot.registry.refusals import of_push

_log = logging.getLogger(__name__)


def mount(transport: Transport, place: Place, source: str) -> bool:
    """Have the blob at `place` there, as the repository `source` has it; False where that is not to be.

    Raises RegistryError where the registry can't be asked, and where nothing may be written at `place`.
    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#mounting-a-blob-from-another-repository
    """
    status = _try(transport, place, f"?{urlencode({'mount': place.reference, 'from': source})}")
    if status in {201, 202}:
        return status == 201
    # Is it the source that may not be read, or is nothing to be written here? An upload without a source tells.
    _try(transport, place, "", must=True)
    return False


def _try(transport: Transport, place: Place, query: str, *, must: bool = False) -> int:
    """Begin an upload, which a mount is a kind of, and give it up if there is more to do; the status of the answer."""
    request = Request("POST", f"{place.repository}/blobs/uploads/{query}", place, body=b"")
    try:
        response = transport.send(request)
        status, body = response.status, response.body
    except StatusError as error:
        if error.may_pass:
            raise
        response, status, body = None, error.status, error.body
    if response is not None and status == 202:
        _cancel(transport, place, response)
    elif must:
        raise of_push(place, status, body)
    return status


def _cancel(transport: Transport, place: Place, upload: Response) -> None:
    """End an upload that is not wanted; registries clean up after those that stay."""
    address = Address(place.access.origin, f"/v2/{place.repository}/blobs/uploads/")
    try:
        location = address.join(upload.headers.get("Location", ""))
        # Nothing else is deleted, whatever the registry says.
        if "/blobs/upload" in location.target.partition("?")[0]:
            transport.send(Request("DELETE", str(location), place, repeatable=False))
    except (ValueError, RegistryError) as error:
        _log.debug("%s: an upload could not be cancelled: %s", place, error)
