"""The company on what stands for a GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.company import PROJECT, Company
from tests.doubles.gitlab import DEVELOPER, GitLab, MergeRequest, User, life
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.server import Running
from tests.promotion.shops.shop import APPROVERS, Shop, Shown, configured


class GitLabShop(Shop):
    running: Running

    def __init__(self, company: Company, gitlab: GitLab, running: Running) -> None:
        self.company, self.gitlab, self.running = company, gitlab, running
        self.project = gitlab.project(PROJECT)
        gitlab.protect(self.project, "main", merge=DEVELOPER)
        self.repository = self.project.repository
        self.ann = gitlab.user("ann", "shop", role=DEVELOPER)
        approvers = gitlab.accounts.group(APPROVERS)
        approvers.visibility = "internal"
        gitlab.join(self.ann, approvers, DEVELOPER)
        token = gitlab.bot(self.project.namespace)
        self.secrets = (token,)
        self.environ = configured(company, "gitlab", running.url, "GITLAB_TOKEN", token)

    def requests(self) -> list[Shown]:
        with self.gitlab.lock:
            life.look(self.gitlab, self.project)
            return [self._shown(request) for request in self.project.requests.values()]

    def _shown(self, request: MergeRequest) -> Shown:
        state = {"opened": "open"}.get(request.state, request.state)
        ended = None if request.open else request.merged_by or request.closed_by
        return Shown(
            request.iid,
            request.source_branch,
            request.target_branch,
            state,
            request.title,
            tuple(request.labels),
            tuple(person.username for person in request.reviewers),
            self._who(request.author),
            self._who(ended) if ended else "",
            request.description,
            tuple(note.body for note in request.notes if note.author != self.ann and not note.system),
        )

    def _who(self, user: User) -> str:
        return "ann" if user == self.ann else "us"

    def opens(self, source: str) -> bool:
        with self.gitlab.lock:
            if self._taken(source, "main") or self.repository.head(source) is None:
                return False
            self.gitlab.open(self.project, self.ann, source, title="Ann's")
            return True

    def closes(self, number: int) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            if request.open:
                self.gitlab.close(request, self.ann)
            return not request.open

    def reopens(self, number: int) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            life.look(self.gitlab, self.project)
            source, target = request.source_branch, request.target_branch
            head = self.project.heads.get(source)
            if request.state != "closed" or head is None or self._taken(source, target):
                return False
            request.state, request.ended, request.closed_by, request.sha = "opened", None, None, head
            return True

    def retargets(self, number: int, target: str) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            if not request.open or self._taken(request.source_branch, target):
                return False
            request.target_branch = target
            return True

    def merges(self, number: int, *, squash: bool) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            life.look(self.gitlab, self.project)
            if life.why_not(self.gitlab, self.project, request):
                return False
            self.gitlab.merge(self.project, request, self.ann, squash=squash)
            return True

    def edits(self, number: int, title: str, body: str) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            request.title, request.description = title, body
            return True

    def approves(self, number: int) -> bool:
        with self.gitlab.lock:
            request = self.project.requests[number]
            if request.open and request.author != self.ann:
                request.approvals[self.ann.id] = life.now()
            return request.open

    def _taken(self, source: str, target: str) -> bool:
        return any((r.source, r.target, r.state) == (source, target, "open") for r in self.requests())


@contextmanager
def gitlab_shop(company: Company) -> Iterator[GitLabShop]:
    gitlab = GitLab(company.folder / "git")
    with serve_gitlab(gitlab) as running:
        yield GitLabShop(company, gitlab, running)
