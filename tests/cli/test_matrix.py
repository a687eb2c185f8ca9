"""The matrix of `status`: what it says in a cell, and what gives way where there is no room."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.cli.matrix import Matrix, show_matrix
from bot.cli.terminal import Terminal
from bot.config import Config
from bot.errors import ExitCode
from bot.images import ImageRef
from bot.plan import Plan, Standing, Verdict
from bot.promotion import Deployed, FromEnvironment, Move, Promotion, Proof, Unit
from bot.questions import Location
from bot.repositories import Repository, Rev
from tests.decide.test_units import THREE, chain
from tests.paper import digest as paper_digest

REV = Rev(Repository("f", "a/b"), "c")
LONG = "1.4.2-20261121t101530-feature-x-4f2c9ab"


class Tty(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def runs(environment: str, service: str, tag: str | None, **more: Any) -> Deployed:
    image = ImageRef.parse(f"registry-{environment}.example.com/shop/{service}:{tag}") if tag else None
    return Deployed(environment, service, REV, "x", 1, "0:/image", image, ours=image is not None, **more)


def stands(unit: Unit, target: str, standing: Standing, **steps: tuple[str, str]) -> Verdict:
    digest, place = paper_digest(1), Location("r", "shop/x")
    moves = []
    for service, (before, after) in steps.items():
        refs = [ImageRef.parse(f"r.example.com/shop/x:{tag}") for tag in (before, after)]
        origin = FromEnvironment("e2e", "c", refs[1], "x")
        moves.append(
            Move(service, "x", "0:/i", 1, origin, place, digest, Proof.MANIFEST, place, after, refs[0], refs[1])
        )
    return Verdict(unit, target, standing, Promotion(unit, target, tuple(moves), ("f" * 16,)))


def matrix(*deployed: Deployed, verdicts: tuple[Verdict, ...] = (), config: Config | None = None) -> Matrix:
    config = config or chain(*THREE)
    services = tuple(sorted({item.service for item in deployed} - {"*"}))
    return Matrix(config, config.names, services, deployed, Plan(verdicts))


def shown(monkeypatch: pytest.MonkeyPatch, one: Matrix, width: int | None) -> list[str]:
    """Its lines, without colours, on a terminal that is so wide; None: in a pipe."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "40")
    monkeypatch.setenv("TERM", "xterm")
    stream = Tty() if width else io.StringIO()
    show_matrix(Terminal.on(stream, color=False), one)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def test_a_cell_says_what_runs_how_it_stands_and_what_would_come(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit("cart", ("cart",))
    verdicts = (
        stands(unit, "staging", Standing.DUE, cart=("1.1", "1.2")),
        stands(unit, "prod", Standing.BLOCKED),
    )
    one = matrix(
        runs("e2e", "cart", "1.2"), runs("staging", "cart", "1.1"), runs("prod", "cart", "1.0"), verdicts=verdicts
    )
    assert shown(monkeypatch, one, 80) == ["SERVICE   E2E   STAGING     PROD", "cart      1.2   1.1 ↑ 1.2   1.0 ✗"]


@pytest.mark.parametrize(
    ("deployed", "cell"),
    [
        ((runs("e2e", "cart", "1.2", present=False),), "1.2 missing"),
        ((runs("e2e", "cart", "1.2", present=True, drift=True),), "1.2 drift"),
        ((runs("e2e", "cart", None, problem="no", code=ExitCode.MANIFEST),), "?"),
        ((runs("prod", "cart", "1.2"),), "–"),
        ((runs("prod", "cart", "1"), runs("e2e", "*", None, problem="no", code=ExitCode.GIT)), "?"),
        (tuple(runs("e2e", "cart", tag) for tag in "1223"), "1, 2 +1"),
    ],
)
def test_what_is_odd_is_seen(monkeypatch: pytest.MonkeyPatch, deployed: tuple[Deployed, ...], cell: str) -> None:
    assert re.split(" {3,}", shown(monkeypatch, matrix(*deployed), 80)[1])[1] == cell


def test_of_a_group_that_is_due_what_stays_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    pay = Unit("pay", ("pay-api", "pay-web"))
    verdict = stands(pay, "staging", Standing.DUE, **{"pay-api": ("1.1", "1.2"), "pay-web": ("7", "7")})
    one = matrix(runs("staging", "pay-api", "1.1"), runs("staging", "pay-web", "7"), verdicts=(verdict,))
    assert [line.split()[2:] for line in shown(monkeypatch, one, 80)[1:]] == [["1.1", "↑", "1.2", "–"], ["7", "=", "–"]]


def test_marks_are_counted_as_they_are_shown() -> None:
    """Of a group, what is not shown isn't counted, and what stays isn't due."""
    pay, everything = Unit("pay", ("pay-api", "pay-web", "pay-job")), Unit("*", ())
    due = stands(
        pay, "staging", Standing.DUE, **{"pay-api": ("1.1", "1.2"), "pay-web": ("7", "7"), "pay-job": ("1", "2")}
    )
    deployed = [runs("staging", name, "1") for name in ("pay-api", "pay-web")]
    one = matrix(*deployed, verdicts=(due, stands(everything, "prod", Standing.BLOCKED)))
    assert Counter(one.marks) == {Standing.BLOCKED: 1, Standing.CURRENT: 1, Standing.DUE: 1}


@pytest.mark.parametrize(
    ("width", "header", "row"),
    [
        (None, "OWNER", f"{LONG} ↑ 2.0"),
        (200, "OWNER", f"{LONG} ↑ 2.0"),
        (150, "GROUP", f"{LONG} ↑ 2.0"),
        (145, "PROD", f"{LONG} ↑ 2.0"),
        (100, "PROD", "1.4.2-202…x-4f2c9ab ↑ 2.0"),
        (70, "PROD", "1.4.2…2c9ab ↑ 2.0"),
        (54, "PROD", "1.4.2…2c9ab ↑"),
    ],
)
def test_what_can_be_done_without_gives_way_first(
    monkeypatch: pytest.MonkeyPatch, width: int | None, header: str, row: str
) -> None:
    rules = {"match": "*", "owner": "everybody in the shop", "group": "g"}
    due = stands(Unit("cart", ("cart",)), "staging", Standing.DUE, cart=(LONG, "2.0"))
    deployed = [runs(name, "cart", LONG) for name in ("e2e", "staging", "prod")]
    lines = shown(monkeypatch, matrix(*deployed, verdicts=(due,), config=chain(*THREE, services=[rules])), width)
    assert lines[0].split()[-1] == header
    assert row in lines[1]
    assert all(len(line) <= (width or 250) for line in lines)
    assert lines[1].startswith("cart "), "a service's name is never cut"


def test_where_no_table_fits_each_environment_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a-service-with-quite-a-long-name"
    lines = shown(monkeypatch, matrix(*[runs(env, name, "1.4.2") for env in ("e2e", "staging", "prod")]), 40)
    assert lines == [name, "  e2e       1.4.2", "  staging   1.4.2", "  prod      1.4.2"]


def test_a_table_that_is_longer_than_the_screen_ends_with_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    one = matrix(*[runs("e2e", f"s{n:02}", "1.4.2") for n in range(60)])
    lines = shown(monkeypatch, one, 80)
    assert lines[0] == lines[-1] == "SERVICE   E2E     STAGING   PROD"


class Counted(tuple[Deployed, ...]):
    """How often somebody goes through all of it."""

    times = 0

    def __iter__(self) -> Iterator[Deployed]:
        Counted.times += 1
        return super().__iter__()


def test_what_is_deployed_is_gone_through_once_and_not_for_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = Counted(runs(env, f"s{n}", "1") for n in range(50) for env in ("e2e", "staging", "prod"))
    one = matrix(*deployed)
    Counted.times = 0
    assert len(shown(monkeypatch, Matrix(one.config, one.environments, one.services, deployed, Plan(())), None)) == 51
    assert Counted.times == 1


def test_what_came_here_is_told_though_it_doesn_t_move_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `images` of the target fits nothing of it, what is current there is still an image, and not none."""
    here = replace(runs("staging", "cart", "1.1"), image=ImageRef.parse("r.example.com/shop/x:1.1"), ours=False)
    current = stands(Unit("cart", ("cart",)), "staging", Standing.CURRENT, cart=("1.1", "1.1"))
    one = matrix(runs("e2e", "cart", "1.1"), here, verdicts=(current,))
    assert shown(monkeypatch, one, 80)[1] == "cart      1.1   1.1 =     –"
