"""One write of a manifest: known to have happened, or an error; never over what somebody else wrote meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bot.errors import RegistryError
from bot.images import Digest
from bot.network.retry import ATTEMPTS, pause
from bot.registry.errors import Place, StatusError, TagTakenError, UnansweredError, quoted
from bot.registry.http.transport import Request, Transport
from bot.registry.manifest import Manifest, is_digest_of
from bot.registry.refusals import of_push

_log = logging.getLogger(__name__)

_Failure: TypeAlias = StatusError | UnansweredError


@dataclass(frozen=True)
class Push:
    """`manifest` is to be at `place`, which is known to name `replacing` so far (None: nothing)."""

    place: Place
    manifest: Manifest
    replacing: Digest | None


def push(
    wanted: Push, transport: Transport, present: Callable[[Place], Digest | None], sleep: Callable[[float], None]
) -> bool:
    """Put it there; False where the registry refuses that, and what it refuses is there already.

    After a failure, `present` reads the place before it is tried again, so that a write that arrived is no failure.
    Raises TagTakenError if it then names neither what it should nor what it did, else RegistryError.
    """
    for attempt in range(1, ATTEMPTS + 1):
        failure = _put(wanted, transport, present)
        if failure is None:
            return True
        last = attempt == ATTEMPTS or not failure.may_pass
        if not last:
            sleep(pause(attempt))
        if _is_there(wanted, present, failure):
            return failure.may_pass
        if last:
            raise failure
        _log.debug("%s: try %d to write it failed: %s", wanted.place, attempt, failure.message)
    raise AssertionError("the last try returns or raises")


def _put(wanted: Push, transport: Transport, present: Callable[[Place], Digest | None]) -> _Failure | None:
    """Send it once; None if the registry says that it stored it. Raises RegistryError where that can't be known."""
    place, manifest = wanted.place, wanted.manifest
    path, headers = f"{place.repository}/manifests/{place.reference}", {"Content-Type": manifest.media_type}
    try:
        response = transport.send(Request("PUT", path, place, headers, manifest.body, repeatable=False))
    except StatusError as error:
        return of_push(place, error.status, error.body)
    except UnansweredError as error:
        return error
    if response.status not in {200, 201, 202}:
        return of_push(place, response.status, response.body)
    stored = response.headers.get("Docker-Content-Digest", "")
    # Most registries say what they stored, by an algorithm of their choice; the others are asked.
    if is_digest_of(stored, manifest.body) is None:
        stored = str(present(place) or "nothing")
    if not is_digest_of(stored, manifest.body):
        raise RegistryError(
            f"{place}: {manifest.digest} was put there, and the registry says that it stored {quoted(place, stored)}",
            hint="look at what it holds before you use it",
        )
    return None


def _is_there(wanted: Push, present: Callable[[Place], Digest | None], failure: _Failure) -> bool:
    try:
        found = present(wanted.place)
    except RegistryError as error:
        raise failure from error
    if found == wanted.manifest.digest:
        return True
    if found is not None and found != wanted.replacing:
        raise TagTakenError(wanted.place, present=found, wanted=wanted.manifest.digest) from failure
    if found is None and wanted.replacing is not None:
        raise failure  # somebody deleted it, which is not for us to undo
    return False
