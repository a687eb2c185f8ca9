"""Files of this machine: manifests found, read, and replaced as a whole; what we write ourselves."""

from bot.files.creating import create
from bot.files.reading import STDIN, check_given, read_given, read_manifest
from bot.files.replacing import Original, Replacement, open_original, replace_all
from bot.files.walking import Link, Listed, Unlisted, is_manifest, walk
from bot.files.writing import write_file

__all__ = [
    "STDIN",
    "Link",
    "Listed",
    "Original",
    "Replacement",
    "Unlisted",
    "check_given",
    "create",
    "is_manifest",
    "open_original",
    "read_given",
    "read_manifest",
    "replace_all",
    "walk",
    "write_file",
]
