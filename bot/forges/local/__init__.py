"""The `local` forge: merge requests over bare repositories in a folder, for trials and where there is no network.

See docs/local-forge.md.
"""

from bot.forges.local.forge import LocalForge
from bot.forges.local.project import copy_project, create_project, project_directory
from bot.forges.local.record import NUMBER_MARK

__all__ = ["NUMBER_MARK", "LocalForge", "copy_project", "create_project", "project_directory"]
