"""Whom connections trust."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from bot.errors import ConfigError


def trusting(ca_file: Path | None, whose: str) -> ssl.SSLContext:
    """The system's authorities, and that of the file; `whose` it is, such as `registry prd`, is told in errors.

    Raises ConfigError where the file can't be read.
    """
    try:
        return _context(ca_file, ssl.get_default_verify_paths())
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"{ca_file}: the ca_file of {whose} cannot be read: {error.strerror or error}",
            hint="it must be a PEM file with the authority's certificate",
        ) from error


@lru_cache(maxsize=64)
def _context(ca_file: Path | None, _system: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """One for all who trust the same: to read the system's authorities takes as long as several requests."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
