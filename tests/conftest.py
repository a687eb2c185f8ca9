"""What tests share: real registries, one set for each test process, and names in them that no other test uses."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

from bot.demo.registries import RunningRegistry, start_registry
from bot.registry.access import Login

# The same examples in every run, so that only a change can make a test fail; `./run test-long` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile("same")

# What a shell without job control starts with `&` ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

E2E_LOGIN = Login("e2e-robot", "e2e-pässword-7c1f")
PROD_LOGIN = Login("prod-robot", "prod-password-91ab")

# Go looks through its memory less often: a quarter less processor time for each request, of which there are thousands.
_QUICKLY = {"GOGC": "400"}

# The same over and over, with thousands of real files, faults, orders or histories: what they run, other tests run too,
# and to trace it takes longer than all of it.
UNTRACED = (
    "tests/manifests/corpus/",
    "tests/manifests/test_fuzz.py",
    "tests/layout/test_corpus.py",
    "tests/doubles/",
    "tests/git/test_histories.py",
    "tests/promotion/test_fault_matrix.py",
    "tests/promotion/test_machine.py",
    "tests/registry/test_fault_matrix.py",
)
# What runs promobot four times at once, over and over, to the same end.
UNTRACED_CHILDREN = ("tests/promotion/test_race.py", "tests/promotion/test_flip.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep coverage from what would take too long with it."""
    for item in items:
        if item.nodeid.startswith((*UNTRACED, *UNTRACED_CHILDREN)):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def untraced_children(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage follows by the environment."""
    if request.node.nodeid.startswith(UNTRACED_CHILDREN):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.hookimpl(optionalhook=True)  # it is xdist's, which may be left out
def pytest_xdist_auto_num_workers() -> int:
    """One for each processor and half as many again: tests wait for what they started about a third of their time."""
    processors = len(os.sched_getaffinity(0))
    return processors + processors // 2


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on plain HTTP that lets everybody in."""
    with start_registry(tmp_path_factory.mktemp("open"), settings=_QUICKLY) as registry:
        yield registry


@pytest.fixture(scope="session")
def e2e_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on plain HTTP with a password."""
    with start_registry(tmp_path_factory.mktemp("e2e"), login=E2E_LOGIN, settings=_QUICKLY) as registry:
        yield registry


@pytest.fixture(scope="session")
def prod_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on HTTPS, by an authority of its own, with another password."""
    with start_registry(tmp_path_factory.mktemp("prod"), login=PROD_LOGIN, tls=True, settings=_QUICKLY) as registry:
        yield registry


@pytest.fixture
def repository() -> str:
    """A repository name that no other test uses."""
    return f"team-{uuid4().hex[:12]}/app"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A directory for promobot's cache, absent at first."""
    return tmp_path / "cache"
