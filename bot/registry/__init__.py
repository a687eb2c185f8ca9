"""Registries: reads over HTTP, copies by skopeo. See docs/registries.md."""

from bot.registry.access import Login, RegistryAccess
from bot.registry.client import ImageRepository, RegistryClient
from bot.registry.copying import AlreadyThere, Copied, Copier
from bot.registry.copying.progress import Progress
from bot.registry.errors import TagMovedError, TagTakenError
from bot.registry.inspection import Attached, Inspection, Kind, Overview, Part, inspect, labels, overview
from bot.registry.manifest import Manifest
from bot.registry.tagging import AlreadyTagged, Tagged, add_tags, move_tag

__all__ = [
    "AlreadyTagged",
    "AlreadyThere",
    "Attached",
    "Copied",
    "Copier",
    "ImageRepository",
    "Inspection",
    "Kind",
    "Login",
    "Manifest",
    "Overview",
    "Part",
    "Progress",
    "RegistryAccess",
    "RegistryClient",
    "TagMovedError",
    "TagTakenError",
    "Tagged",
    "add_tags",
    "inspect",
    "labels",
    "move_tag",
    "overview",
]
