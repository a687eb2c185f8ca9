"""An image that a user names, and the configuration that may know where it is."""

from __future__ import annotations

from bot.cli.call import Call
from bot.errors import UsageError
from bot.images import ImageRef
from bot.world import World


def parse_reference(text: str) -> ImageRef:
    """The image. Raises UsageError."""
    try:
        return ImageRef.parse(text)
    except ValueError as error:
        raise UsageError(f"{text!r} names no image: {error}", hint="write [host/]path[:tag][@digest]") from None


def world_if_any(call: Call) -> World | None:
    """The configured world; None where no configuration is named and there is no promobot.yaml here.

    Raises ConfigError where there is one and it is wrong.
    """
    return call.world() if call.names_config or call.config_path.exists() else None
