"""How far a copy is, from what can be seen of a running skopeo. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.images import Digest
from bot.registry.manifest import Descriptor

# What skopeo 1.9.3 and 1.18 write to a pipe, a line when each begins; that a blob is done they say to terminals only.
_BLOB = b"Copying blob "


@dataclass(frozen=True)
class Progress:
    """Bytes that were sent, of those that have to be; and layers that were begun, of all that may have to be sent.

    What turns out to be at the destination already counts among the total and is never sent.
    """

    bytes: int
    total_bytes: int
    layers: int
    total_layers: int


def progress_of(
    stdout: bytes, written: int | None, blobs: Sequence[Descriptor], layers: Collection[Digest]
) -> Progress:
    """How far skopeo is with these blobs, some of them `layers`, from its standard output and the bytes that it wrote.

    What it writes besides blobs is less than they are by orders of magnitude.
    """
    begun = {line.removeprefix(_BLOB).strip() for line in stdout.splitlines() if line.startswith(_BLOB)}
    known = {blob.digest.text.encode() for blob in blobs if blob.digest in layers}
    total = sum(blob.size for blob in blobs)
    return Progress(min(written or 0, total), total, len(begun & known), len(known))


def distinct(blobs: Sequence[Descriptor]) -> tuple[Descriptor, ...]:
    """Each blob once, in order: layers are often named twice, empty ones above all."""
    return tuple({blob.digest: blob for blob in blobs}.values())
