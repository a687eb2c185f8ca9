"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""

from bot.manifests.edit import scalar_at, set_images
from bot.manifests.fields import Edit, FieldRule, Form, ImageEdit, ImageField, Part, ScalarEdit
from bot.manifests.find import find_images

__all__ = [
    "Edit",
    "FieldRule",
    "Form",
    "ImageEdit",
    "ImageField",
    "Part",
    "ScalarEdit",
    "find_images",
    "scalar_at",
    "set_images",
]
