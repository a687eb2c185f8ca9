"""An instance as people use it: they make groups and projects, approve, merge, close, and run pipelines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles.gitlab import life
from tests.doubles.gitlab.accounts import DEVELOPER, MAINTAINER, Accounts, Namespace, Token, User
from tests.doubles.gitlab.state import MergeRequest, Patience, Pipeline, Project, Protection, Rule
from tests.doubles.repository import Repository

_HOOK = """#!/bin/sh
while read -r old new ref; do
    if grep -qxF "$ref" "forbidden/$REMOTE_USER" 2>/dev/null; then
        echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
        exit 1
    fi
done
"""


@dataclass
class Instance:
    """`premium` has what is paid for; without `enterprise` there isn't even the code for it.

    `gap` is what happens between the look for a merge request that is open already and the making of another.
    """

    root: Path
    premium: bool = False
    enterprise: bool = True
    version: str = "18.6.1-ee"
    patience: Patience = field(default_factory=Patience)
    counted: int = 10_000  # the length of the longest list whose length is told
    shown: int = 1000  # so many files of a merge request's diff are kept, and no more
    accounts: Accounts = field(default_factory=Accounts)
    projects: dict[str, Project] = field(default_factory=dict)
    gap: Callable[[], None] = lambda: None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def since(self, *release: int) -> bool:
        """Whether this is that release of GitLab, or a later one."""
        return tuple(map(int, self.version.partition("-")[0].split("."))) >= release

    # --- people -----------------------------------------------------------------------------------------

    def user(self, username: str, *groups: str, role: int = DEVELOPER) -> User:
        """A person, with a role in these groups."""
        user = self.accounts.user(username)
        for group in groups:
            self.join(user, self.accounts.group(group), role)
        return user

    def join(self, user: User, place: Namespace, role: int) -> None:
        place.roles[user.id] = role

    def token(self, user: User, *scopes: str, ended: str = "") -> str:
        """A token of a user, by default with every right of the API."""
        number = self.accounts.next_id()
        value = f"glpat-canary-{user.username}-{number}"
        self.accounts.tokens[value] = Token(number, value, user, scopes or ("api",), ended)
        return value

    def bot(self, place: Namespace, *scopes: str, role: int = DEVELOPER, ended: str = "") -> str:
        """An access token of a project or group, with the user of its own that GitLab makes for it."""
        kind = "project" if place.path in self.projects else "group"
        user = self.accounts.user(f"{kind}_{place.id}_bot_{self.accounts.next_id():x}", bot=True)
        self.join(user, place, role)
        return self.token(user, *scopes, ended=ended)

    # --- projects ---------------------------------------------------------------------------------------

    def project(self, path: str, files: Mapping[str, bytes] | None = None, **settings: object) -> Project:
        """A project with these files on its default branch, where only maintainers push, and the groups above it.

        Where there is its repository already, it is that one's.
        """
        above = path.rpartition("/")[0]
        self.accounts.group(above)
        number = self.accounts.next_id()
        repository = Repository(self.root / f"{path}.git")
        if not repository.path.exists():
            repository = Repository.create(self.root, path, files or {"README.md": b"# Here\n"})
        project = Project(number, Namespace(number, path), repository, **settings)  # type: ignore[arg-type]
        self.projects[path] = project
        self.protect(project, repository.default_branch)
        project.heads = repository.heads()
        return project

    def protect(self, project: Project, branch: str, *, push: int = MAINTAINER, merge: int = MAINTAINER) -> None:
        """Let only these push to a branch and merge into it."""
        project.protections = [kept for kept in project.protections if kept.name != branch]
        project.protections.append(Protection(self.accounts.next_id(), branch, push, merge))

    def rule(self, name: str, required: int, *users: User, groups: tuple[str, ...] = ()) -> Rule:
        """An approval rule, for a project's or a merge request's."""
        kind = "regular" if users or groups else "any_approver"
        return Rule(self.accounts.next_id(), name, required, users, groups, kind)

    def forbid(self, project: Project, user: User) -> None:
        """Write down for git where this user may not push."""
        role = self.accounts.role(user, project.namespace)
        refs = [f"refs/heads/{p.name}" for p in project.protections if not 0 < p.push <= role]
        folder = project.repository.path / "forbidden"
        folder.mkdir(exist_ok=True)
        (folder / user.username).write_text("".join(f"{ref}\n" for ref in refs))
        hook = project.repository.path / "hooks" / "pre-receive"
        if not hook.exists():
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(_HOOK)
            hook.chmod(0o755)

    # --- what people do with merge requests -------------------------------------------------------------

    def open(self, project: Project, user: User, source: str, target: str = "main", **fields: object) -> MergeRequest:
        """A person opens a merge request; `fork` is the number of the project that its branch is of."""
        with self.lock:
            life.look(self, project, user)
            number = max(project.requests, default=0) + 1
            heads = project.heads
            request = MergeRequest(
                id=self.accounts.next_id(),
                iid=number,
                source_branch=source,
                target_branch=target,
                author=user,
                sha=heads[source],
                created=life.now(),
                updated=life.now(),
                **{"title": source, "description": "", **fields},  # type: ignore[arg-type]
            )
            request.base_sha = project.repository.base(heads[target], request.sha) or ""
            request.versions.append((request.sha, request.created))
            project.requests[number] = request
            life.recheck(self, request)
            request.preparing = self.patience.pipelines
            if project.pipelines_for == "merge_request_event":
                ref = f"refs/merge-requests/{number}/head"
                life.begin_pipeline(self, project, request.sha, ref, "merge_request_event", user)
            return request

    def approve(self, project: Project, request: MergeRequest, *users: User) -> None:
        """People approve what the merge request is now."""
        with self.lock:
            life.look(self, project)
            for user in users:
                assert life.may_approve(self, project, request, user), f"{user.username} may not approve"
                request.approvals[user.id] = life.now()

    def merge(self, project: Project, request: MergeRequest, user: User, *, squash: bool = False) -> None:
        """A person presses the button."""
        with self.lock:
            life.look(self, project)
            request.pending.clear()
            assert life.merge_status(self, project, request) == "mergeable"
            assert life.merge(self, project, request, user, squash=squash, message="")
            life.after_merge(self, project, request, remove=request.remove_source_branch)

    def close(self, request: MergeRequest, user: User) -> None:
        """A person says no."""
        with self.lock:
            request.state, request.closed_by, request.ended, request.updated = "closed", user, life.now(), life.now()

    def finish(self, project: Project, status: str, pipeline: Pipeline | None = None) -> None:
        """The job of a pipeline (the newest) ends; whatever waited for it is merged."""
        with self.lock:
            life.look(self, project)
            ended = pipeline or project.pipelines[-1]
            ended.built = status
            life.settle(ended)
            for request in project.requests.values():
                if request.open and request.auto_merge and not life.why_not(self, project, request):
                    life.merge(self, project, request, request.auto_merge, squash=request.squash, message="")
                    life.after_merge(self, project, request, remove=request.remove_source_branch)
