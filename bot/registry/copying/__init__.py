"""Copies of images: `copier` is the way in, `skopeo` carries what cannot be mounted."""

from bot.registry.copying.copier import AlreadyThere, Copied, Copier, Patience
from bot.registry.copying.progress import Progress

__all__ = ["AlreadyThere", "Copied", "Copier", "Patience", "Progress"]
