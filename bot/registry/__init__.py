"""Registries: reads over HTTP, copies by skopeo. See docs/registries.md."""

from bot.registry.access import Login, RegistryAccess
from bot.registry.client import ImageRepository, RegistryClient
from bot.registry.errors import TagTakenError
from bot.registry.manifest import Manifest
from bot.registry.skopeo import AlreadyThere, Copied, Skopeo

__all__ = [
    "AlreadyThere",
    "Copied",
    "ImageRepository",
    "Login",
    "Manifest",
    "RegistryAccess",
    "RegistryClient",
    "Skopeo",
    "TagTakenError",
]
