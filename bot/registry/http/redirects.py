"""Redirects: where a request may go on to, and what may not be sent along."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import RegistryError
from bot.registry.addresses import Address
from bot.registry.errors import Place
from bot.registry.http.answers import Response

_STATUSES = frozenset({301, 302, 303, 307, 308})
# These two alone say that the method and the body stay what they are.
_SAME_METHOD = frozenset({307, 308})
_READS = frozenset({"GET", "HEAD"})
_MOST = 5


def redirected(place: Place, method: str, response: Response, way: Sequence[Address]) -> Address | None:
    """Where an answer sends a request on to that has gone the `way`; None if it does not.

    Raises RegistryError where promobot does not go there: in a circle, too far, from https to http, and, with a
    write, to anybody else.
    """
    if response.status not in _STATUSES:
        return None
    here, status = way[-1], response.status
    try:
        target = here.join(response.headers.get("Location", ""))
    except ValueError:
        raise _refused(place, here, "what is no address", status) from None
    why = ""
    if target in way or len(way) > _MOST:
        why = ", which is a circle" if target in way else f", which is one redirect more than the {_MOST} allowed"
    elif here.origin.scheme == "https" and target.origin.scheme != "https":
        why = ", which is not https"
    elif method not in _READS and (target.origin != here.origin or status not in _SAME_METHOD):
        why = ", and promobot sends what it writes nowhere else"
    if why:
        raise _refused(place, here, f"{shown(target)}{why}", status)
    return target


def _refused(place: Place, here: Address, what: str, status: int) -> RegistryError:
    return RegistryError(
        f"{place}: {here.origin} redirects to {what} (HTTP {status})",
        hint=f"check the address of registry {place.access.name} in the configuration",
    )


def shown(address: Address) -> str:
    """An address for messages, without the query: that of a signed address is as good as a password."""
    return str(address).partition("?")[0][:200]
