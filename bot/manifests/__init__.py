"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""

from bot.manifests.edit import set_images
from bot.manifests.fields import FieldRule, Form, ImageEdit, ImageField, Part
from bot.manifests.find import find_images

__all__ = ["FieldRule", "Form", "ImageEdit", "ImageField", "Part", "find_images", "set_images"]
