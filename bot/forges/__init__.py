"""Forges: where merge requests live. One Protocol, and a table of the modules that fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any

from bot.forges.access import AppKey, ForgeAccess
from bot.forges.committing import Committing, Made
from bot.forges.local import LocalForge
from bot.forges.port import Forge, Opened
from bot.forges.rights import Right, Use, about_project, about_status


def _github(access: ForgeAccess, *, closing: ExitStack | None = None, **settings: Any) -> Forge:
    from bot.forges.github import GitHubForge  # noqa: PLC0415  its library takes its time, and `--help` has none to lose

    forge = GitHubForge(access, **settings)
    if closing is not None:
        closing.callback(forge.close_connections)
    return forge


def _gitlab(access: ForgeAccess, *, closing: ExitStack | None = None, **settings: Any) -> Forge:
    from bot.forges.gitlab import GitLabForge  # noqa: PLC0415  the same

    forge = GitLabForge(access, **settings)
    if closing is not None:
        closing.callback(forge.close_connections)
    return forge


# By the `type` of a forge in the configuration.
FORGES: Mapping[str, Callable[..., Forge]] = MappingProxyType(
    {"github": _github, "gitlab": _gitlab, "local": LocalForge}
)

__all__ = [
    "FORGES",
    "AppKey",
    "Committing",
    "Forge",
    "ForgeAccess",
    "Made",
    "Opened",
    "Right",
    "Use",
    "about_project",
    "about_status",
]
