"""The body of an answer."""

from __future__ import annotations

from urllib3 import BaseHTTPResponse, exceptions

from bot.network.connection import RefusedError

# What a refusal may say; the rest of it is of no use to anybody.
_REFUSAL = 64 * 1024


def read_body(answer: BaseHTTPResponse, limit: int) -> bytes:
    """What the answer says, of a refusal the beginning. The connection is kept only after an answer's end."""
    refusal = answer.status >= 400
    most = min(limit, _REFUSAL) if refusal else limit
    try:
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise RefusedError("an answer in a compression that nobody asked for")
        if not refusal and (answer.length_remaining or 0) > most:
            raise RefusedError(f"an answer of more than {limit} bytes")
        body = answer.read(most + 1)
        if len(body) > most and not refusal:
            raise RefusedError(f"an answer of more than {limit} bytes")
        if len(body) <= most:
            if answer.length_remaining:
                raise exceptions.IncompleteRead(len(body), answer.length_remaining)
            answer.release_conn()
        return body[:most]
    finally:
        answer.close()
