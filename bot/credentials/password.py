"""A password by itself: in an environment variable, or in a file that holds nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bot.config import BasicAuth
from bot.errors import ConfigError

# Tokens of clouds come near 4 KiB; more is the wrong file, or one without an end.
LARGEST = 1 << 16
# https://www.rfc-editor.org/rfc/rfc7617#section-2: neither user name nor password may hold one.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_password(where: str, auth: BasicAuth, environ: Mapping[str, str]) -> str:
    """The password; `where` is how messages name the configuration's part. Raises ConfigError.

    Line ends at its end do not count: editors, `echo` and secrets made from files leave one.
    Who else may read the file is not looked at: secrets that clusters mount are readable by all of the container.
    """
    if auth.password_file is not None:
        named, source = f"{where}.password_file: {auth.password_file}", auth.password_file
        return checked(named, _read(named, source), hint="write the password into that file, and nothing else")
    variable = auth.password_env or ""
    named = f"{where}.password_env: {variable}"
    if variable not in environ:
        raise ConfigError(f"{named} is not set", hint=f"export {variable}=…")
    # As bytes of UTF-8, whatever the locale made of them.
    content = os.fsencode(environ[variable])
    return checked(named, content, hint=f"export {variable}=… with the password, and nothing else")


def checked(named: str, content: bytes, *, hint: str) -> str:
    """The password in these bytes, without line ends at its end. Raises ConfigError where it can't be one."""
    password = content.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not password:
        raise ConfigError(f"{named} is empty", hint=hint)
    if "\n" in password or "\r" in password:
        raise ConfigError(f"{named} holds more than one line", hint=hint)
    if _CONTROL.search(password):
        raise ConfigError(f"{named} holds control characters, which no password may", hint=hint)
    return password


def _read(named: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{named}: {error.strerror}", hint="write the password into that file, readable by you alone"
        ) from None
    if len(content) > LARGEST:
        raise ConfigError(f"{named}: more than {LARGEST} bytes", hint="that is not a file with a password")
    return content
