"""An image that a user names, and the configuration that may know where it is."""

from __future__ import annotations

import re

from bot.cli.call import Call
from bot.errors import UsageError
from bot.images import ImageRef
from bot.world import World

_SCHEME = re.compile(r"[a-z]+://(?=.)")
_SHORT_DIGEST = re.compile(r"@(sha256:)?[0-9a-f]{1,63}$")


def parse_reference(text: str) -> ImageRef:
    """The image. Raises UsageError."""
    try:
        return ImageRef.parse(text)
    except ValueError as error:
        raise UsageError(f"{text!r} names no image: {error}", hint=_how_to_name(text)) from None


def _how_to_name(text: str) -> str:
    if scheme := _SCHEME.match(text):
        return f"without the scheme: {text[scheme.end() :]}"
    if digest := _SHORT_DIGEST.search(text):
        return f"a digest has 64 digits: `promobot tags -v {text[: digest.start()]}` shows all of them"
    return "write [host/]path[:tag][@digest]"


def world_if_any(call: Call) -> World | None:
    """The configured world; None where no configuration is named and there is no promobot.yaml here.

    Raises ConfigError where there is one and it is wrong.
    """
    return call.world() if call.names_config or call.config_path.exists() else None
