"""The `gitlab` forge: merge requests on GitLab, by its REST API v4. See docs/gitlab.md.

Loads python-gitlab: import it where a forge of this type is used, and not before.
"""

from bot.forges.gitlab.forge import GitLabForge

__all__ = ["GitLabForge"]
