"""What templates know of the commits that images were built from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.counting import counted
from bot.decide.built import is_commit
from bot.decide.revisions import Revisions
from bot.decide.sentences import Foreign
from bot.decide.text.escape import Linked
from bot.decide.text.listed import Listed
from bot.questions import MOST_SUMMARIES
from bot.repositories import Summary

# As many as are read at a glance.
_MOST = 10


def revision_rows(revisions: Iterable[Revisions], most: int) -> Iterator[Mapping[str, Any]]:
    """What is known of any image, services with the same in one row."""
    alike: dict[Revisions, list[Revisions]] = {}
    for one in revisions:
        if one.after:
            alike.setdefault(replace(one, service="", image="", key=""), []).append(one)
    for each, those in alike.items():
        yield {
            "services": Listed.of(map(Foreign, dict.fromkeys(one.service for one in those)), most),
            "images": Listed.of(map(Foreign, dict.fromkeys(one.image for one in those)), most),
            "range": Linked(_range(each), each.url),
            "same": each.before == each.after,
            "place": Foreign(each.place),
            "gained": _commits(each.gained, most),
            "gained_count": _count(each.gained),
            "lost": _commits(each.lost, most),
            "lost_count": _count(each.lost),
        }


def _range(each: Revisions) -> str:
    before, after = short(each.before), short(each.after)
    return f"{before} → {after}" if before and before != after else after


def _commits(commits: Iterable[Summary], most: int) -> Listed:
    rows = ({"commit": Foreign(short(one.sha)), "subject": Foreign(one.subject)} for one in commits)
    return Listed.of(rows, min(most, _MOST))


def _count(commits: Sequence[Summary]) -> str:
    if len(commits) == MOST_SUMMARIES:
        return f"{MOST_SUMMARIES} commits or more"
    return counted(len(commits), "commit")


def short(revision: str) -> str:
    """A commit's first digits, as many as tell it from others; anything else as it is."""
    return revision[:7] if is_commit(revision) else revision
