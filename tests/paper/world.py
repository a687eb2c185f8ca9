"""The world: its dictionaries, and what they answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from bot.config import Config
from bot.decide import Facts, Intent, Orders, decide
from bot.decide.coverage import Coverage, cover
from bot.errors import ForgeError, GitError, RegistryError
from bot.git.reading import UNREAD
from bot.images import Digest
from bot.manifests.source import MAX_BYTES
from bot.plan import CopyImage, Merge, OpenRequest, Plan, PushBranch, SetNote, SetStatus, UpdateRequest, Upkeep, Verdict
from bot.questions import (
    Absent,
    Answer,
    Approvals,
    Branches,
    BranchHead,
    ClosedRequests,
    Commits,
    Files,
    Found,
    History,
    Holds,
    Labels,
    Landed,
    Members,
    MergeBase,
    Merged,
    MergedBy,
    OpenRequests,
    Paths,
    Protection,
    Question,
    Status,
    Summaries,
    TagDigest,
    Tags,
    Unknown,
)
from bot.repositories import (
    BranchProtection,
    Commit,
    CommitStatus,
    File,
    Landing,
    MergeRequest,
    RequestState,
    Summary,
)
from tests.paper.estate import CONFIG, TEXTS, commit


@dataclass
class Paper:
    """Change its dictionaries, then ask what would be decided."""

    heads: dict[str, str] = field(default_factory=lambda: {"main": "m1"})
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    ahead: dict[tuple[str, str], tuple[Commit, ...]] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)
    between: dict[tuple[str, str], tuple[Summary, ...]] = field(default_factory=dict)
    history: dict[str, tuple[Commit, ...]] = field(default_factory=dict)
    history_at: dict[tuple[str, str], tuple[Commit, ...]] = field(default_factory=dict)
    tags: dict[tuple[str, str, str], Digest] = field(default_factory=dict)
    labels: dict[Digest, Mapping[str, str]] = field(default_factory=dict)
    silent: frozenset[Digest] = frozenset()
    opened: tuple[MergeRequest, ...] = ()
    closed: tuple[MergeRequest, ...] = ()
    unreachable: frozenset[str] = frozenset()
    deaf: bool = False
    mute: bool = False
    lost: frozenset[str] = frozenset()
    modes: Mapping[str, str] = field(default_factory=dict)
    landed: dict[str, tuple[Landing, ...]] = field(default_factory=dict)
    merged: dict[str, MergeRequest] = field(default_factory=dict)
    statuses: dict[str, CommitStatus] = field(default_factory=dict)
    protection: BranchProtection | None = field(default_factory=BranchProtection)
    approvals: dict[int, tuple[str, ...]] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    merges: dict[tuple[str, str], tuple[File, ...]] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    asked: list[Question[Any]] = field(default_factory=list)
    rounds: int = 0
    patience: int = 12

    def plan(
        self,
        *services: str,
        reopen: bool = False,
        config: Config = CONFIG,
        orders: Orders | None = None,
        intent: Intent | None = None,
    ) -> Plan:
        """Decide until there is a plan."""
        intent = intent or Intent(services, reopen=reopen, orders=orders or Orders())
        facts = Facts()
        most = self.patience
        for self.rounds in range(1, most + 1):
            decided = decide(config, TEXTS, intent, facts, self.now)
            if isinstance(decided, Plan):
                return decided
            self.asked.extend(decided.questions)
            facts = facts.learn({question: self.answer(question) for question in decided.questions})
        raise AssertionError(f"asks without end: {self.asked[-3:]}")

    def cover(self, config: Config = CONFIG) -> Coverage:
        """Look over the configuration until it is known."""
        facts = Facts()
        for _ in range(12):
            found = cover(config, facts)
            if isinstance(found, Coverage):
                return found
            facts = facts.learn({question: self.answer(question) for question in found.questions})
        raise AssertionError("asks without end")

    def verdict(
        self, *services: str, reopen: bool = False, config: Config = CONFIG, orders: Orders | None = None
    ) -> Verdict:
        """Decide, where one verdict is expected."""
        (verdict,) = self.plan(*services, reopen=reopen, config=config, orders=orders).verdicts
        return verdict

    def carry_out(self, item: Verdict | Upkeep) -> None:
        """What the world is like when its step was done."""
        for action in item.step.actions if item.step else ():
            match action:
                case PushBranch(_, branch, base, _, files, message):
                    lines = (line.partition(": ") for line in message.rstrip().split("\n\n")[-1].splitlines())
                    trailers = tuple((key, value) for key, _, value in lines)
                    pushed = Commit(f"c-{branch}", "promobot@localhost", "promobot@localhost", trailers)
                    self.heads[branch], self.ahead[base, pushed.sha] = pushed.sha, (pushed,)
                    self.trees[pushed.sha] = {**self.trees[base], **{file.path: file.content for file in files}}
                case CopyImage(_, bits, place, tag):
                    self.tags[place.registry, place.repository, tag or ""] = bits
                case OpenRequest(_, draft):
                    there = draft.title, draft.body, draft.source_branch, draft.target_branch
                    self.opened += (MergeRequest(1, *there, "head", RequestState.OPEN, "url", "promobot", ours=True),)
                case SetStatus(_, sha, branch, status):
                    self.statuses[sha or self.heads[branch]] = status
                case UpdateRequest(_, number, title, body):
                    said = {one.number: one for one in self.opened}
                    said[number] = replace(said[number], title=title, body=body)
                    self.opened = tuple(said.values())
                case Merge(_, number):
                    self.opened = tuple(one for one in self.opened if one.number != number)
                case SetNote(_, number, text):
                    self.notes[number] = text
                case _:
                    raise AssertionError(f"nobody taught this world to do {action}")

    def answer(self, question: Question[Any]) -> Answer[Any]:
        """Look the answer up."""
        match question:
            case BranchHead(_, branch):
                return Found(self.heads[branch]) if branch in self.heads else Absent()
            case Branches(_, prefix):
                return Found({name: head for name, head in self.heads.items() if name.startswith(prefix)})
            case Files(rev, _) if rev.commit in self.lost:
                return Unknown(GitError(f"cannot fetch {rev.commit}", hint="it is no longer there"))
            case Files(rev, patterns):
                return Found(tuple(self._files(rev.commit, patterns)))
            case Paths(rev):
                return Found(tuple(sorted(self.trees[rev.commit])))
            case Commits() | MergeBase() | Merged() | Summaries():
                return self._of_commits(question)
            case History(rev, path):
                history = self.history.get(path, (commit("c0", email="dev@example.com"),))
                return Found(self.history_at.get((rev.commit, path), history))
            case Landed(_, path, limit):
                return Found(self.landed.get(path, ())[:limit])
            case MergedBy(_, landing):
                return Found(self.merged[landing]) if landing in self.merged else Absent()
            case TagDigest() | Holds() | Tags() | Labels():
                return self._of_registry(question)
            case OpenRequests() | ClosedRequests() | Status() | Approvals() | Protection() | Members():
                return self._of_forge(question)
            case _:
                raise AssertionError(f"nobody taught this world to answer {question}")

    def _of_commits(self, question: Commits | MergeBase | Merged | Summaries) -> Answer[Any]:
        if isinstance(question, Merged):
            merge = question.into, question.head
            return Found(self.merges[merge]) if merge in self.merges else Absent()
        if isinstance(question, MergeBase):
            common = self.bases.get(question.other)
            return Found(common) if common is not None else Absent()
        ends = question.base, question.head
        if not self.lost.isdisjoint(ends):
            return Unknown(GitError(f"cannot fetch {question.base}", hint="it is no longer there"))
        if isinstance(question, Summaries):
            return Found(self.between.get(ends, ()))
        found = self.ahead.get(ends, ())
        return Found(found if question.paths else tuple(replace(each, paths=()) for each in found))

    def _of_forge(
        self, question: OpenRequests | ClosedRequests | Status | Approvals | Protection | Members
    ) -> Answer[Any]:
        if self.deaf:
            return Unknown(ForgeError("forge local: 503", hint="try later"))
        match question:
            case Status() if self.mute:
                return Unknown(ForgeError("forge local: the token lacks what it takes", hint="make another"))
            case OpenRequests():
                return Found(self.opened)
            case Approvals(_, number):
                return Found(self.approvals.get(number, ()))
            case ClosedRequests(_, branch):
                return Found(tuple(request for request in self.closed if request.source_branch == branch))
            case Status(_, sha):
                return Found(self.statuses[sha]) if sha in self.statuses else Absent()
            case Members(_, group) if group in self.members:
                return Found(self.members[group])
            case Protection() if self.protection is not None:
                return Found(self.protection)
            case _:
                return Unknown(ForgeError("forge work: 404", hint="look at its rights"))

    def _of_registry(self, question: TagDigest | Holds | Tags | Labels) -> Answer[Any]:
        registry, repository = question.location.registry, question.location.repository
        if registry in self.unreachable:
            return Unknown(RegistryError(f"registry {registry}: connection refused", hint="is it up?"))
        there = {tag: bits for (reg, repo, tag), bits in self.tags.items() if (reg, repo) == (registry, repository)}
        match question:
            case TagDigest(_, tag):
                return Found(there[tag]) if tag in there else Absent()
            case Holds(_, wanted):
                return Found(wanted) if wanted in there.values() else Absent()
            case Labels(_, wanted) if wanted in self.silent:
                return Unknown(RegistryError(f"registry {registry}: 503", hint="try again"))
            case Labels(_, wanted):
                return Found(self.labels[wanted]) if wanted in self.labels else Absent()
            case Tags():
                return Found(tuple(there)) if there else Absent()

    def _files(self, at: str, patterns: tuple[str, ...]) -> list[File]:
        return [
            _file(path, self.modes.get(f"{at}:{path}", self.modes.get(path, "100644")), content)
            for path, content in sorted(self.trees[at].items())
            if any(fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for pattern in patterns)
        ]


def _file(path: str, mode: str, content: bytes) -> File:
    """As a clone has it: what is too large isn't read."""
    if len(content) <= MAX_BYTES:
        return File(path, mode, content)
    return File(path, mode, UNREAD, hashlib.sha1(content).hexdigest())  # noqa: S324  as Git does
