"""A password or token by itself: in an environment variable, or in a file that holds nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.config import BasicAuth, GitHubApp, ServerForge
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
    return _read(_Place(where, "password", auth.password_env, auth.password_file), environ)


def read_token(where: str, forge: ServerForge, environ: Mapping[str, str]) -> str:
    """The token of a forge, by the same rules; it is sent as it is, so that it has to be visible ASCII."""
    place = _Place(where, "token", forge.token_env, forge.token_file)
    token = _read(place, environ)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigError(f"{place.named} holds characters that no token has", hint=place.remedy)
    return token


def read_key(where: str, app: GitHubApp, environ: Mapping[str, str]) -> tuple[str, str]:
    """The private key of an App in PEM, and how messages name its place. Raises ConfigError where it is none.

    Line ends may be written as a backslash and an n, since some that keep secrets take one line only.
    """
    place = _Place(where, "key", app.key_env, app.key_file)
    key = _bytes(place, environ).decode("utf-8", "replace").replace("\\n", "\n").strip()
    if not (key.startswith("-----BEGIN ") and "PRIVATE KEY-----" in key):
        raise ConfigError(
            f"{place.named} holds no private key",
            hint="it is the PEM file that the App's page makes: -----BEGIN RSA PRIVATE KEY-----",
        )
    return f"{key}\n", place.named


@dataclass(frozen=True)
class _Place:
    """A secret of some kind (`what`) that the configuration's part `where` says is in a variable or else in a file."""

    where: str
    what: str
    variable: str | None
    file: Path | None

    @property
    def named(self) -> str:
        """How messages name it."""
        named = f"_file: {self.file}" if self.file is not None else f"_env: {self.variable}"
        return f"{self.where}.{self.what}{named}"

    @property
    def remedy(self) -> str:
        """What to do where it holds something else."""
        if self.file is not None:
            return f"write the {self.what} into that file, and nothing else"
        return f"export {self.variable}=… with the {self.what}, and nothing else"


def _read(place: _Place, environ: Mapping[str, str]) -> str:
    return checked(place.named, _bytes(place, environ), hint=place.remedy)


def _bytes(place: _Place, environ: Mapping[str, str]) -> bytes:
    if place.file is not None:
        return _content(place, place.file)
    variable = place.variable or ""
    if variable not in environ:
        raise ConfigError(f"{place.named} is not set", hint=f"export {variable}=…")
    # As bytes of UTF-8, whatever the locale made of them.
    return os.fsencode(environ[variable])


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


def _content(place: _Place, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{place.named}: {error.strerror}", hint=f"write the {place.what} into that file, readable by you alone"
        ) from None
    if len(content) > LARGEST:
        raise ConfigError(f"{place.named}: more than {LARGEST} bytes", hint=f"that is not a file with a {place.what}")
    return content
