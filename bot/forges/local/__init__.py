"""The `local` forge: merge requests over bare repositories in a folder, for trials and where there is no network.

See docs/local-forge.md.
"""

from bot.forges.local.forge import LocalForge
from bot.forges.local.project import create_project

__all__ = ["LocalForge", "create_project"]
