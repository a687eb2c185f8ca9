"""Writing a file of ours, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from bot.errors import UsageError

_READABLE = 0o644


def write_file(path: Path, content: bytes) -> None:
    """Write a file that everybody may read, in the place of one that may be there. Raises UsageError.

    Who reads it meanwhile gets the old one or the new one, never a part.
    """
    aside: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".promobot", dir=path.parent)
        aside = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(descriptor, _READABLE)
        aside.replace(path)
    except OSError as error:
        if aside is not None:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
        raise UsageError(
            f"{path}: can't be written: {error.strerror or error}", hint="make room or give rights"
        ) from None
