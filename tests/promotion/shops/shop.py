"""The company on a forge, whichever it is, and what people do there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from bot.cli import main
from bot.git import Identity
from tests.company import Company
from tests.doubles.repository import Repository
from tests.doubles.server import Running

ANN = Identity("Ann", "ann@example.com")
APPROVERS = "staging-approvers"
# An App asks for a token in each run, which changes nothing.
_READS = ("GET", "git git-upload-pack", "POST /graphql repository", "POST /app/installations/:id/access_tokens")


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

    def settle(self, *settings: str, required: int = 1, rule: bool = False) -> None:
        """Let the configuration say these lines of staging besides, and how many have to approve."""
        file = self.company.folder / "promobot.yaml"
        head, tail = file.read_text().split("    promote: auto\n")
        lines = "".join(f"    {line}\n" for line in settings)
        approvers = f"    approvers: {{groups: [staging-approvers], required: {required}, rule: {str(rule).lower()}}}\n"
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


def configured(company: Company, kind: str, url: str, variable: str, token: str) -> dict[str, str]:
    """Let the company's configuration be of this forge; the environment for it."""
    file = company.folder / "promobot.yaml"
    forge = f"{{type: {kind}, url: '{url}', token_env: {variable}}}"
    file.write_text(file.read_text().replace("{type: local, path: git}", forge))
    return {**company.environ, variable: token}
