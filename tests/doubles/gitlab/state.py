"""What an instance holds: projects, merge requests, pipelines. Rules about them are in `life.py` and `merging.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from tests.doubles.gitlab.accounts import Namespace, User
from tests.doubles.gitlab.quick_actions import obeyed
from tests.doubles.repository import Repository

_DRAFT = re.compile(r"\A(\[draft\]|draft:|\(draft\))\s*", re.IGNORECASE)


@dataclass
class Patience:
    """How long GitLab's background jobs take, in looks at what they are to change.

    `unseen` is for how many requests a branch that was just pushed is not there yet for whoever opens a merge request;
    `mergeability` is for how many looks a merge request's state is being checked. `pipelines` is for how many looks at
    a merge request or a commit's statuses a pipeline is yet to be made; a new merge request is being prepared so long.
    """

    unseen: int = 0
    mergeability: int = 2
    pipelines: int = 0


@dataclass
class Rule:
    """Who has to approve: so many of these people, who may be in groups; what goes into these branches, or into any.

    One that is of `protected` branches is of all of them. A `hidden` one has groups that who asks may not see.
    """

    id: int
    name: str
    required: int
    users: tuple[User, ...] = ()
    groups: tuple[str, ...] = ()
    rule_type: str = "regular"
    branches: tuple[str, ...] = ()
    protected: bool = False
    hidden: bool = False


@dataclass
class Note:
    """A comment, or what GitLab says itself (`system`)."""

    id: int
    author: User
    body: str
    created: datetime
    updated: datetime
    system: bool = False


@dataclass
class Status:
    """A job of a pipeline that runs elsewhere, and is told about."""

    id: int
    name: str
    ref: str
    state: str
    author: User
    created: datetime
    description: str | None = None
    target_url: str | None = None


@dataclass
class Pipeline:
    """A pipeline; without jobs of its own it is as its external statuses are. `built` is how its own job is."""

    id: int
    iid: int
    sha: str
    ref: str
    source: str
    user: User | None
    created: datetime
    status: str = "running"
    built: str = "running"
    statuses: list[Status] = field(default_factory=list)


@dataclass
class Coming:
    """A pipeline that is to be made after so many looks."""

    looks: int
    sha: str
    ref: str
    source: str
    user: User | None


@dataclass
class MergeRequest:
    """A merge request. `pending` are the states that it still shows before it is known whether it can be merged."""

    id: int
    iid: int
    title: str
    description: str
    source_branch: str
    target_branch: str
    author: User
    sha: str
    created: datetime
    updated: datetime
    state: str = "opened"
    assignees: list[User] = field(default_factory=list)
    reviewers: list[User] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    remove_source_branch: bool = False
    squash: bool = False
    pending: list[str] = field(default_factory=list)
    preparing: int = 0  # for so many looks
    notes: list[Note] = field(default_factory=list)
    approvals: dict[int, datetime] = field(default_factory=dict)
    versions: list[tuple[str, datetime]] = field(default_factory=list)  # its heads, and since when
    rules: list[Rule] | None = None
    auto_merge: User | None = None
    merged_by: User | None = None
    closed_by: User | None = None
    ended: datetime | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    base_sha: str = ""
    fork: int = 0  # the project that the source branch is of, where that is another
    commanded: list[tuple[str, str]] = field(default_factory=list)  # by texts: who, and what

    @property
    def draft(self) -> bool:
        return bool(_DRAFT.match(self.title))

    def describe(self, text: str, by: User) -> None:
        """Somebody writes the description: what commands stand in it is done, and what is left is kept."""
        self.description, commands = obeyed(text)
        self.commanded += [(by.username, command) for command in commands]

    @property
    def open(self) -> bool:
        return self.state == "opened"


@dataclass
class Protection:
    """Who may push to branches of a name, and who may merge into them: the least role, 0 for nobody.

    With Premium, also these users and the members of these groups may merge.
    """

    id: int
    name: str
    push: int
    merge: int
    code_owners: bool = False
    users: tuple[User, ...] = ()
    groups: tuple[Namespace, ...] = ()


@dataclass
class Project:
    """A project; its settings are GitLab's, by GitLab's names."""

    id: int
    namespace: Namespace
    repository: Repository
    visibility: str = "private"
    merge_method: str = "merge"
    squash_option: str = "default_off"
    only_allow_merge_if_pipeline_succeeds: bool = False
    reset_approvals_on_push: bool = True
    merge_trains_enabled: bool = False
    author_may_approve: bool = False
    disable_overriding_approvers_per_merge_request: bool = False
    pipelines_for: str = ""  # `push`, `merge_request_event`, or nothing where the project has no CI
    rules: list[Rule] = field(default_factory=list)
    protections: list[Protection] = field(default_factory=list)
    requests: dict[int, MergeRequest] = field(default_factory=dict)
    pipelines: list[Pipeline] = field(default_factory=list)
    coming: list[Coming] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)  # as they were last looked at
    unseen: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.namespace.path

    def protection(self, branch: str) -> Protection | None:
        """The rules for a branch; where a branch's name is one of a pattern, too."""
        return next((p for p in self.protections if re.fullmatch(re.escape(p.name).replace(r"\*", ".*"), branch)), None)
