"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.manifests.fields import Form, ImageEdit, ImageField

__all__ = ["Form", "ImageEdit", "ImageField", "find_images", "set_images"]


def find_images(path: str, content: bytes) -> tuple[ImageField, ...]:
    """placeholder until the manifests branch lands"""
    raise AssertionError((path, content))


def set_images(path: str, content: bytes, edits: Sequence[ImageEdit]) -> bytes:
    """placeholder until the manifests branch lands"""
    raise AssertionError((path, content, edits))
