"""Uploads that are begun and given up: a blob mounted instead of sent, and where the others would go."""

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
    try:
        response = transport.send(_post(place, f"?{urlencode({'mount': place.reference, 'from': source})}"))
        if response.status == 201:
            return True
    except StatusError as error:
        if error.may_pass:
            raise
        response = None
    if response is None or response.status != 202:
        # Is it the source that may not be read, or is nothing to be written here? An upload without a source tells.
        response = _begin(transport, place)
    _cancel(transport, place, _upload(place, response))
    return False


def check_uploads(transport: Transport, place: Place) -> None:
    """Look where a repository wants its uploads sent, since skopeo would send the login there.

    Raises RegistryError where nothing may be written, and where the login may not go there.
    """
    response = _begin(transport, place)
    upload = _upload(place, response)
    if upload is None:
        said = response.headers.get("Location", "")
        raise _astray(place, repr(said.partition("?")[0][:200]), "which is no address")
    why = place.access.distrust(upload.origin)
    if why:
        raise _astray(place, str(upload.origin), why)
    _cancel(transport, place, upload)


def _astray(place: Place, where: str, why: str) -> RegistryError:
    return RegistryError(
        f"{place}: it wants uploads sent to {where}, {why}",
        hint="does a proxy before it tell it the scheme and host that it is reached by (X-Forwarded-Proto, Host)?",
    )


def _begin(transport: Transport, place: Place) -> Response:
    """Begin an upload without a source; an error is about writing here."""
    try:
        response = transport.send(_post(place, ""))
    except StatusError as error:
        if error.may_pass:
            raise
        raise of_push(place, error.status, error.body) from error
    if response.status != 202:
        raise of_push(place, response.status, response.body)
    return response


def _post(place: Place, query: str) -> Request:
    return Request("POST", f"{place.repository}/blobs/uploads/{query}", place, body=b"")


def _upload(place: Place, response: Response) -> Address | None:
    """Where the upload that was begun goes on; None where the registry says no address."""
    uploads = Address(place.access.origin, f"/v2/{place.repository}/blobs/uploads/")
    try:
        return uploads.join(response.headers.get("Location", ""))
    except ValueError:
        return None


def _cancel(transport: Transport, place: Place, upload: Address | None) -> None:
    """End an upload that is not wanted; registries clean up after those that stay."""
    # Nothing else is deleted, whatever the registry says.
    if upload is None or "/blobs/upload" not in upload.target.partition("?")[0]:
        return
    try:
        transport.send(Request("DELETE", str(upload), place, repeatable=False))
    except RegistryError as error:
        _log.debug("%s: an upload could not be cancelled: %s", place, error)
