"""Blobs that a registry has in another repository: mounted from there, so that nobody sends them."""

from __future__ import annotations

import logging

from bot.images import Digest
from bot.parallel import in_parallel
from bot.registry.client import ImageRepository
from bot.registry.copying.blobs import Blobs
from bot.registry.copying.contents import AT_ONCE
from bot.registry.errors import StatusError, UnansweredError
from bot.registry.manifest import Descriptor

_log = logging.getLogger(__name__)


def mount_known(blobs: Blobs, destination: ImageRepository, wanted: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
    """Mount what the endpoint is known to have; returns what is left to bring, as far as anybody knows."""

    def there(blob: Digest) -> bool:
        home = blobs.home(destination, blob)
        if home is None or home == destination.path:  # None: the endpoint has refused too often meanwhile
            return home is not None
        done = _mounted(destination, blob, home)
        blobs.asked(destination, mounted=done)
        return done

    known = [blob.digest for blob in wanted if blobs.home(destination, blob.digest) is not None]
    found = in_parallel(there, known, workers=AT_ONCE) if known else []
    present = {blob for blob, is_there in zip(known, found, strict=True) if is_there}
    return tuple(blob for blob in wanted if blob.digest not in present)


def _mounted(destination: ImageRepository, blob: Digest, home: str) -> bool:
    """Whether the destination has a blob of another repository now. What cannot be mounted can be brought."""
    try:
        return destination.registry.mount(destination.path, blob, home)
    except (StatusError, UnansweredError) as error:
        if isinstance(error, StatusError) and error.status in {401, 403}:
            raise
        _log.debug("%s: not mounted: %s", destination.place(blob.text), error.message)
        return False
