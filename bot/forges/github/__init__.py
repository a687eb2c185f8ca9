"""GitHub: github.com, its Enterprise Cloud and Enterprise Server. Loaded where such a forge is used alone."""

from bot.forges.github.forge import GitHubForge

__all__ = ["GitHubForge"]
