"""The company on what stands for a GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.company import PROJECT, Company
from tests.doubles.github import GitHub, Role, life
from tests.doubles.github.refusals import RefusedError
from tests.doubles.github.serving import serve_github
from tests.doubles.github.state import Pull
from tests.doubles.server import Running
from tests.promotion.shops.shop import APPROVERS, Shop, Shown, configured


class GitHubShop(Shop):
    running: Running

    def __init__(self, company: Company, hub: GitHub, running: Running) -> None:
        self.company, self.hub, self.running = company, hub, running
        hub.team("shop", APPROVERS, "ann")
        roles = dict.fromkeys(("ann", "shop-robot"), Role.WRITE)
        self.repository = hub.adopt(PROJECT, roles=roles, teams={APPROVERS: Role.WRITE}).repository
        token = hub.classic("shop-robot", "repo", "read:org")
        self.secrets = (token,)
        self.environ = configured(company, "github", running.url, "GITHUB_TOKEN", token)

    def requests(self) -> list[Shown]:
        return [self._shown(pull) for pull in self.hub.pulls(PROJECT).values()]

    def _shown(self, pull: Pull) -> Shown:
        state = "open" if pull.open else "merged" if pull.merged else "closed"
        author, ended = ("us" if login == "shop-robot" else login for login in (pull.login, pull.closed_by))
        asked = (*pull.reviewers, *pull.teams)
        notes = tuple(said.body for said in pull.comments if said.login != "ann")
        about = (pull.title, tuple(pull.labels), asked, author, ended, pull.body or "", notes)
        return Shown(pull.number, pull.source, pull.target, state, *about)

    def opens(self, source: str) -> bool:
        with self.hub.lock:
            project = self.hub.synced(PROJECT)
            head, base = (self.repository.head(branch) for branch in (source, "main"))
            if head is None or base is None or self.repository.contains(base, head):
                return False
            if not self._try(lambda: life.must_be_alone(project, source, "main")):
                return False
            self.hub.open(PROJECT, "ann", source)
            return True

    def closes(self, number: int) -> bool:
        with self.hub.lock:
            pull = self.hub.synced(PROJECT).pulls[number]
            if pull.open:
                self.hub.close(PROJECT, number, "ann")
            return not pull.open

    def reopens(self, number: int) -> bool:
        with self.hub.lock:
            project = self.hub.synced(PROJECT)
            pull = project.pulls[number]
            return not pull.open and self._try(lambda: life.reopen(project, pull, self.hub.now()))

    def retargets(self, number: int, target: str) -> bool:
        with self.hub.lock:
            project = self.hub.synced(PROJECT)
            pull, base = project.pulls[number], self.repository.head(target)
            if not pull.open or base is None or pull.target == target:
                return False
            if not self._try(lambda: life.must_be_alone(project, pull.source, target)):
                return False
            pull.target, pull.base = target, base
            return True

    def merges(self, number: int, *, squash: bool) -> bool:
        return self._try(lambda: self.hub.merge(PROJECT, number, "ann", "squash" if squash else "merge"))

    def edits(self, number: int, title: str, body: str) -> bool:
        with self.hub.lock:
            pull = self.hub.synced(PROJECT).pulls[number]
            pull.title, pull.body = title, body
            return True

    def approves(self, number: int) -> bool:
        return self._try(lambda: self.hub.review(PROJECT, number, "ann"))

    def _try(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except RefusedError:
            return False
        return True


@contextmanager
def github_shop(company: Company) -> Iterator[GitHubShop]:
    hub = GitHub(company.folder / "git")
    with serve_github(hub) as running:
        yield GitHubShop(company, hub, running)
