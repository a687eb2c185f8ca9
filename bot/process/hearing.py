"""What a program says while it runs: the beginning and the end of it, however much it is."""

from __future__ import annotations

import os
import threading
from typing import IO

# Bytes that are kept of the beginning, and as many of the end. Reasons are in one of both.
KEPT = 1 << 16


class Heard(threading.Thread):
    """Reads a stream to its end, so that who writes it never waits, and keeps little of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._head, self._tail, self._dropped = b"", b"", 0
        self._lock = threading.Lock()
        self.start()

    def run(self) -> None:
        """Read, until nobody has it open for writing any more."""
        with self._stream:
            while piece := os.read(self._stream.fileno(), KEPT):
                with self._lock:
                    self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        room = KEPT - len(self._head)
        self._head += piece[:room]
        tail = self._tail + piece[room:]
        self._dropped += max(len(tail) - KEPT, 0)
        self._tail = tail[-KEPT:]

    def text(self, *, within: float) -> str:
        """What was said up to the stream's end, or so many seconds from now. Undecodable bytes are replaced.

        Where something is left out, whole lines are: half a password would not be recognised as one.
        """
        self.join(within)
        with self._lock:
            head, tail, dropped = self._head, self._tail, self._dropped
        if dropped:
            begin, end = head[: head.rfind(b"\n") + 1], tail[tail.find(b"\n") + 1 :]
            dropped += len(head) - len(begin) + len(tail) - len(end)
            head, tail = begin + f"… {dropped} bytes left out …\n".encode(), end
        return (head + tail).decode(errors="replace")
