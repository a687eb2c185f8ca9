"""What a repository of the double holds beside Git: pull requests and all that is about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Literal

from bot.errors import ConflictError
from bot.forges.local import merging
from tests.doubles.github.accounts import Role
from tests.doubles.repository import Repository


@dataclass
class Review:
    """What somebody thinks of a pull request at a commit."""

    id: int
    login: str
    state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]
    commit: str
    at: datetime
    body: str = ""


@dataclass
class Comment:
    id: int
    login: str
    body: str
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Status:
    """What a service says of a commit, under a name of its own."""

    id: int
    login: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    at: datetime


@dataclass
class CheckRun:
    """What an App says of a commit."""

    id: int
    app: int
    name: str
    commit: str
    status: str
    conclusion: str | None
    started: datetime
    completed: datetime | None
    external_id: str = ""
    details_url: str | None = None
    output: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class AutoMerge:
    login: str
    method: str


@dataclass(frozen=True)
class Queued:
    """A place in the merge queue, with the head that the pull request had when it got there.

    `commit` is what the target would be with it and all before it, made on top of `base`; `branch` is at that.
    """

    id: int
    login: str
    head: str
    base: str = ""
    commit: str = ""
    branch: str = ""


@dataclass
class Pull:
    """A pull request. `computing` is how often it will still be read before it is known whether it merges."""

    id: int
    number: int
    title: str
    body: str | None
    source: str
    target: str
    login: str
    head: str
    base: str
    created: datetime
    updated: datetime
    draft: bool = False
    # Whose fork the branch is of; empty where it is here.
    fork: str = ""
    labels: list[str] = field(default_factory=list)
    labeled: bool = False  # whether it ever had one
    assignees: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    auto_merge: AutoMerge | None = None
    queued: Queued | None = None
    closed: datetime | None = None
    closed_by: str = ""
    merged: datetime | None = None
    merge_commit: str | None = None
    computing: int = 0

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def node_id(self) -> str:
        return f"PR_{self.id}"

    def last_reviews(self) -> dict[str, Review]:
        """The review that counts, by who gave it: a mere comment takes back nothing."""
        return {review.login: review for review in self.reviews if review.state != "COMMENTED"}


@dataclass(frozen=True)
class Protection:
    """What a branch asks for before anything is merged into it, and who alone may push to it, where that is said.

    So many `rulesets` ask for it, each for the same; `teams` are those that they want for some files, for whom the
    double doesn't wait.
    """

    approvals: int = 0
    contexts: tuple[str, ...] = ()
    dismiss_stale: bool = False
    code_owners: bool = False
    up_to_date: bool = False
    pushers: tuple[str, ...] | None = None
    rulesets: int = 1
    teams: tuple[str, ...] = ()

    def lets(self, login: str) -> bool:
        return self.pushers is None or login in self.pushers


# The worse, the later.
_VERDICTS = ("success", "pending", "failure")


def _verdict(state: str) -> str:
    good = {"success", "neutral", "skipped"}
    return "success" if state in good else "pending" if state == "pending" else "failure"


@dataclass
class Project:
    """A repository. Who has no role here does not see it where it is private; its organization's teams have roles."""

    id: int
    owner: str
    name: str
    repository: Repository
    created: datetime
    private: bool = True
    roles: dict[str, Role] = field(default_factory=dict)
    teams: dict[str, Role] = field(default_factory=dict)
    methods: frozenset[str] = frozenset({"merge", "squash"})
    auto_merge: bool = True
    # Branches that are merged into by a queue alone.
    queues: set[str] = field(default_factory=set)
    delete_branch_on_merge: bool = False
    paid: bool = True
    # By branch: what protects it, which administrators alone are told, and what rulesets ask for, which all are told.
    protections: dict[str, Protection] = field(default_factory=dict)
    rules: dict[str, Protection] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    checks: list[CheckRun] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def node_id(self) -> str:
        return f"R_{self.id}"

    @property
    def open_pulls(self) -> list[Pull]:
        return [pull for pull in self.pulls.values() if pull.open]

    def combined(self, commit: str) -> dict[str, Status]:
        """The last status of each name."""
        return {status.context: status for status in self.statuses.get(commit, ())}

    def conclusions(self, commit: str) -> dict[str, str]:
        """What is said of a commit under each name, by statuses and check runs alike: success, failure or pending.

        A status and a check of one name both count:
        https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks
        """
        found: dict[str, str] = {}
        statuses = {name: status.state for name, status in self.combined(commit).items()}
        runs = {run.name: run.conclusion or "pending" for run in self.checks if run.commit == commit}
        for name, state in (*statuses.items(), *runs.items()):
            found[name] = max(found.get(name, "success"), _verdict(state), key=_VERDICTS.index)
        return found

    def merges(self, pull: Pull) -> bool:
        """Whether the branches go together."""
        base = self.repository.head(pull.target)
        try:
            return base is not None and bool(merging.merged_tree(self.repository.directory, base, pull.head))
        except ConflictError:
            return False

    def approvals(self, pull: Pull) -> int:
        """How many approve; only those count who could merge."""
        given = pull.last_reviews().items()
        return sum(review.state == "APPROVED" and self.role(login) >= Role.WRITE for login, review in given)

    def role(self, login: str) -> Role:
        return self.roles.get(login, Role.NONE if self.private else Role.READ)

    def lacking(self, pull: Pull) -> Iterator[tuple[str, str]]:
        """What the target still asks for: `approvals` and how many, or `checks` and which."""
        asked = self.asked(pull.target)
        refused = any(review.state == "CHANGES_REQUESTED" for review in pull.last_reviews().values())
        if asked.approvals and (refused or self.approvals(pull) < asked.approvals):
            yield "approvals", str(asked.approvals)
        said = self.conclusions(pull.head)
        for context in asked.contexts:
            if said.get(context) != "success":
                yield "checks", context

    def asked(self, branch: str) -> Protection:
        """What is asked for before anything is merged into a branch, by protection and rules together."""
        one, other = (kept.get(branch, Protection()) for kept in (self.protections, self.rules))
        return Protection(
            max(one.approvals, other.approvals),
            tuple(dict.fromkeys((*one.contexts, *other.contexts))),
            one.dismiss_stale or other.dismiss_stale,
            one.code_owners or other.code_owners,
            one.up_to_date or other.up_to_date,
        )

    def is_behind(self, pull: Pull) -> bool:
        """Whether it has to be up to date first, which nothing has to that needs no check.

        https://github.com/home-operations/tuppr/pull/426
        """
        asked, base = self.asked(pull.target), self.repository.head(pull.target)
        strict = asked.up_to_date and bool(asked.contexts)
        return strict and base is not None and not self.repository.contains(pull.head, base)

    def merge_state(self, pull: Pull) -> str:
        """In a word of `mergeable_state`. https://docs.github.com/en/graphql/reference/enums#mergestatestatus

        What is queued is unknown: https://github.com/objectstack-ai/objectstack/issues/14605. That it is behind is said
        before what else is missing, see https://kodiakhq.com/docs/troubleshooting#codeowners and the count of
        https://github.com/rjmurillo/ai-agents/pull/4663.
        """
        if pull.computing or pull.queued:
            return "unknown"
        if not self.merges(pull):
            return "dirty"
        if pull.draft:
            return "draft"
        if self.is_behind(pull):
            return "behind"
        if any(self.lacking(pull)):
            return "blocked"
        said = self.conclusions(pull.head).values()
        return "unstable" if any(state != "success" for state in said) else "clean"
