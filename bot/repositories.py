"""What a forge holds, as values: repositories, commits, files and merge requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

# git-check-ref-format(1), read as: anything that makes a branch name bad.
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|(^|/)\.|\.lock(/|$)")


def is_branch(name: str) -> bool:
    """Whether Git lets a branch be called that."""
    return bool(name) and not _BAD_BRANCH.search(name)


@dataclass(frozen=True, order=True)
class Repository:
    """A Git repository on a configured forge: the forge's name and the project's path there."""

    forge: str
    project: str

    def __str__(self) -> str:
        return f"{self.forge}:{self.project}"


@dataclass(frozen=True, order=True)
class Rev:
    """A commit of a repository. Facts are about a commit, never about "the branch"."""

    repository: Repository
    commit: str


@dataclass(frozen=True)
class File:
    """A file of a commit: path, Git mode (such as `100644`) and bytes.

    Of one that is too large to be read, `unread` is the object's id: its content stands for any other's of that kind.
    """

    path: str
    mode: str
    content: bytes
    unread: str = ""

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, whose content is where it points to."""
        return self.mode == "120000"


@dataclass(frozen=True)
class Commit:
    """A commit with what recognises it as ours: its addresses and its trailers in their order.

    Who amends or rebases a commit becomes its committer; its author stays. `paths` are the files that it changes
    against its first parent, where that was asked.
    """

    sha: str
    author_email: str
    committer_email: str
    trailers: tuple[tuple[str, str], ...]
    paths: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()

    @property
    def merges(self) -> bool:
        """Whether it has several parents."""
        return len(self.parents) > 1

    def trailer(self, key: str) -> tuple[str, ...]:
        """Every value of the trailer `key`."""
        return tuple(value for name, value in self.trailers if name == key)


@dataclass(frozen=True)
class Summary:
    """What people see of a commit: its first line, of which there is at most so much as fits one."""

    sha: str
    subject: str


@dataclass(frozen=True)
class Landing:
    """A commit of a branch itself (no commit of what was merged into it) that changed a file.

    `content` is the file as the commit left it, None where it is no longer one; `at` is the committer's time, which
    says when a merge was made, and of a commit that was pushed as it is only when somebody wrote it.
    """

    commit: str
    at: datetime
    content: bytes | None


class RequestState(Enum):
    """Where a merge request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True)
class MergeRequest:
    """A merge request as every forge has it.

    `ours` says whether the account that promobot works as opened it, `ended_by_us` whether promobot ended it: a person
    may have the same account, and close it by hand. `head` is the source branch's commit, `ended_by` who merged or
    closed it, and `reason` what was said then. A `draft` is not merged before a person says that it is ready. An
    `unfinished` one of ours was opened by a run that ended there: neither labels nor reviewers are given to it, or not
    the rules that it is to have of its own. Of a merged one, `merge_commit` is where the target's branch was right
    after, and `merged_at` the forge's own time of it. `note` is what ours says, where the forge tells that.
    `auto_merge_by` is who had the forge merge it by itself as soon as it may. `approvals` are the users who approve it
    now, None where lists don't tell. One that `needs_rebase` isn't merged, by the project's rules, before its branch
    has all that the target's has; False where lists don't tell.
    """

    number: int
    title: str
    body: str
    source_branch: str
    target_branch: str
    head: str
    state: RequestState
    url: str
    author: str
    ours: bool
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    ended_by: str = ""
    ended_by_us: bool = False
    reason: str = ""
    draft: bool = False
    merge_commit: str = ""
    unfinished: bool = False
    merged_at: datetime | None = None
    note: str = ""
    auto_merge_by: str = ""
    approvals: tuple[str, ...] | None = None
    needs_rebase: bool = False

    @property
    def ender(self) -> str:
        """Who merged or closed it, in words; a forge doesn't always tell."""
        return self.ended_by or "somebody"


class StatusState(Enum):
    """What promobot says of a commit; only success lets people merge where the status is required."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True)
class CommitStatus:
    """What promobot's own status on a commit says; `description` is one short line of plain text."""

    state: StatusState
    description: str

    def within(self, most: int) -> CommitStatus:
        """The same with its text in so many characters, all of them printable, and none that GitHub wouldn't take."""
        known = "".join(c if c <= "\uffff" else "?" for c in self.description)
        line = " ".join("".join(c if c.isprintable() else " " for c in known).split())
        return replace(self, description=line if len(line) <= most else f"{line[: most - 1].rstrip()}…")


@dataclass(frozen=True)
class FileChange:
    """The whole new content of one file."""

    path: str
    content: bytes


TRIGGER = "trigger"


@dataclass(frozen=True)
class Reviewers:
    """Who is asked to review: groups (on GitHub: teams) and users, as the forge calls them; each once."""

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.users)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.groups, *self.users)


# How names of rules begin that are of promobot's making.
OWN_RULE = "promobot: "


@dataclass(frozen=True)
class ApprovalRule:
    """So many of these must approve before a forge lets anything be merged; of nobody in particular: of anybody."""

    name: str
    required: int
    of: Reviewers = Reviewers()


@dataclass(frozen=True)
class BranchProtection:
    """What a forge makes sure of before a branch changes.

    `owners`: whoever owns a path by CODEOWNERS must approve. `unknown` says what this token isn't told.
    """

    rules: tuple[ApprovalRule, ...] = ()
    owners: bool = False
    unknown: str = ""


@dataclass(frozen=True)
class RequestDraft:
    """What a merge request of ours says; as a `draft`, a person has to finish it and call it ready.

    An assignee called TRIGGER stands for who started the run, which the forge may know. `rules` are its own, where a
    forge has such.
    """

    source_branch: str
    target_branch: str
    title: str
    body: str
    reviewers: Reviewers
    labels: tuple[str, ...]
    draft: bool = False
    assignees: tuple[str, ...] = ()
    rules: tuple[ApprovalRule, ...] = ()
