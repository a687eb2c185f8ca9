"""The company on the local forge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.errors import ConflictError, ForgeError
from bot.forges.local import LocalForge
from bot.repositories import MergeRequest, RequestDraft, Reviewers
from tests.company import PROJECT, Company
from tests.doubles.repository import Repository
from tests.promotion.shops.shop import Shop, Shown


class LocalShop(Shop):
    def __init__(self, company: Company) -> None:
        self.company, self.environ = company, company.environ
        self.repository = Repository(company.folder / "git" / f"{PROJECT}.git")
        self._ann = LocalForge(company.folder / "git", user="ann")

    def requests(self) -> list[Shown]:
        return [self._shown(request) for request in self._ann.requests(PROJECT)]

    def _shown(self, request: MergeRequest) -> Shown:
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


@contextmanager
def local_shop(company: Company) -> Iterator[LocalShop]:
    yield LocalShop(company)
