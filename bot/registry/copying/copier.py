"""One copy: look, mount what the destination has elsewhere, have skopeo bring the rest, point the tag, read back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bot.errors import RegistryError
from bot.images import Digest
from bot.network.retry import ATTEMPTS, pause
from bot.process import Glance, Limits
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository
from bot.registry.copying.blobs import Blobs
from bot.registry.copying.contents import Contents, read_contents
from bot.registry.copying.destination import arrived, holds, present, put
from bot.registry.copying.diagnosis import Diagnosis
from bot.registry.copying.mounting import mount_known
from bot.registry.copying.progress import Progress, progress_of
from bot.registry.copying.skopeo import Skopeo, check_skopeo
from bot.registry.copying.turns import turn
from bot.registry.errors import Place, StatusError, UnansweredError
from bot.registry.manifest import Descriptor, Manifest

_log = logging.getLogger(__name__)

# skopeos at a time, of 20 MB each: with 20 ms to a registry they are short of processor time then, no longer of turns.
SKOPEOS = 12
# Bytes. To send this much twice takes less time than to wait for another copy's end, and nearly every image has a
# layer of 32 bytes, the empty one.
_WORTH_WAITING = 4096
# Bytes in a second that a registry takes to put away a large blob, once it has all of it, and says nothing meanwhile.
_PUT_AWAY = 50_000_000
# Seconds that sizes can add to the time for a copy, and to that without a byte: for a blob of 90 GB.
_LONGEST = 86_400.0
_LONGEST_IDLE = 1800.0
# What a registry says that finds a part of what it has missing: docker-registry writes the links to its blobs in place,
# so that they are empty for a moment when somebody else brings the same blob there.
_MISSING = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "DIGEST_INVALID"})
# Seconds to leave a registry alone that limits its rate; skopeo has waited for half a minute by then.
_RATE_PAUSE = 30.0

Watch: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Copied:
    """The tag was absent and now holds the digest, as read back from the registry."""

    digest: Digest


@dataclass(frozen=True)
class AlreadyThere:
    """The tag held the digest before; nothing was started and nothing written."""

    digest: Digest


@dataclass(frozen=True)
class Patience:
    """How long a skopeo may take: `total` seconds and one more for every `slowest` bytes, of which none may pass
    without any byte moved for longer than `idle` (skopeo itself waits for up to 60 where a registry limits its rate).

    Sizes are what the source says that they are, so neither time grows without end.
    """

    total: float = 600.0
    slowest: float = 256_000.0
    idle: float = 75.0

    def limits(self, blobs: tuple[Descriptor, ...]) -> Limits:
        """What holds for a copy of these."""
        sizes = [blob.size for blob in blobs]
        total = self.total + min(sum(sizes) / self.slowest, _LONGEST)
        return Limits(total=total, idle=self.idle + min(max(sizes, default=0) / _PUT_AWAY, _LONGEST_IDLE))


_ABSENT = Diagnosis("it is absent, though skopeo said that it is there", "does something delete there?", may_pass=True)


@dataclass(frozen=True)
class _Job:
    source: ImageRepository
    digest: Digest
    destination: ImageRepository
    tag: str
    watch: Watch

    @property
    def place(self) -> Place:
        return self.destination.place(self.tag)


def _nobody(_progress: Progress) -> None:
    pass


@dataclass(frozen=True)
class Copier:
    """Makes copies. One for a run, so that copies know of each other; threads share it.

    `cache` is a directory of ours.
    """

    cache: Path
    patience: Patience = Patience()
    sleep: Callable[[float], None] = time.sleep
    _blobs: Blobs = field(default_factory=Blobs)
    _turns: threading.Semaphore = field(default_factory=lambda: threading.BoundedSemaphore(SKOPEOS))
    _skopeo_will_do: threading.Event = field(default_factory=threading.Event)
    _trusted: set[RegistryAccess] = field(default_factory=set)

    def copy(
        self, source: ImageRepository, digest: Digest, destination: ImageRepository, tag: str, *, watch: Watch = _nobody
    ) -> Copied | AlreadyThere:
        """Make `tag` at the destination hold exactly `digest` with all its platforms, which the source has.

        The content goes by digest, and the tag is written when all of it is there, right after it was read once more;
        then it is read back. `watch` is told of progress while bytes cross, by the thread that called.
        Raises TagTakenError if the tag holds another digest at any of these times, else RegistryError, and
        ProgramMissingError without a skopeo that will do.
        """
        if holds(destination, tag, digest):
            return AlreadyThere(digest)
        manifest = present(destination, digest) or self._bring(_Job(source, digest, destination, tag, watch))
        with turn(self.cache, destination.place(tag)):
            self._point(destination, manifest, tag)
        return Copied(digest)

    def _bring(self, job: _Job) -> Manifest:
        """Have everything behind the digest at the destination, under its digest."""
        contents = read_contents(job.source, job.digest)
        self._blobs.note(job.source, contents.blobs)
        begun = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            failure = self._carry(job, contents)
            if failure is None:
                size = sum(blob.size for blob in contents.blobs) / 1e6
                _log.info("%s: copied, %.1f MB in %.1f s", job.place, size, time.monotonic() - begun)
                return contents.manifest
            if not failure.may_pass or attempt == ATTEMPTS:
                raise _failed(job, failure)
            wait = pause(attempt)
            _log.debug("%s: try %d failed, the next in %.1f s: %s", job.place, attempt, wait, failure.reason)
            self.sleep(wait)
            if holds(job.destination, job.tag, job.digest):
                return contents.manifest
        raise AssertionError("the last try returns or raises")

    def _carry(self, job: _Job, contents: Contents) -> Diagnosis | None:
        """Try once, while nobody else brings the same blobs there; None where it all is there, whatever was said."""
        worth_waiting = [blob.digest for blob in contents.blobs if blob.size >= _WORTH_WAITING]
        with self._blobs.bringing(job.destination, worth_waiting):
            failure = self._try(job, contents)
            try:
                is_there = arrived(job.destination, contents, entirely=failure is None)
            except (StatusError, UnansweredError) as error:
                if failure is None:
                    raise
                _log.debug("%s: whether it is there isn't known: %s", job.place, error.message)
                return failure
            if not is_there:
                return failure or _ABSENT
            self._blobs.note(job.destination, contents.blobs)
            return None

    def _try(self, job: _Job, contents: Contents) -> Diagnosis | None:
        """Have the destination mount what it has; where that is all, no program is needed, else skopeo goes on."""
        absent = mount_known(self._blobs, job.destination, contents.blobs)
        if not absent:
            try:
                put(job.destination, contents)
            except StatusError as error:
                # It said that it has them all, and does not take what they belong to.
                _log.debug("%s: skopeo is to try: %s", job.destination.place(job.digest.text), error.message)
                absent = contents.blobs
            else:
                return None
        return self._run(job, absent, contents.layers)

    def _run(self, job: _Job, blobs: tuple[Descriptor, ...], layers: Collection[Digest]) -> Diagnosis | None:
        def look(glance: Glance) -> None:
            job.watch(progress_of(glance.stdout, glance.written, blobs, layers))

        _wait(job)
        with self._turns:
            self._check(job.destination)
            _wait(job)
            failure = Skopeo(self.cache).copy(
                job.source, job.digest, job.destination, limits=self.patience.limits(blobs), look=look
            )
        if failure is not None and failure.rate_limited:
            for side in _limited(job, failure):
                side.registry.pace.wait_for(_RATE_PAUSE)
        return failure

    def _point(self, destination: ImageRepository, manifest: Manifest, tag: str) -> None:
        """Write the tag, provided that it is still absent, and read it back; some registries take a moment to tell."""
        failure: RegistryError | None = None
        for attempt in range(1, ATTEMPTS + 1):
            if holds(destination, tag, manifest.digest):
                return
            try:
                destination.registry.put_manifest(destination.path, tag, manifest)
                failure = None
            except StatusError as error:
                if not error.codes & _MISSING:
                    raise
                failure = error
            if holds(destination, tag, manifest.digest):
                return
            self.sleep(pause(attempt))
        raise failure or RegistryError(
            f"{destination.place(tag)}: absent right after {manifest.digest} was written there",
            hint="does something delete tags there? Run again",
        )

    def _check(self, destination: ImageRepository) -> None:
        """Look at skopeo's version, and where uploads would go, once in a run; two that look at once do no harm."""
        if not self._skopeo_will_do.is_set():
            check_skopeo()
            self._skopeo_will_do.set()
        access = destination.registry.access
        if access.login and access not in self._trusted:
            destination.registry.check_uploads(destination.path)
            self._trusted.add(access)


def _failed(job: _Job, failure: Diagnosis) -> RegistryError:
    source = job.source.place(job.digest.text)
    return RegistryError(f"{job.place}: copying {source} failed: {failure.reason}", hint=failure.hint)


def _wait(job: _Job) -> None:
    """Wait until neither registry wants to be left alone: before a turn, so as to hold none, and once it is there."""
    for side in (job.source, job.destination):
        side.registry.pace.wait(side.place(job.digest.text))


def _limited(job: _Job, failure: Diagnosis) -> tuple[ImageRepository, ...]:
    match failure.side:
        case "source":
            return (job.source,)
        case "destination":
            return (job.destination,)
        case None:
            return (job.source, job.destination)
