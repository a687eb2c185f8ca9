"""Each request of a promotion to its forge, API and git, broken in every way: one merge request, or a clear error.

What failed is completed by a second run, and no run says the token. Each case has a service and a cache of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.cli import main
from bot.demo.oci import build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.company import Company
from tests.doubles.server import Running
from tests.promotion.shops import ALL_SHOPS, ANN, Shop, Shown
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind
from tests.secrets import leaking_files, leaks, spellings

_SECONDARY = json.dumps({"message": "You have exceeded a secondary rate limit. Please wait."}).encode()
FAULTS: Mapping[str, Kind] = {
    "429": Answer(429),
    "429 with Retry-After": Answer(429, {"Retry-After": "1"}),
    "500": Answer(500),
    "502 after": AnswerAfter(502),
    "503": Answer(503),
    "cut before": CutBefore(),
    "cut after": CutAfter(),
    "403 secondary": Answer(403, {"Retry-After": "1"}, _SECONDARY),
}
# Each time, and not once. What asks for patience each time is waited for longer than anybody waits for a test.
LASTING: Mapping[str, Kind] = {"503": Answer(503), "502 after": AnswerAfter(502), "cut before": CutBefore()}
FORGES = [forge for forge in ALL_SHOPS if forge != "local"]


def faults_of(forge: str) -> list[str]:
    return [fault for fault in FAULTS if forge.startswith("github") or not fault.startswith("403")]


# --- what is promoted --------------------------------------------------------------------------------------


def path_of(service: str, environment: str) -> str:
    return f"apps/{service}/{environment}/helmrelease.yaml"


def branch_of(service: str) -> str:
    return f"promobot/staging/{service}"


def _from(shop: Shop, service: str) -> list[Shown]:
    return [request for request in shop.requests() if request.source == branch_of(service)]


@dataclass(frozen=True)
class Work:
    """What a run has to do; `begin` before it, and after it `wrong` has what isn't as it should be."""

    begin: Callable[[Shop, str], None]
    wrong: Callable[[Shop, str], Iterator[str]]
    promoted_before: bool = True
    settings: tuple[str, ...] = ()


def nothing(shop: Shop, service: str) -> None:
    pass


def a_newer_image(shop: Shop, service: str) -> None:
    company = shop.company
    company.push_e2e(service, "1.1.4-rc1", build_index(f"{service} newer", size=256))
    files = {path_of(service, "e2e"): company.manifest(service, "e2e", "1.1.4-rc1")}
    shop.repository.commit("main", files, who=ANN)


def done_by_hand(shop: Shop, service: str) -> None:
    files = {path_of(service, "staging"): shop.company.manifest(service, "staging", "1.1.3")}
    shop.repository.commit("main", files, who=ANN)


def proposes(tag: str) -> Callable[[Shop, str], Iterator[str]]:
    def wrong(shop: Shop, service: str) -> Iterator[str]:
        company, branch, path = shop.company, branch_of(service), path_of(service, "staging")
        states = [request.state for request in _from(shop, service)]
        # GitLab lets two that ask at once both open one; here nobody asks twice at once.
        if states != ["open"]:
            yield f"merge requests: {states}"
            return
        (request,) = _from(shop, service)
        if request.title != f"{service} 1.1.2 → {tag} to staging":
            yield f"title: {request.title}"
        if request.labels != ("promobot", "to-staging") or request.reviewers not in {("ann",), ("staging-approvers",)}:
            yield f"labels and reviewers: {request.labels}, {request.reviewers}"
        if company.content(branch, path) != company.manifest(service, "staging", tag):
            yield f"content: {company.content(branch, path)!r}"
        if company.git("rev-list", "--count", f"main..{branch}").strip() != "1":
            yield "more than one commit"
        rc = {"1.1.3": "1.1.3-rc2", "1.1.4": "1.1.4-rc1"}[tag]
        if company.staging_digest(service, tag) != company.e2e_digest(service, rc):
            yield "another image"

    return wrong


def ended(shop: Shop, service: str) -> Iterator[str]:
    found = [(request.state, request.ended_by) for request in _from(shop, service)]
    if found != [("closed", "us")]:
        yield f"merge requests: {found}"
    if branch_of(service) in shop.company.branches():
        yield "the branch is left"


def a_person_s_commit(shop: Shop, service: str) -> None:
    shop.repository.commit(branch_of(service), {f"notes/{service}.md": b"a note\n"}, who=ANN)


def noted(shop: Shop, service: str) -> Iterator[str]:
    found = [(request.state, len(request.notes)) for request in _from(shop, service)]
    if found != [("open", 1)]:
        yield f"merge requests and how many notes: {found}"
    head = shop.repository.head(branch_of(service))
    if any(f"Commit {head} on this branch" not in note for request in _from(shop, service) for note in request.notes):
        yield "another note"


def merged(shop: Shop, service: str) -> Iterator[str]:
    found = [(request.state, request.ended_by) for request in _from(shop, service)]
    if found != [("merged", "us")]:
        yield f"merge requests: {found}"
    if shop.company.content("main", path_of(service, "staging")) != shop.company.manifest(service, "staging", "1.1.3"):
        yield "another content"


WORKS: Mapping[str, Work] = {
    "first": Work(nothing, proposes("1.1.3"), promoted_before=False),
    "newer": Work(a_newer_image, proposes("1.1.4")),
    "no longer due": Work(done_by_hand, ended),
    "noted": Work(a_person_s_commit, noted),
    "merged": Work(nothing, merged, settings=("merge: auto",)),
}


# What one request has and another of its kind has otherwise: commits and numbers.
_ANY = re.compile(r"[0-9a-f]{40}|[0-9]+")


def _kind_of(found: re.Match[str]) -> str:
    return "[0-9a-f]{40}" if len(found[0]) == 40 else "[0-9]+"


# --- cases -------------------------------------------------------------------------------------------------


@dataclass
class Matrix:
    """Cases of one work on one forge, a service for each; the first service goes undisturbed."""

    shop: Shop
    running: Running
    work: Work
    services: list[str]
    secrets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.secrets = spellings(*self.shop.secrets)
        first, *others = self.services
        self._prepare(first)
        self.requests = self._undisturbed(first)
        self.services = others[: len(self.requests)]
        self._prepare(*self.services)

    def _prepare(self, *services: str) -> None:
        if self.work.promoted_before and services:
            code, said = self.run(*services)
            assert code == 0, said

    def _undisturbed(self, service: str) -> list[str]:
        """What a run sends, in its order."""
        self.work.begin(self.shop, service)
        self.running.forget()
        code, said = self.run(service)
        assert code == 0, said
        assert list(self.work.wrong(self.shop, service)) == []
        return [str(request) for request in self.running.seen]

    def run(self, *services: str) -> tuple[int, str]:
        said = io.StringIO()
        environ = {**self.shop.environ, "PROMOBOT_CACHE": f"{self.shop.environ['PROMOBOT_CACHE']}-{services[0]}"}
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["promote", *services, "--to", "staging"], environ=environ)
        return code, said.getvalue()

    def kind(self, number: int) -> str:
        """What fits all requests that differ from this one in commits and numbers only."""
        return f"^{_ANY.sub(_kind_of, re.escape(self.requests[number].partition('?')[0]))}"

    def numbers(self, *, lasting: bool) -> Iterable[int]:
        """Those of all requests; of one for each kind where all of its kind are broken."""
        every = range(len(self.requests))
        return {self.kind(number): number for number in reversed(every)}.values() if lasting else every

    def case(self, number: int, fault: str, *, lasting: bool = False) -> list[str]:
        """What is wrong when this request is broken, and then when the run is repeated.

        Some are sent at the same time, so that which one it is shows only then; `lasting` breaks all of its kind.
        """
        service, kind = self.services.pop(), FAULTS[fault]
        self.work.begin(self.shop, service)
        self.running.forget()
        self.running.inject(Fault(self.kind(number), kind, ALWAYS) if lasting else Fault("", kind, skip=number))
        code, said = self.run(service)
        struck = [exchange for exchange in self.running.exchanges if exchange.fault is not None]
        if not struck:
            return [] if number == len(self.requests) - 1 else [f"{self.requests[number]} was not sent"]
        # Git doesn't tell a limit of the rate from any other refusal.
        refused = struck[0].route.startswith("git ") and isinstance(kind, Answer) and kind.status == 403
        wrong = [*self._wrong_with(code, said, kind, may_fail=refused or lasting)]
        wrong += self.work.wrong(self.shop, service) if code == 0 else ()
        self.running.heal()
        again, said_again = self.run(service)
        wrong += [f"done again, it ends with {again}: {said_again}"] if again else ()
        wrong += self.work.wrong(self.shop, service)
        wrong += ["a secret is shown"] if leaks(self.secrets, said + said_again) else ()
        return [f"{struck[0]}, {'always' if lasting else 'once'}: {text}" for text in wrong]

    def _wrong_with(self, code: int, said: str, kind: Kind, *, may_fail: bool) -> Iterator[str]:
        if code == 0:
            return
        if code not in {ExitCode.FORGE, ExitCode.GIT} or not may_fail:
            yield f"ended with {code}: {said}"
        if self.running.url not in said:
            yield f"no address in {said}"
        if isinstance(kind, Answer | AnswerAfter) and str(kind.status) not in said:
            yield f"no status in {said}"
        if code == ExitCode.FORGE and not re.search(r"\b(GET|POST|PUT|PATCH) http", said):
            yield f"no method in {said}"


@contextlib.contextmanager
def matrix_of(
    folder: Path, registries: tuple[RunningRegistry, RunningRegistry], forge: str, work: str, cases: int
) -> Iterator[Matrix]:
    services = [f"service-{number}" for number in range(cases + 1)]
    company = Company.found(folder / "company", *registries, services)
    with ALL_SHOPS[forge](company) as shop:
        assert shop.running is not None
        if WORKS[work].settings:
            shop.settle(*WORKS[work].settings, required=0)
        matrix = Matrix(shop, shop.running, WORKS[work], services)
        yield matrix
        assert leaking_files(matrix.secrets, company.folder) == []


# More than any of these sends: each request is to be broken once, and needs a service then.
MOST = 48


def parts() -> Iterator[object]:
    """GitHub with commits of its API is GitHub but for them: an ordinary run looks at those of an update."""
    for forge in FORGES:
        for work in WORKS:
            long = forge == "github-api" and work != "newer"
            yield pytest.param(forge, work, marks=pytest.mark.long if long else ())


@pytest.mark.parametrize(("forge", "work"), [*parts()])
def test_a_part_of_the_matrix(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str, work: str
) -> None:
    """Every eighth request is broken, by another fault than the one before it."""
    faults = faults_of(forge)
    with matrix_of(tmp_path, (e2e_registry, prod_registry), forge, work, MOST // 8) as matrix:
        chosen = range(list(WORKS).index(work) % 8, len(matrix.requests), 8)
        assert [
            text
            for turn, number in enumerate(chosen)
            for text in matrix.case(number, faults[(turn * 3 + list(WORKS).index(work)) % len(faults)])
        ] == []


def whole() -> Sequence[object]:
    return [
        pytest.param(forge, fault, lasting, id=f"{forge}-{fault}-{'always' if lasting else 'once'}")
        for forge in FORGES
        for lasting in (False, True)
        for fault in (LASTING if lasting else faults_of(forge))
    ]


@pytest.fixture
def registries(
    e2e_registry: RunningRegistry, prod_registry: RunningRegistry
) -> tuple[RunningRegistry, RunningRegistry]:
    return e2e_registry, prod_registry


@pytest.mark.long
@pytest.mark.parametrize(("forge", "fault", "lasting"), whole())
@pytest.mark.parametrize("work", WORKS)
def test_the_whole_matrix(
    tmp_path: Path,
    registries: tuple[RunningRegistry, RunningRegistry],
    *,
    work: str,
    forge: str,
    fault: str,
    lasting: bool,
) -> None:
    with matrix_of(tmp_path, registries, forge, work, MOST) as matrix:
        numbers = matrix.numbers(lasting=lasting)
        assert [text for number in numbers for text in matrix.case(number, fault, lasting=lasting)] == []
