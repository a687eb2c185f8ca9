"""What it means, in words, that no answer came, or one of somebody else."""

from __future__ import annotations

from bot.network.failures import Trouble, distrust_of
from bot.registry.errors import Place, StatusError, UnansweredError, said, unexpected
from bot.registry.http.answers import NoAnswerError, Response


def of_elsewhere(place: Place, response: Response) -> StatusError:
    """The error for a refusal of a server that the registry sent us to."""
    words = f"it leads to {response.origin}, which answers HTTP {response.status}{said(place, response.body)}"
    hint = f"ask who runs registry {place.access.name}; a firewall between here and there looks like this too"
    return StatusError(f"{place}: {words}", hint=hint, status=response.status, body=response.body)


_LATER = "run again when the registry works again"
_HINTS = {
    Trouble.CUT: _LATER,
    Trouble.NAME: "check the address of registry {}, and this machine's DNS",
    Trouble.REFUSED: "check the address of registry {}, and that the registry runs",
    Trouble.NO_CONNECTION: "check the address of registry {}, and that the registry runs",
    Trouble.SLOW_CONNECTION: "check the address of registry {}, and the network",
    Trouble.SILENCE: _LATER,
    Trouble.UNTRUSTED: "set `ca_file` of registry {} to the certificate of the authority that signed it",
    Trouble.NO_TLS: "set `plain_http: true` of registry {} if that is meant",
    Trouble.TLS: "check the address and the certificate of registry {}",
}


def of_failure(place: Place, error: NoAnswerError) -> UnansweredError:
    """The error for a request that got no answer at all; what is so of the whole registry is told without an image."""
    trouble = error.trouble
    here = error.origin == place.access.origin
    elsewhere = "" if here else f"it leads to {error.origin}: "
    place = Place(place.access) if here and trouble.of_host else place
    why = f": {distrust_of(error.cause)}" if trouble is Trouble.UNTRUSTED else ""
    hint = _HINTS[trouble].format(place.access.name) if trouble in _HINTS else unexpected(place.access, 400)
    return UnansweredError(
        f"{place}: {elsewhere}{trouble.value}{why}", hint=hint, sent=trouble.connected, may_pass=error.cut
    )
