"""Where merge requests live."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.config.base import FilePath, Model


class LocalForge(Model):
    """Merge requests over bare repositories in a folder of this machine; for trials and air gaps."""

    type: Literal["local"]
    path: FilePath = Field(description="Folder that holds the bare repositories, `<path>/<project>.git`.")

    def comparison(self, _project: str, _before: str, _after: str) -> str:
        """Where a browser shows the commits between two of a project; this forge has no pages."""
        return ""
