"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""

from bot.manifests.edit import set_images
from bot.manifests.fields import Form, ImageEdit, ImageField
from bot.manifests.find import find_images

__all__ = ["Form", "ImageEdit", "ImageField", "find_images", "set_images"]
