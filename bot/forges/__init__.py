"""Forges: where merge requests live. One Protocol, and a table of the modules that fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.forges.local import LocalForge
from bot.forges.port import Forge, Opened

# By the `type` of a forge in the configuration.
FORGES: Mapping[str, Callable[..., Forge]] = MappingProxyType({"local": LocalForge})

__all__ = ["FORGES", "Forge", "Opened"]
