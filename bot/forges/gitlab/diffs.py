"""Diffs as GitLab gives them: one text for each file, and what happened to it beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_NOTHING = "/dev/null"


def unified(files: Iterable[Mapping[str, Any]], changes: str) -> str:
    """One unified diff of them all. What GitLab leaves out because of its size is said to be left out.

    `changes` is how many there are, in its words: `1000+` where it keeps no more.
    """
    told = "".join(_one(file) for file in files)
    return f"{told}({changes} files change, and GitLab shows no more of them)\n" if changes.endswith("+") else told


def _one(file: Mapping[str, Any]) -> str:
    old, new, text = file["old_path"], file["new_path"], file.get("diff") or ""
    head = f"diff --git a/{old} b/{new}\n"
    if file.get("new_file"):
        head += f"new file mode {file.get('b_mode', '100644')}\n"
    elif file.get("deleted_file"):
        head += f"deleted file mode {file.get('a_mode', '100644')}\n"
    elif file.get("renamed_file"):
        head += f"rename from {old}\nrename to {new}\n"
    if not text:
        return f"{head}(too large to be shown)\n" if file.get("too_large") or file.get("collapsed") else head
    if not text.startswith("--- "):  # before GitLab 16.5, which knows no `unidiff`
        before = _NOTHING if file.get("new_file") else f"a/{old}"
        head += f"--- {before}\n+++ {_NOTHING if file.get('deleted_file') else f'b/{new}'}\n"
    return f"{head}{text}" if text.endswith("\n") else f"{head}{text}\n"
