"""The company with a forge of each kind, and what people do there: what promotions on every forge are tested with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bot.cli import main
from bot.errors import ConflictError, ForgeError
from bot.forges.local import LocalForge
from bot.git import Identity
from bot.repositories import MergeRequest as MergeRequested
from bot.repositories import RequestDraft, Reviewers
from tests.company import PROJECT, Company
from tests.doubles.github import GitHub, Role
from tests.doubles.github import life as github_life
from tests.doubles.github.refusals import RefusedError
from tests.doubles.github.serving import serve_github
from tests.doubles.github.state import Pull
from tests.doubles.gitlab import DEVELOPER, GitLab, MergeRequest, User
from tests.doubles.gitlab import life as gitlab_life
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.repository import Repository
from tests.doubles.server import Running

ANN = Identity("Ann", "ann@example.com")
_APPROVERS = "staging-approvers"
_PERMISSIONS = {
    **dict.fromkeys(("contents", "pull_requests", "statuses"), "write"),
    **dict.fromkeys(("metadata", "members"), "read"),
}
_READS = ("GET", "git git-upload-pack", "POST /graphql repository")


@dataclass(frozen=True)
class Shown:
    """A merge request as the forge has it, with our notes. `author` and `ended_by` are `ann`, or `us` for promobot."""

    number: int
    source: str
    target: str
    state: str
    title: str
    labels: tuple[str, ...]
    reviewers: tuple[str, ...]
    author: str
    ended_by: str = ""
    body: str = ""
    notes: tuple[str, ...] = ()


class Shop(ABC):
    """The company on a forge; `environ` is what a promobot process gets, `secrets` the forge's among it."""

    company: Company
    environ: Mapping[str, str]
    repository: Repository
    secrets: tuple[str, ...] = ()
    # Where there is a server; the local forge is a folder.
    running: Running | None = None

    def promobot(self, *argv: str) -> int:
        return main(argv, environ=self.environ)

    def settle(self, *settings: str, required: int = 1) -> None:
        """Let the configuration say these lines of staging besides, and that so many have to approve."""
        file = self.company.folder / "promobot.yaml"
        head, tail = file.read_text().split("    promote: auto\n")
        lines = "".join(f"    {line}\n" for line in settings)
        approvers = f"    approvers: {{groups: [staging-approvers], required: {required}}}\n"
        kept = tail.partition("    approvers:")[2].partition("\n")[2]
        file.write_text(f"{head}    promote: auto\n{lines}{approvers}{kept}")

    def need_no_approvals(self) -> None:
        """The configuration asks people and waits for nobody."""
        self.settle(required=0)

    def writes(self) -> list[str]:
        """What was asked of the server that changes anything."""
        counts = self.running.counts(git=True) if self.running else {}
        return [route for route in counts if not route.startswith(_READS)]

    @abstractmethod
    def requests(self) -> list[Shown]:
        """Every merge request, by number."""

    @property
    def states(self) -> list[str]:
        return [request.state for request in self.requests()]

    def open(self) -> list[Shown]:
        return [request for request in self.requests() if request.state == "open"]

    # --- what Ann does; whether the forge let her -------------------------------------------------------

    @abstractmethod
    def opens(self, source: str) -> bool:
        """A merge request of her own into `main`."""

    @abstractmethod
    def closes(self, number: int) -> bool:
        """She says no."""

    @abstractmethod
    def reopens(self, number: int) -> bool:
        """She has thought again."""

    @abstractmethod
    def retargets(self, number: int, target: str) -> bool:
        """She sends it elsewhere."""

    @abstractmethod
    def merges(self, number: int, *, squash: bool) -> bool:
        """She merges it."""

    @abstractmethod
    def edits(self, number: int, title: str, body: str) -> bool:
        """She writes other words."""

    @abstractmethod
    def approves(self, number: int) -> bool:
        """She says yes to it as it is."""


class LocalShop(Shop):
    def __init__(self, company: Company) -> None:
        self.company, self.environ = company, company.environ
        self.repository = Repository(company.folder / "git" / f"{PROJECT}.git")
        self._ann = LocalForge(company.folder / "git", user="ann")

    def requests(self) -> list[Shown]:
        return [self._shown(request) for request in self._ann.requests(PROJECT)]

    def _shown(self, request: MergeRequested) -> Shown:
        author, ended = ("us" if name == "promobot" else name for name in (request.author, request.ended_by))
        notes = (request.note,) if request.note else ()
        about = (request.title, request.labels, request.reviewers, author, ended, request.body, notes)
        return Shown(request.number, request.source_branch, request.target_branch, request.state.value, *about)

    def opens(self, source: str) -> bool:
        return self._try(lambda: self._ann.open(PROJECT, RequestDraft(source, "main", "Ann's", "", Reviewers(), ())))

    def closes(self, number: int) -> bool:
        return self._try(lambda: self._ann.close(PROJECT, number, reason="no", by="ann"))

    def reopens(self, number: int) -> bool:  # noqa: ARG002 - nobody can
        return False

    def retargets(self, number: int, target: str) -> bool:  # noqa: ARG002 - nobody can
        return False

    def merges(self, number: int, *, squash: bool) -> bool:  # noqa: ARG002 - there is one way only
        head = self._ann.get(PROJECT, number).head
        return self._try(lambda: self._ann.merge(PROJECT, number, head=head, by="ann"))

    def edits(self, number: int, title: str, body: str) -> bool:
        return self._try(lambda: self._ann.update(PROJECT, number, title=title, body=body))

    def approves(self, number: int) -> bool:  # noqa: ARG002 - nobody can
        return False

    def _try(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except (ConflictError, ForgeError):
            return False
        return True


class GitLabShop(Shop):
    running: Running

    def __init__(self, company: Company, gitlab: GitLab, running: Running) -> None:
        self.company, self.gitlab, self.running = company, gitlab, running
        self.project = gitlab.project(PROJECT)
        gitlab.protect(self.project, "main", merge=DEVELOPER)
        self.repository = self.project.repository
        self.ann = gitlab.user("ann", "shop", role=DEVELOPER)
        approvers = gitlab.accounts.group(_APPROVERS)
        approvers.visibility = "internal"
        gitlab.join(self.ann, approvers, DEVELOPER)
        token = gitlab.bot(self.project.namespace)
        self.secrets = (token,)
        self.environ = configured(company, "gitlab", running.url, "GITLAB_TOKEN", token)

    def requests(self) -> list[Shown]:
        with self.gitlab.lock:
            gitlab_life.look(self.gitlab, self.project)
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
            gitlab_life.look(self.gitlab, self.project)
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
            gitlab_life.look(self.gitlab, self.project)
            if gitlab_life.why_not(self.gitlab, self.project, request):
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
                request.approvals[self.ann.id] = gitlab_life.now()
            return request.open

    def _taken(self, source: str, target: str) -> bool:
        return any((r.source, r.target, r.state) == (source, target, "open") for r in self.requests())


class GitHubShop(Shop):
    running: Running
    robot = "shop-robot"

    def __init__(self, company: Company, hub: GitHub, running: Running) -> None:
        self.company, self.hub, self.running = company, hub, running
        hub.team("shop", _APPROVERS, "ann")
        roles = dict.fromkeys(("ann", "shop-robot"), Role.WRITE)
        self.repository = hub.adopt(PROJECT, roles=roles, teams={_APPROVERS: Role.WRITE}).repository
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
            if not self._try(lambda: github_life.must_be_alone(project, source, "main")):
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
            return not pull.open and self._try(lambda: github_life.reopen(project, pull, self.hub.now()))

    def retargets(self, number: int, target: str) -> bool:
        with self.hub.lock:
            project = self.hub.synced(PROJECT)
            pull, base = project.pulls[number], self.repository.head(target)
            if not pull.open or base is None or pull.target == target:
                return False
            if not self._try(lambda: github_life.must_be_alone(project, pull.source, target)):
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
        self.hub.install(app, "shop", _PERMISSIONS)
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


def configured(company: Company, kind: str, url: str, variable: str, token: str) -> dict[str, str]:
    """Let the company's configuration be of this forge; the environment for it."""
    file = company.folder / "promobot.yaml"
    forge = f"{{type: {kind}, url: '{url}', token_env: {variable}}}"
    file.write_text(file.read_text().replace("{type: local, path: git}", forge))
    return {**company.environ, variable: token}


@contextmanager
def local_shop(company: Company) -> Iterator[LocalShop]:
    yield LocalShop(company)


@contextmanager
def gitlab_shop(company: Company) -> Iterator[GitLabShop]:
    gitlab = GitLab(company.folder / "git")
    with serve_gitlab(gitlab) as running:
        yield GitLabShop(company, gitlab, running)


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


SHOPS: Mapping[str, Callable[[Company], AbstractContextManager[Shop]]] = MappingProxyType(
    {"local": local_shop, "gitlab": gitlab_shop, "github": github_shop}
)
# And those that differ from one of them in how commits come about alone.
ALL_SHOPS: Mapping[str, Callable[[Company], AbstractContextManager[Shop]]] = MappingProxyType(
    {**SHOPS, "github-api": github_app_shop}
)
