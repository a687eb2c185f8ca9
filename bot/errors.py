"""The one root of promobot's errors, with an exit code for each kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a process that ran promobot tells its caller; scripts depend on these numbers."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    REGISTRY = 3
    FORGE = 4
    GIT = 5
    MANIFEST = 6
    BLOCKED = 7
    CONFLICT = 8
    DUE = 10
    INTERRUPTED = 130  # as a shell says of SIGINT


class BotError(Exception):
    """Something a user can understand: what happened, where, and what to do about it.

    `message` names the place (file and line, image, branch or URL); `hint` says what to do next.
    """

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(BotError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.USAGE


class ConfigError(BotError):
    """The configuration file is wrong; the message begins with `file:line:`."""

    exit_code = ExitCode.USAGE


class RegistryError(BotError):
    """A registry refused, failed or could not be reached; whether an image exists there is not known."""

    exit_code = ExitCode.REGISTRY


class ForgeError(BotError):
    """A forge refused, failed or could not be reached."""

    exit_code = ExitCode.FORGE


class GitError(BotError):
    """A Git command failed."""

    exit_code = ExitCode.GIT


class ConflictError(BotError):
    """What a person did meanwhile, or wants otherwise, stands against it; nothing of theirs was touched."""

    exit_code = ExitCode.CONFLICT


class ManifestError(BotError):
    """A manifest cannot be read or edited; the message begins with `file:line:`."""

    exit_code = ExitCode.MANIFEST


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean x?`, or nothing: what a hint or the end of a message says of a name that there isn't."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""
