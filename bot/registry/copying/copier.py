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
from bot.parallel import in_parallel
from bot.process import Glance, Limits
from bot.registry.access import RegistryAccess
from bot.registry.client import ImageRepository
from bot.registry.copying.blobs import Blobs
from bot.registry.copying.contents import AT_ONCE, Contents, images_are_there, is_complete, read_contents
from bot.registry.copying.diagnosis import Diagnosis
from bot.registry.copying.progress import Progress, progress_of
from bot.registry.copying.skopeo import Skopeo, check_skopeo
from bot.registry.copying.turns import turn
from bot.registry.errors import Place, StatusError, TagTakenError, UnansweredError
from bot.registry.manifest import Descriptor, Manifest
from bot.registry.retry import ATTEMPTS, pause

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
    _checked: set[RegistryAccess] = field(default_factory=set)

    def copy(
        self, source: ImageRepository, digest: Digest, destination: ImageRepository, tag: str, *, watch: Watch = _nobody
    ) -> Copied | AlreadyThere:
        """Make `tag` at the destination hold exactly `digest` with all its platforms, which the source has.

        The content goes by digest, and the tag is written when all of it is there, right after it was read once more;
        then it is read back. `watch` is told of progress while bytes cross, by the thread that called.
        Raises TagTakenError if the tag holds another digest at any of these times, else RegistryError, and
        ProgramMissingError without a skopeo that will do.
        """
        if _holds(destination, tag, digest):
            return AlreadyThere(digest)
        manifest = _present(destination, digest) or self._bring(_Job(source, digest, destination, tag, watch))
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
            if _holds(job.destination, job.tag, job.digest):
                return contents.manifest
        raise AssertionError("the last try returns or raises")

    def _carry(self, job: _Job, contents: Contents) -> Diagnosis | None:
        """Try once, while nobody else brings the same blobs there; None where it all is there, whatever was said."""
        worth_waiting = [blob.digest for blob in contents.blobs if blob.size >= _WORTH_WAITING]
        with self._blobs.bringing(job.destination, worth_waiting):
            failure = self._try(job, contents)
            try:
                arrived = _arrived(job.destination, contents, entirely=failure is None)
            except (StatusError, UnansweredError) as error:
                if failure is None:
                    raise
                _log.debug("%s: whether it is there isn't known: %s", job.place, error.message)
                return failure
            if not arrived:
                return failure or _ABSENT
            self._blobs.note(job.destination, contents.blobs)
            return None

    def _try(self, job: _Job, contents: Contents) -> Diagnosis | None:
        """Have the destination mount what it has; where that is all, no program is needed, else skopeo goes on."""
        absent = self._mount(job.destination, contents.blobs)
        if not absent:
            try:
                _put(job.destination, contents)
            except StatusError as error:
                # It said that it has them all, and does not take what they belong to.
                _log.debug("%s: skopeo is to try: %s", job.destination.place(job.digest.text), error.message)
                absent = contents.blobs
            else:
                return None
        return self._run(job, absent, contents.layers)

    def _mount(self, destination: ImageRepository, blobs: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
        """Mount what the endpoint is known to have; returns what is left to bring, as far as anybody knows."""

        def there(blob: Digest) -> bool:
            home = self._blobs.home(destination, blob)
            if home is None or home == destination.path:  # None: the endpoint has refused too often meanwhile
                return home is not None
            done = _mounted(destination, blob, home)
            self._blobs.asked(destination, mounted=done)
            return done

        known = [blob.digest for blob in blobs if self._blobs.home(destination, blob.digest) is not None]
        found = in_parallel(there, known, workers=AT_ONCE) if known else []
        present = {blob for blob, is_there in zip(known, found, strict=True) if is_there}
        return tuple(blob for blob in blobs if blob.digest not in present)

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
            if _holds(destination, tag, manifest.digest):
                return
            try:
                destination.registry.put_manifest(destination.path, tag, manifest)
                failure = None
            except StatusError as error:
                if not error.codes & _MISSING:
                    raise
                failure = error
            if _holds(destination, tag, manifest.digest):
                return
            self.sleep(pause(attempt))
        raise failure or RegistryError(
            f"{destination.place(tag)}: absent right after {manifest.digest} was written there",
            hint="does something delete tags there? Run again",
        )

    def _check(self, destination: ImageRepository) -> None:
        """Look at skopeo's version, and where uploads would go, once in a run; two that look at once do no harm."""
        if not self._checked:
            check_skopeo()
        access = destination.registry.access
        if access not in self._checked and access.login:
            destination.registry.check_uploads(destination.path)
        self._checked.add(access)


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


def _present(destination: ImageRepository, digest: Digest) -> Manifest | None:
    """The manifest, if the repository has it and all it names under another tag or none."""
    manifest = destination.registry.manifest(destination.path, digest.text)
    return manifest if manifest is not None and is_complete(destination, manifest) else None


def _arrived(destination: ImageRepository, contents: Contents, *, entirely: bool) -> bool:
    """Whether the destination has what was to be brought, whatever anybody said.

    An index whose images are all there will do unless `entirely`, since the tag is written with it. An older skopeo can
    not write some indexes, and any of them may have failed after its work was done.
    """
    wanted = (contents.manifest,) if entirely else contents.images or (contents.manifest,)
    return images_are_there(destination, [manifest.digest for manifest in wanted])


def _mounted(destination: ImageRepository, blob: Digest, home: str) -> bool:
    """Whether the destination has a blob of another repository now. What cannot be mounted can be brought."""
    try:
        return destination.registry.mount(destination.path, blob, home)
    except (StatusError, UnansweredError) as error:
        if isinstance(error, StatusError) and error.status in {401, 403}:
            raise
        _log.debug("%s: not mounted: %s", destination.place(blob.text), error.message)
        return False


def _put(destination: ImageRepository, contents: Contents) -> None:
    """Write the manifests, each under its digest, an index after its images."""
    for manifest in (*contents.images, contents.manifest):
        destination.registry.put_manifest(destination.path, manifest.digest.text, manifest)


def _holds(destination: ImageRepository, tag: str, digest: Digest) -> bool:
    """Whether the tag holds the digest; False if absent."""
    present = destination.registry.digest(destination.path, tag)
    if present is not None and present != digest:
        raise TagTakenError(destination.place(tag), present=present, wanted=digest)
    return present is not None
