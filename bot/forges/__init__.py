"""Forges: where merge requests live. One Protocol, and a table of the modules that fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any

from bot.forges.access import ForgeAccess
from bot.forges.local import LocalForge
from bot.forges.port import Forge, Opened


def _github(access: ForgeAccess, **settings: Any) -> Forge:
    from bot.forges.github import GitHubForge  # noqa: PLC0415  the same

    return GitHubForge(access, **settings)


def _gitlab(access: ForgeAccess, *, closing: ExitStack | None = None, **settings: Any) -> Forge:
    from bot.forges.gitlab import GitLabForge  # noqa: PLC0415  its library takes its time, and `--help` has none to lose

    forge = GitLabForge(access, **settings)
    if closing is not None:
        closing.callback(forge.close_connections)
    return forge


# By the `type` of a forge in the configuration.
FORGES: Mapping[str, Callable[..., Forge]] = MappingProxyType(
    {"github": _github, "gitlab": _gitlab, "local": LocalForge}
)

__all__ = ["FORGES", "Forge", "ForgeAccess", "Opened"]
