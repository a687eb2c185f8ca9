"""What becomes of a world on paper: plans are carried out, and people merge, close, commit and change their minds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType

from bot.plan import (
    CloseRequest,
    CopyImage,
    DeleteBranch,
    HoldMerge,
    Merge,
    MoveTag,
    OpenRequest,
    Plan,
    PushBranch,
    SetNote,
    SetStatus,
    UpdateRequest,
)
from bot.repositories import Commit, Landing, MergeRequest, RequestState
from tests.paper import E2E, STAGING, Paper, commit, digest, values

_TRAILER = re.compile(r"([A-Z][A-Za-z-]+): (.+)")


def e2e(service: str, tag: str, *, extra: str = "") -> dict[str, bytes]:
    """A service's manifest in e2e, with its path."""
    return {f"apps/{service}/e2e/values.yaml": values(E2E, tag, repository=f"shop/{service}", extra=extra)}


def staging(service: str, tag: str) -> dict[str, bytes]:
    """The same in staging."""
    return {f"apps/{service}/staging/values.yaml": values(STAGING, tag, repository=f"shop/{service}")}


def desk_with(*services: str) -> Desk:
    """Services of which e2e runs 2.0.0 and staging 1.0.0; e2e's registry has versions up to 4.0.0 of them."""
    desk = Desk(Paper(trees={"m1": {}}))
    desk.commit(
        {path: text for one in services for path, text in {**e2e(one, "2.0.0"), **staging(one, "1.0.0")}.items()}
    )
    for service in services:
        for number, tag in enumerate(("1.0.0", "2.0.0", "3.0.0", "4.0.0")):
            desk.paper.tags["e2e", f"shop/{service}", tag] = digest(number)
    return desk


@dataclass
class Desk:
    """A world on paper, and what happens to it; `replaced` are the links that merge requests were closed with."""

    paper: Paper
    numbers: count[int] = field(default_factory=lambda: count(1))
    commits: count[int] = field(default_factory=lambda: count(1))
    replaced: dict[int, str] = field(default_factory=dict)

    def carry_out(self, plan: Plan) -> None:
        """Do what is planned."""
        for step in plan.steps:
            for action in step.actions:
                self._do(action)

    def _do(self, action: object) -> None:
        paper = self.paper
        match action:
            case PushBranch():
                self._push(action)
            case DeleteBranch(_, branch, expected):
                assert paper.heads.pop(branch) == expected
            case CopyImage(_, digest, destination, tag) if tag is not None:
                paper.tags[destination.registry, destination.repository, tag] = digest
            case MoveTag(location, tag, _, digest):
                paper.tags[location.registry, location.repository, tag] = digest
            case OpenRequest(_, draft):
                ends = draft.source_branch, draft.target_branch
                head = paper.heads[draft.source_branch]
                state, number = RequestState.OPEN, next(self.numbers)
                opened = MergeRequest(
                    number, draft.title, draft.body, *ends, head, state, f"url/{number}", "promobot", ours=True
                )
                paper.opened = (*paper.opened, opened)
            case SetStatus(_, sha, branch, status):
                paper.statuses[sha or paper.heads[branch]] = status
            case UpdateRequest(_, number, title, body, seen):
                (now,) = (one for one in paper.opened if one.number == number)
                assert seen in {None, (now.title, now.body)}, "somebody else has written it"
                self.change(number, title=title, body=body)
            case Merge(_, number, head, "main"):
                assert next(one for one in paper.opened if one.number == number).head == head
                self.merge(number)
            case HoldMerge(_, number):
                self.change(number, auto_merge_by="")
            case SetNote(_, number, text):
                paper.notes[number] = text
            case CloseRequest(_, number, reason, link):
                self.close(number, by="promobot", reason=reason)
                self.replaced[number] = link
            case _:
                raise AssertionError(f"nobody taught this desk to do {action}")

    def _push(self, push: PushBranch) -> None:
        paper = self.paper
        assert paper.heads.get(push.branch) == push.expected
        pairs = tuple((key, value) for key, value in _TRAILER.findall(push.message.rpartition("\n\n")[2]))
        made = replace(
            commit(f"b{next(self.commits)}"), trailers=pairs, paths=tuple(change.path for change in push.files)
        )
        self._put(push.branch, made, {change.path: change.content for change in push.files}, push.base)
        paper.bases[made.sha] = push.base

    def _put(self, branch: str, made: Commit, files: dict[str, bytes], base: str, *below: Commit) -> None:
        self.paper.heads[branch] = made.sha
        self.paper.trees[made.sha] = {**self.paper.trees[base], **files}
        self.paper.ahead[self.paper.heads["main"], made.sha] = (made, *below)
        for request in self.paper.opened:
            if request.source_branch == branch:
                self.change(request.number, head=made.sha)

    # --- people -----------------------------------------------------------------------------------------

    def request(self, branch: str) -> MergeRequest:
        """The open merge request from this branch."""
        (found,) = [request for request in self.paper.opened if request.source_branch == branch]
        return found

    def propose(self, branch: str, files: Mapping[str, bytes]) -> MergeRequest:
        """A person's merge request, from a branch of their own."""
        base = self.paper.heads["main"]
        theirs = replace(commit(f"p{next(self.commits)}", email="ann@example.com"), paths=tuple(files))
        self._put(branch, theirs, dict(files), base)
        self.paper.bases[theirs.sha] = base
        number = next(self.numbers)
        opened = MergeRequest(
            number, "Mine", "", branch, "main", theirs.sha, RequestState.OPEN, f"url/{number}", "ann", ours=False
        )
        self.paper.opened = (*self.paper.opened, opened)
        return opened

    def change(self, number: int, **fields: object) -> None:
        """Give an open merge request other values."""
        self.paper.opened = tuple(
            replace(request, **fields) if request.number == number else request  # type: ignore[arg-type]
            for request in self.paper.opened
        )

    def close(self, number: int, *, by: str = "ann", reason: str = "") -> None:
        """Close a merge request without merging; the branch stays."""
        (ended,) = [request for request in self.paper.opened if request.number == number]
        closed = replace(ended, state=RequestState.CLOSED, ended_by=by, ended_by_us=by == "promobot", reason=reason)
        self.paper.opened = tuple(request for request in self.paper.opened if request.number != number)
        self.paper.closed = (closed, *self.paper.closed)

    def merge(self, number: int, *, squash: bool = False) -> None:
        """Merge a merge request; its branch goes, unless it was squashed."""
        (ended,) = [request for request in self.paper.opened if request.number == number]
        self.paper.opened = tuple(request for request in self.paper.opened if request.number != number)
        base, head = self.paper.heads["main"], self.paper.heads[ended.source_branch]
        tree = self.paper.trees[head]
        changed = {path: content for path, content in tree.items() if self.paper.trees[base].get(path) != content}
        ours = () if squash else self.paper.ahead[base, head]
        if not squash:
            del self.paper.heads[ended.source_branch]
        now = self.commit(changed, *ours)
        self.paper.merged[now] = replace(ended, state=RequestState.MERGED, merge_commit=now)

    def commit(self, files: Mapping[str, bytes | None], *merged: Commit) -> str:
        """Change files of the main branch, or delete them: by a person's commit, or by merging some."""
        before = self.paper.heads["main"]
        now = f"m{next(self.commits) + 1}"
        for path, content in files.items():
            landed, history = self.paper.landed.get(path, ()), self.paper.history.get(path, ())
            self.paper.landed[path] = (Landing(now, self.paper.now, content), *landed)
            self.paper.history[path] = (*(merged or (commit(now, email="ann@example.com"),)), *history)
        tree = {**self.paper.trees[before], **files}
        self.paper.trees[now] = {path: content for path, content in tree.items() if content is not None}
        self.paper.heads["main"] = now
        self.paper.ahead |= {(now, head): ours for (base, head), ours in self.paper.ahead.items() if base == before}
        return now

    def amend(self, branch: str, files: Mapping[str, bytes] = MappingProxyType({}), *, forged: bool = False) -> None:
        """Put a person's commit on top of a branch; a `forged` one says of itself all that ours does."""
        head = self.paper.heads[branch]
        below = self.paper.ahead[self.paper.heads["main"], head]
        theirs = commit(f"p{next(self.commits)}", email="ann@example.com")
        theirs = replace(below[0] if forged else theirs, sha=theirs.sha, paths=tuple(files))
        self._put(branch, theirs, dict(files), head, *below)
