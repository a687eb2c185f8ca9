"""What GitLab knows of commits, which it is asked about one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from bot.forges.errors import StatusError

T = TypeVar("T")

_NOT_FOUND = 404


def of_each(project: Any, commits: Collection[str], look: Callable[[str], T | None]) -> dict[str, T]:  # noqa: ANN401
    """What a look at each of a project's commits finds; a commit that isn't there has nothing.

    A hidden project, and one whose repository can't be read, is answered for in the same way: so what is there is
    looked at once, and that raises.
    """
    found: dict[str, T] = {}
    certain = False
    for commit in sorted(commits):
        try:
            one = look(commit)
        except StatusError as error:
            if error.status != _NOT_FOUND:
                raise
            if not certain:
                project.branches.list(per_page=1, get_all=False)
                certain = True
        else:
            found |= {} if one is None else {commit: one}
    return found
