"""Takes secrets out of texts that are shown: what a server says may repeat what it was sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Sequence

_HIDDEN = "…"
# What base64 and its variant for URLs are written in; shorter than this, nothing worth hiding is in it.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
# Half characters that stand for no byte.
_NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_RUN = re.compile(rb"\x00+|\x01+")


def redact(text: str, secret: str) -> str:
    """The text without a secret, in clear or encoded as above; an empty secret is none.

    In linear time, whatever is in both: neither need be ours.
    """
    if not secret:
        return text
    content, wanted = in_bytes(_NO_BYTES.sub("\ufffd", text)), in_bytes(secret)
    hidden = bytearray(len(content))
    for decoded, places in _readings(content):
        at = decoded.find(wanted)
        while at >= 0:
            start, end = places[at], places[at + len(wanted)]
            hidden[start:end] = b"\x01" * (end - start)
            at = decoded.find(wanted, at + len(wanted))
    shown = b"".join(
        _HIDDEN.encode() if hidden[start] else content[start:end]
        for start, end in (run.span() for run in _RUN.finditer(hidden))
    )
    text = shown.decode("utf-8", "surrogateescape")
    return _BASE64.sub(lambda run: _HIDDEN if _holds(run[0], secret) else run[0], text)


def _readings(content: bytes) -> Iterator[tuple[bytes, Sequence[int]]]:
    """The text as it is, and read as one of URLs, forms and JSON; with where each byte of it begins in the text."""
    yield content, range(len(content) + 1)
    for escape, plain in _ESCAPES:
        decoded, places, done = bytearray(), list[int](), 0
        for found in escape.finditer(content):
            byte = plain(found[0])
            decoded += content[done : found.start()] + byte
            places += [*range(done, found.start()), *([found.start()] * len(byte))]
            done = found.end()
        if done:
            yield bytes(decoded + content[done:]), [*places, *range(done, len(content) + 1)]


def _of_url(escape: bytes) -> bytes:
    return b" " if escape == b"+" else bytes.fromhex(escape[1:].decode("ascii"))


def _of_json(escape: bytes) -> bytes:
    try:
        return in_bytes(json.loads(b'"%b"' % escape))
    except ValueError:  # no escape, or half a character
        return escape


_ESCAPES: tuple[tuple[re.Pattern[bytes], Callable[[bytes], bytes]], ...] = (
    (re.compile(rb"%[0-9a-fA-F]{2}"), _of_url),
    (re.compile(rb"%[0-9a-fA-F]{2}|\+"), _of_url),
    (re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]"), _of_json),
)


def _holds(run: str, secret: str) -> bool:
    """Whether a run of base64 letters, from one of its first four on, is an encoding of something with the secret."""
    letters = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = letters[start:]
        try:
            decoded = base64.b64decode(part[: len(part) - (len(part) % 4 == 1)] + "==")
        except binascii.Error:
            continue
        if in_bytes(secret) in decoded:
            return True
    return False


def in_bytes(text: str) -> bytes:
    """A secret as it is sent."""
    # Passwords are bytes, that mostly are UTF-8.
    return text.encode("utf-8", "surrogateescape")
