"""The company on what stands for a GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.company import PROJECT, Company
from tests.doubles.github import GitHub, Role, life
from tests.doubles.github.accounts import OF_THE_MANUAL
from tests.doubles.github.refusals import RefusedError
from tests.doubles.github.serving import serve_github
from tests.doubles.github.state import Pull
from tests.doubles.server import Running
from tests.promotion.shops.shop import APPROVERS, Shop, Shown, configured


class GitHubShop(Shop):
    running: Running
    robot = "shop-robot"

    def __init__(self, company: Company, hub: GitHub, running: Running) -> None:
        self.company, self.hub, self.running = company, hub, running
        hub.team("shop", APPROVERS, "ann")
        roles = dict.fromkeys(("ann", "shop-robot"), Role.WRITE)
        self.repository = hub.adopt(PROJECT, roles=roles, teams={APPROVERS: Role.WRITE}).repository
        self.environ = self._configured()

    def _configured(self) -> dict[str, str]:
        token = self.hub.classic(self.robot, "repo", "read:org")
        self.secrets = (token,)
        return configured(self.company, "github", self.running.url, "GITHUB_TOKEN", token)

    def requests(self) -> list[Shown]:
        return [self._shown(pull) for pull in self.hub.pulls(PROJECT).values()]

    def _shown(self, pull: Pull) -> Shown:
        state = "open" if pull.open else "merged" if pull.merged else "closed"
        author, ended = ("us" if login == self.robot else login for login in (pull.login, pull.closed_by))
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


class GitHubAppShop(GitHubShop):
    """Where promobot is an App, and GitHub's API makes its commits."""

    robot = "promo[bot]"

    def _configured(self) -> dict[str, str]:
        key = rsa.generate_private_key(65537, 2048)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        app = self.hub.register("promo", public)
        self.hub.install(app, "shop", OF_THE_MANUAL)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        environ = configured(self.company, "github", self.running.url, "GITHUB_APP_KEY", secret)
        file = self.company.folder / "promobot.yaml"
        said = f"app: {{id: {app.id}, key_env: GITHUB_APP_KEY}}, commits: api"
        file.write_text(file.read_text().replace("token_env: GITHUB_APP_KEY", said))
        return environ

    def verified(self, branch: str) -> list[bool]:
        """Whether GitHub has signed each of a branch's own commits."""
        commits = self.repository.between("main", branch)
        return [self.repository.git("cat-file", "commit", commit).find("\ngpgsig ") > 0 for commit in commits]


@contextmanager
def github_shop(company: Company) -> Iterator[GitHubShop]:
    hub = GitHub(company.folder / "git")
    with serve_github(hub) as running:
        yield GitHubShop(company, hub, running)


@contextmanager
def github_app_shop(company: Company) -> Iterator[GitHubAppShop]:
    hub = GitHub(company.folder / "git")
    with serve_github(hub) as running:
        yield GitHubAppShop(company, hub, running)
