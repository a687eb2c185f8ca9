"""Whose a folder is: what is found in one that others can write may be made to run their programs."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def not_ours(folder: Path) -> str:
    """Why what is in this folder can't be trusted; empty if it can.

    A folder is ours if it belongs to us or root, and if others can't write in it, or may only add to it (sticky).
    Raises OSError if it can't be looked at.
    """
    about = folder.stat()
    if about.st_uid not in {os.geteuid(), 0}:
        return "belongs to another user"
    if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
        return "can be written by everybody"
    return ""
