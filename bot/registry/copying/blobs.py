"""Which blob is where at an endpoint, as far as one run knows, and who is bringing it there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeAlias

from bot.images import Digest
from bot.registry.client import ImageRepository
from bot.registry.manifest import Descriptor

# So many refusals without a success in between: this endpoint mounts nothing, and is not asked again.
_IN_VAIN = 3

_Blob: TypeAlias = tuple[str, Digest]


class Blobs:
    """Shared by all copies of a run. What counts is the endpoint, whatever the configuration calls it.

    What is told here may be outdated, or not for the account that asks to know: it is where to try.
    """

    def __init__(self) -> None:
        self._homes: dict[_Blob, str] = {}
        self._coming: set[_Blob] = set()
        self._refusals: dict[str, int] = {}
        self._changed = Condition()

    def note(self, place: ImageRepository, blobs: Iterable[Descriptor]) -> None:
        """These blobs are in that repository."""
        endpoint = place.registry.access.endpoint
        with self._changed:
            self._homes.update({(endpoint, blob.digest): place.path for blob in blobs})

    def home(self, place: ImageRepository, blob: Digest) -> str | None:
        """A repository of the same endpoint that has the blob.

        None where none is known, or the endpoint mounts nothing anyway.
        """
        endpoint = place.registry.access.endpoint
        with self._changed:
            return self._homes.get((endpoint, blob)) if self._mounts(endpoint) else None

    def asked(self, place: ImageRepository, *, mounted: bool) -> None:
        """What came of asking the endpoint to mount."""
        endpoint = place.registry.access.endpoint
        with self._changed:
            self._refusals[endpoint] = 0 if mounted else self._refusals.get(endpoint, 0) + 1

    @contextmanager
    def bringing(self, place: ImageRepository, blobs: Collection[Digest]) -> Iterator[None]:
        """A context in which nobody else brings any of these blobs to the endpoint; waits until nobody does.

        All are claimed at once, by somebody who holds no claim: so nobody waits for somebody who waits. Where blobs
        are not mounted there is nothing to wait for.
        """
        endpoint = place.registry.access.endpoint
        with self._changed:
            self._changed.wait_for(lambda: not (self._absent(endpoint, blobs) & self._coming))
            claimed = self._absent(endpoint, blobs)
            self._coming |= claimed
        try:
            yield
        finally:
            with self._changed:
                self._coming -= claimed
                self._changed.notify_all()

    def _absent(self, endpoint: str, blobs: Collection[Digest]) -> set[_Blob]:
        if not self._mounts(endpoint):
            return set()
        return {(endpoint, blob) for blob in blobs} - self._homes.keys()

    def _mounts(self, endpoint: str) -> bool:
        return self._refusals.get(endpoint, 0) < _IN_VAIN
