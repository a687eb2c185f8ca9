"""What it means that no answer came to an HTTP request."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from enum import Enum

from urllib3 import exceptions

_CUT = (ConnectionError, http.client.IncompleteRead, exceptions.IncompleteRead, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Trouble(Enum):
    """Why there is no answer, in words."""

    CUT = "the connection was cut"
    NAME = "the host name cannot be resolved"
    REFUSED = "the connection was refused"
    NO_CONNECTION = "cannot connect to the server"
    SLOW_CONNECTION = "cannot connect to the server in time"
    SILENCE = "no answer in time"
    UNTRUSTED = "its TLS certificate is not trusted"
    NO_TLS = "the server does not speak https"
    TLS = "the TLS handshake failed"
    PROXY = "the proxy cannot be used"
    NO_HTTP = "the server does not answer in HTTP"

    @property
    def connected(self) -> bool:
        """Whether there was a connection, so that the request may have arrived and been carried out."""
        return self not in _BEFORE

    @property
    def waited_for(self) -> bool:
        """Whether that is known only after the longest time that anybody waits."""
        return self in {Trouble.SLOW_CONNECTION, Trouble.SILENCE}

    @property
    def of_host(self) -> bool:
        """Whether it would be the same whatever the host is asked for, as a rule."""
        return self not in {Trouble.CUT, Trouble.NO_HTTP}


_BEFORE = frozenset({Trouble.NAME, Trouble.REFUSED, Trouble.NO_CONNECTION, Trouble.SLOW_CONNECTION, Trouble.PROXY})
# The first row whose type fits; urllib3's name resolution error is a kind of its connection error.
_TROUBLES: tuple[tuple[type[Exception], Trouble], ...] = (
    (exceptions.ProxyError, Trouble.PROXY),
    (exceptions.NameResolutionError, Trouble.NAME),
    (exceptions.LocationParseError, Trouble.NAME),
    (exceptions.NewConnectionError, Trouble.NO_CONNECTION),
    (exceptions.ConnectTimeoutError, Trouble.SLOW_CONNECTION),
    (exceptions.ReadTimeoutError, Trouble.SILENCE),
    (TimeoutError, Trouble.SILENCE),
)


def trouble_of(error: Exception) -> Trouble:
    """What is behind an error of an HTTP library."""
    causes = list(_causes(error))
    for kind, trouble in _TROUBLES:
        found = [cause for cause in causes if isinstance(cause, kind)]
        if found and trouble is Trouble.NO_CONNECTION and isinstance(found[0].__cause__, ConnectionRefusedError):
            return Trouble.REFUSED
        if found:
            return trouble
    if any(isinstance(cause, _CUT) for cause in causes):
        return Trouble.CUT
    tls = next((str(cause) for cause in causes if isinstance(cause, exceptions.SSLError | ssl.SSLError)), None)
    if tls is None:
        return Trouble.NO_HTTP
    if "CERTIFICATE_VERIFY_FAILED" in tls:
        return Trouble.UNTRUSTED
    return Trouble.NO_TLS if "WRONG_VERSION_NUMBER" in tls or "record layer failure" in tls.lower() else Trouble.TLS


def distrust_of(error: Exception) -> str:
    """Why a certificate is not trusted, in the words of the TLS library."""
    said = " ".join(str(cause) for cause in _causes(error))
    return said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "unknown reason"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was made of, as far as they are exceptions."""
    yield error
    within = getattr(error, "reason", None)
    for inner in (*error.args, within):
        if isinstance(inner, BaseException) and inner is not error:
            yield from _causes(inner)
