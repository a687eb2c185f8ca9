"""How a webhook is refused."""

from __future__ import annotations

from bot.errors import ForgeError


class DeliveryError(ForgeError):
    """What came is no webhook that may be believed. The message repeats nothing of it."""
