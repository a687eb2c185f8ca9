"""Git repositories on a server: read and written through a kept clone without a work tree."""

from bot.git.clone import Clone
from bot.git.command import Credential
from bot.git.identity import Identity, Signing
from bot.git.names import not_a_branch
from bot.git.pushing import LeaseLost, Pushed

__all__ = ["Clone", "Credential", "Identity", "LeaseLost", "Pushed", "Signing", "not_a_branch"]
