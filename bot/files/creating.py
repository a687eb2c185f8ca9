"""Writing a file that isn't there yet: whole or not at all, and never over one that somebody made meanwhile."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.errors import ConflictError, UsageError

_MODE = 0o666


def create(path: str, content: bytes) -> None:
    """Write a new file with the rights that new files get. Raises ConflictError where there is one, UsageError where
    none can be.
    """
    folder = Path(path).absolute().parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".promobot") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), _MODE & ~_umask())
            os.fsync(file.fileno())
            # Unlike a rename, a link is refused where the name is taken.
            os.link(file.name, path)
    except FileExistsError:
        raise ConflictError(f"{path} exists already", hint="look at it; --force replaces it") from None
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}", hint="name another with -c") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
