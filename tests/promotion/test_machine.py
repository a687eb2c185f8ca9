"""Anything in any order: passes, whole or broken, newer images, and whatever people do, between passes and within."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bot.demo.oci import build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.company import Company
from tests.doubles.server import Exchange
from tests.promotion.people import BRANCH, DEEDS, FILE, WRITES, Ann, tag_in
from tests.promotion.shops import ALL_SHOPS, Shop
from tests.proxy import Answer, AnswerAfter, CutAfter, CutBefore, Fault

UNDISTURBED = {ExitCode.DONE, ExitCode.BLOCKED, ExitCode.CONFLICT}
DISTURBED = UNDISTURBED | {ExitCode.FORGE, ExitCode.GIT}
# More than any pass sends.
REQUESTS = st.integers(0, 20)
FAULTS = st.sampled_from([CutBefore(), CutAfter(), Answer(503), AnswerAfter(502)])
DEED = st.sampled_from(list(DEEDS))
MEANWHILE = st.sampled_from([deed for deed in DEEDS if deed not in WRITES])
POLICIES = st.sets(st.sampled_from(["supersede: wait", "merge: auto"]))
# What she writes into the file, and nobody promotes.
HERS = {"1.1.2", "1.1.77", "1.1.78", "1.1.79", ""}
# Opened, approved by whoever does that, merged, tidied up.
_TO_REST = 5
PASSES = st.sampled_from([("reconcile", "--strict"), ("promote", "inventory", "--to", "staging")])


class Machine(RuleBasedStateMachine):
    """A company with one service; nothing that is drawn depends on how it stands."""

    shop: Shop
    ann: Ann
    images: int = 0
    may_merge: bool = False

    def make(self) -> contextlib.AbstractContextManager[Shop]:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.ending = contextlib.ExitStack()
        self.shop = self.ending.enter_context(self.make())
        self.ann = Ann(self.shop)

    def teardown(self) -> None:
        with self.ending:
            self.comes_to_rest()

    # --- what happens -----------------------------------------------------------------------------------

    @rule()
    def a_newer_image_runs_in_e2e(self) -> None:
        self.images += 1
        company, tag = self.shop.company, f"1.1.{3 + self.images}"
        company.push_e2e("inventory", f"{tag}-rc1", build_index(f"inventory {tag}", size=256))
        manifest = company.manifest("inventory", "e2e", f"{tag}-rc1")
        self.shop.repository.commit("main", {"apps/inventory/e2e/helmrelease.yaml": manifest})
        self.ann.newest = tag

    @rule(deed=DEED)
    def ann_acts(self, deed: str) -> None:
        self.ann.does(deed)

    @rule(argv=PASSES)
    def a_pass(self, argv: tuple[str, ...]) -> None:
        self.run(argv, UNDISTURBED)

    @rule(argv=PASSES, number=REQUESTS, fault=FAULTS)
    def a_pass_with_a_fault(self, argv: tuple[str, ...], number: int, fault: CutBefore) -> None:
        if self.shop.running:
            self.shop.running.inject(Fault("", fault, skip=number))
            self.run(argv, DISTURBED)
            self.shop.running.heal()

    @rule(settings=POLICIES, required=st.integers(0, 1))
    def the_policy_is_another(self, settings: set[str], required: int) -> None:
        self.shop.settle(*sorted(settings), required=required)
        self.may_merge = "merge: auto" in settings

    @rule(argv=PASSES, number=REQUESTS, deed=MEANWHILE)
    def a_pass_while_ann_acts(self, argv: tuple[str, ...], number: int, deed: str) -> None:
        """Right after that request was done, and before promobot hears of it."""
        if self.shop.running:
            waiting = [number]

            def watch(_: Exchange) -> tuple[str, ...]:
                with lock:
                    left = waiting.pop() if waiting else -1
                    if left > 0:
                        waiting.append(left - 1)
                if left == 0:
                    self.ann.does(deed)
                return ()

            lock = self.shop.running.lock
            self.shop.running.watchers.append(watch)
            self.run(argv, UNDISTURBED)
            self.shop.running.watchers.remove(watch)

    @rule()
    def comes_to_rest(self) -> None:
        """A pass that nobody disturbs proposes what is newest, or says why not; another has nothing to do."""
        code, before = -1, None
        for _ in range(_TO_REST if self.may_merge else 1):
            if before == (before := self.snapshot()):
                break
            code = self.run(("reconcile", "--strict"), UNDISTURBED)
            self.must_be_lone()
        if code == ExitCode.DONE:
            self.must_be_proposed()
        before = self.snapshot()
        if self.shop.running:
            self.shop.running.forget()
        assert self.run(("reconcile", "--strict"), UNDISTURBED) == code
        assert self.shop.writes() == []
        assert self.snapshot() == before

    def run(self, argv: tuple[str, ...], allowed: set[ExitCode]) -> int:
        said, ended = io.StringIO(), self.merged_by_us()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = self.shop.promobot(*argv)
        note(f"{' '.join(argv)}: {code}\n{said.getvalue()}")
        assert code in allowed, said.getvalue()
        if self.merged_by_us() != ended:
            self.must_have_been_allowed()
        return code

    def must_have_been_allowed(self) -> None:
        """We merged something: somebody said that we may, and its image is where it is to run."""
        assert self.may_merge
        repository, company = self.shop.repository, self.shop.company
        tag = tag_in(repository.read(repository.head("main") or "", FILE))
        assert tag in HERS or company.staging_digest("inventory", tag) is not None

    def merged_by_us(self) -> set[int]:
        return {one.number for one in self.shop.requests() if (one.state, one.ended_by) == ("merged", "us")}

    # --- what holds -------------------------------------------------------------------------------------

    @invariant()
    def must_be_lone(self) -> None:
        """At most one open merge request of ours."""
        ours = [request for request in self.shop.open() if request.author == "us"]
        assert len(ours) <= 1, ours

    @invariant()
    def no_commit_is_lost(self) -> None:
        assert self.ann.lost() == []

    @invariant()
    def what_ann_wrote_stays(self) -> None:
        assert self.ann.overwritten() == []

    @invariant()
    def there_is_one_note_at_most(self) -> None:
        assert [request for request in self.shop.requests() if len(request.notes) > 1] == []

    @invariant()
    def nothing_of_ann_s_is_merged_for_her(self) -> None:
        """She takes what she merges out of her commits herself."""
        repository = self.shop.repository
        main = repository.head("main")
        hers = [sha for sha, branch in self.ann.commits.items() if branch == BRANCH]
        assert not [sha for sha in hers if main and repository.contains(main, sha)]

    def must_be_proposed(self) -> None:
        """Where nothing is against it: by ours or a person's, unless it is there already."""
        heads, read = self.shop.repository.heads(), self.shop.repository.read
        into_main = [request for request in self.shop.open() if request.target == "main" and request.source in heads]
        proposed = {request: tag_in(read(heads[request.source], FILE)) for request in into_main}
        if tag_in(read(heads["main"], FILE)) == self.ann.newest:
            return
        assert self.ann.newest in proposed.values(), proposed
        assert {tag for request, tag in proposed.items() if request.source == BRANCH} <= {self.ann.newest}

    def snapshot(self) -> object:
        return self.shop.repository.heads(), self.shop.requests()


def machine_of(forge: str, folder: Path, e2e: RunningRegistry, prod: RunningRegistry) -> type[RuleBasedStateMachine]:
    numbers = iter(range(1 << 20))

    class Bound(Machine):
        @contextlib.contextmanager
        def make(self) -> Iterator[Shop]:
            company = Company.found(folder / str(next(numbers)), e2e, prod, ["inventory"])
            with ALL_SHOPS[forge](company) as shop:
                yield shop

    return Bound


def settings_of(examples: int, steps: int) -> settings:
    return settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("forge", ALL_SHOPS)
def test_some_orders(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str) -> None:
    run_state_machine_as_test(machine_of(forge, tmp_path, e2e_registry, prod_registry), settings=settings_of(3, 8))


@pytest.mark.long
@pytest.mark.parametrize("forge", ALL_SHOPS)
def test_many_orders(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str) -> None:
    run_state_machine_as_test(machine_of(forge, tmp_path, e2e_registry, prod_registry), settings=settings_of(100, 20))
