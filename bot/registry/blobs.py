"""Which blob is where at an endpoint, as far as one run knows, and who is bringing it there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition

from bot.images import Digest

# So many refusals without a success in between: this endpoint mounts nothing, and is not asked again.
_IN_VAIN = 3


class Blobs:
    """Shared by all copies of a run. An endpoint is a `host[:port]`, whatever the configuration calls it.

    What is told here may be outdated or not readable for the account that asks: it is where to try.
    """

    def __init__(self) -> None:
        self._homes: dict[tuple[str, Digest], str] = {}
        self._coming: set[tuple[str, Digest]] = set()
        self._refusals: dict[str, int] = {}
        self._changed = Condition()

    def note(self, endpoint: str, repository: str, blobs: Iterable[Digest]) -> None:
        """These blobs are in that repository."""
        with self._changed:
            self._homes.update({(endpoint, blob): repository for blob in blobs})

    def home(self, endpoint: str, blob: Digest) -> str | None:
        """A repository that has the blob, None if none is known or the endpoint mounts nothing anyway."""
        with self._changed:
            return self._homes.get((endpoint, blob)) if self._mounts(endpoint) else None

    def asked(self, endpoint: str, *, mounted: bool) -> None:
        """What came of asking the endpoint to mount."""
        with self._changed:
            self._refusals[endpoint] = 0 if mounted else self._refusals.get(endpoint, 0) + 1

    @contextmanager
    def bringing(self, endpoint: str, blobs: Collection[Digest]) -> Iterator[None]:
        """A context in which nobody else brings any of these blobs to the endpoint; waits until nobody does.

        All are claimed at once, by somebody who holds no claim: so nobody waits for somebody who waits. Where blobs
        are not mounted there is nothing to wait for.
        """
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

    def _absent(self, endpoint: str, blobs: Collection[Digest]) -> set[tuple[str, Digest]]:
        if not self._mounts(endpoint):
            return set()
        return {(endpoint, blob) for blob in blobs} - self._homes.keys()

    def _mounts(self, endpoint: str) -> bool:
        return self._refusals.get(endpoint, 0) < _IN_VAIN
