"""What it means, in words, that no answer came, or one of somebody else."""

from __future__ import annotations

from urllib3 import exceptions as http

from bot.registry.access import RegistryAccess
from bot.registry.errors import Place, StatusError, UnansweredError, said, unexpected
from bot.registry.http.answers import NoAnswerError, Response


def of_elsewhere(place: Place, response: Response) -> StatusError:
    """The error for a refusal of a server that the registry sent us to."""
    words = f"it leads to {response.origin}, which answers HTTP {response.status}{said(place, response.body)}"
    hint = f"ask who runs registry {place.access.name}; a firewall between here and there looks like this too"
    return StatusError(f"{place}: {words}", hint=hint, status=response.status, body=response.body)


_LATER = "run again when it is well"
# The first row whose type fits; urllib3's name resolution error is a kind of its connection error.
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (http.NameResolutionError, "the host name cannot be resolved", "check its spelling and this machine's DNS"),
    (http.LocationParseError, "the host name cannot be resolved", "check its spelling and this machine's DNS"),
    (http.NewConnectionError, "it cannot be connected to", "check its address, and that it runs"),
    (http.ConnectTimeoutError, "it cannot be connected to in time", "check its address and the network"),
    ((http.ReadTimeoutError, TimeoutError), "no answer in time", _LATER),
)


def of_failure(place: Place, error: NoAnswerError) -> UnansweredError:
    """The error for a request that got no answer at all."""
    elsewhere = "" if error.origin == place.access.origin else f"it leads to {error.origin}: "
    what, hint = _failure_words(place.access, error)
    return UnansweredError(f"{place}: {elsewhere}{what}", hint=hint, sent=error.connected, may_pass=error.cut)


def _failure_words(access: RegistryAccess, error: NoAnswerError) -> tuple[str, str]:
    if error.cut:
        return "the connection was cut", _LATER
    if isinstance(error.cause, http.SSLError):
        return _of_tls(access, str(error.cause))
    for kind, what, hint in _FAILURES:
        if any(isinstance(cause, kind) for cause in (error.cause, *error.cause.args)):
            return what, hint
    return "it does not answer in HTTP", unexpected(access, 400)


def _of_tls(access: RegistryAccess, reason: str) -> tuple[str, str]:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        detail = reason.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "unknown reason"
        return (
            f"its TLS certificate is not trusted: {detail}",
            f"set ca_file of registry {access.name} to the authority's certificate",
        )
    if "WRONG_VERSION_NUMBER" in reason or "record layer failure" in reason.lower():
        return "it does not speak https", f"set plain_http of registry {access.name} if that is meant"
    return "the TLS handshake failed", f"check the address and the certificate of registry {access.name}"
