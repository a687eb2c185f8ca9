"""An answer as it is passed on: its headers, and its body in pieces."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from tests.proxy.faults import Corrupted, CutMidway, Drip, Kind, Pause, Replaced, Short, Without, WrongDigest

NOT_ITS_DIGEST = f"sha256:{'5' * 64}"


def changed(
    headers: dict[str, str], pieces: Iterable[bytes], kind: Kind | None, released: threading.Event
) -> tuple[dict[str, str], Iterable[bytes]]:
    half = int(headers.get("Content-Length", 0)) // 2
    match kind:
        case CutMidway():
            return headers, _first(pieces, half)
        case Short():
            return {**headers, "Content-Length": str(half)}, _first(pieces, half)
        case Corrupted():
            return headers, _corrupted(pieces, half)
        case Pause():
            return headers, pausing(pieces, half, released)
        case Drip(seconds):
            return headers, _dripping(pieces, seconds, released)
        case Replaced():
            return headers, [bytes(reversed(b"".join(pieces)))]
        case Without(header):
            return {name: value for name, value in headers.items() if name.lower() != header.lower()}, pieces
        case WrongDigest():
            return {**headers, "Docker-Content-Digest": NOT_ITS_DIGEST}, pieces
        case _:
            return headers, pieces


def _first(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The first bytes; the rest is read all the same, so that the registry's connection can be used again."""
    for piece in pieces:
        yield piece[:length]
        length = max(0, length - len(piece))


def _corrupted(pieces: Iterable[bytes], position: int) -> Iterator[bytes]:
    for piece in pieces:
        if 0 <= position < len(piece):
            changed = bytearray(piece)
            changed[position] ^= 1
            yield bytes(changed)
        else:
            yield piece
        position -= len(piece)


def pausing(pieces: Iterable[bytes], position: int, released: threading.Event) -> Iterator[bytes]:
    for piece in pieces:
        if 0 <= position < len(piece):
            yield piece[:position]
            released.wait()
            yield piece[position:]
        else:
            yield piece
        position -= len(piece)


def _dripping(pieces: Iterable[bytes], seconds: float, released: threading.Event) -> Iterator[bytes]:
    for piece in pieces:
        for value in piece:
            released.wait(seconds)
            yield bytes([value])
