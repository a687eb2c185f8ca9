"""What the chain's registries hold of an image: `holders` says who may have it, `lookups` asks them."""

from bot.catalog.holders import Holder, home_of, of_image, of_service
from bot.catalog.lookups import (
    WORKERS,
    Found,
    Listing,
    TagEntry,
    differing,
    find_digest,
    list_tags,
    look_up,
    same_digest,
)

__all__ = [
    "WORKERS",
    "Found",
    "Holder",
    "Listing",
    "TagEntry",
    "differing",
    "find_digest",
    "home_of",
    "list_tags",
    "look_up",
    "of_image",
    "of_service",
    "same_digest",
]
