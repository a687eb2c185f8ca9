"""Who may write a tag: registries have no compare-and-set, so promobots that share a cache take turns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot.errors import RegistryError
from bot.locks import locked
from bot.registry.errors import Place

# Seconds. A turn is a few requests; each has its own time limit, and is tried three times.
_PATIENCE = 600.0


@contextmanager
def turn(cache: Path, place: Place) -> Iterator[None]:
    """Be the only one on this machine that looks at the tag and then writes it.

    There are 256 turns for all tags, so that no file stays behind for each. The kernel gives back that of a process
    that was killed. Raises RegistryError.
    """
    name = f"{place.access.endpoint}/{place.repository}:{place.reference}"
    file = cache / "turns" / f"{hashlib.sha256(name.encode()).hexdigest()[:2]}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locked(file, timeout=_PATIENCE))
        except TimeoutError as error:
            raise RegistryError(f"{place}: {error}", hint="wait for the other promobot, or end it") from None
        except OSError as error:
            raise RegistryError(
                f"{place}: cannot be locked: {file}: {error.strerror}",
                hint="choose a folder that can be written and has room (PROMOBOT_CACHE)",
            ) from error
        yield
