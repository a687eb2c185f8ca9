"""How a branch and its merge request may stand, times what is due, times what goes together: what is decided for each.

What holds for every cell is tested for every cell: nothing of a person's is lost, and passes come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.plan import (
    CloseRequest,
    CopyImage,
    DeleteBranch,
    OpenRequest,
    Plan,
    PushBranch,
    SetNote,
    SetStatus,
    Standing,
    UpdateRequest,
    Verdict,
)
from bot.repositories import MergeRequest
from tests.paper import CONFIG, configured, digest
from tests.paperwork import Desk, desk_with, e2e, staging

SERVICES = ("a", "b")

# A cell is a mark for how it stands, `!` where an open merge request is shown, `*` where that is outdated, and what is
# done; after a comma, how a service stands that can't go with the others.
_MARKS = {Standing.CURRENT: "=", Standing.PROPOSED: "…", Standing.DUE: "↑", Standing.BLOCKED: "✗"}
_LEGEND: Mapping[type, str] = {
    PushBranch: "p",
    CopyImage: "c",
    OpenRequest: "o",
    UpdateRequest: "u",
    CloseRequest: "x",
    DeleteBranch: "d",
    SetStatus: "s",
    SetNote: "n",
}


@dataclass(frozen=True)
class Kind:
    """A kind of unit: the configuration that makes it, and who means it by name."""

    config: Config
    intent: Intent


KINDS = {
    "service": Kind(CONFIG, Intent(("a",))),
    "group": Kind(configured(services=[{"match": "*", "group": "shop"}]), Intent(("shop",))),
    "together": Kind(CONFIG, Intent(("a", "b"), together="+spring")),
}

# --- how the branch and its merge request stand, which were made when e2e ran 2.0.0 and staging 1.0.0 ---

Change = Callable[[Desk], None]


def _branch(desk: Desk) -> str:
    return desk.paper.opened[0].source_branch


def _lose_branch(desk: Desk) -> None:
    del desk.paper.heads[_branch(desk)]


def _squash_and_lose_branch(desk: Desk) -> None:
    branch = _branch(desk)
    desk.merge(1, squash=True)
    del desk.paper.heads[branch]


def _lose_request(desk: Desk) -> None:
    desk.paper.opened = ()


def _leave(desk: Desk) -> None:
    pass


STATES: Mapping[str, Change | None] = {
    "nothing": None,
    "branch": _lose_request,
    "open": _leave,
    "no branch": _lose_branch,
    "commit": lambda desk: desk.amend(_branch(desk)),
    "changed": lambda desk: desk.amend(_branch(desk), {"apps/a/staging/values.yaml": b"image: x/y:1\n"}),
    "person's": lambda desk: desk.change(1, author="ann", ours=False, title="Mine", body="hello"),
    "elsewhere": lambda desk: desk.change(1, target_branch="release"),
    "closed": lambda desk: desk.close(1),
    "by us": lambda desk: desk.close(1, by="promobot"),
    "merged": lambda desk: desk.merge(1),
    "squashed": lambda desk: desk.merge(1, squash=True),
    "and gone": _squash_and_lose_branch,
}

# --- what is due since then ---


def _newer(desk: Desk, services: tuple[str, ...] = SERVICES) -> None:
    for service in services:
        desk.commit(e2e(service, "3.0.0"))


def _merged_by_hand(desk: Desk) -> None:
    for service in SERVICES:
        desk.commit(staging(service, "2.0.0"))
        desk.paper.tags["staging", f"shop/{service}", "2.0.0"] = digest(1)


def _taken(desk: Desk, services: tuple[str, ...] = SERVICES) -> None:
    _newer(desk, services)
    for service in services:
        desk.paper.tags["staging", f"shop/{service}", "3.0.0"] = digest(9)


def _unknown(desk: Desk) -> None:
    desk.paper.unreachable = frozenset({"staging"})


def _deaf(desk: Desk) -> None:
    desk.paper.deaf = True


SITUATIONS: Mapping[str, Change] = {
    "same": _leave,
    "newer": _newer,
    "one": lambda desk: _newer(desk, ("a",)),
    "by hand": _merged_by_hand,
    "taken": _taken,
    "one taken": lambda desk: _taken(desk, ("a",)),
    "unknown": _unknown,
    "deaf": _deaf,
}


def world(kind: Kind, state: str) -> Desk:
    desk = desk_with(*SERVICES)
    for service in SERVICES:
        desk.paper.tags["staging", f"shop/{service}", "1.0.0"] = digest(0)
    then = STATES[state]
    if then is not None:
        desk.carry_out(desk.paper.plan(intent=kind.intent, config=kind.config))
        then(desk)
    return desk


# --- the tables ---

SERVICE = """
          | same  | newer  | by hand | taken | unknown | deaf
nothing   | ↑pcso | ↑pcso  | =       | ✗     | ✗       | ✗
branch    | ↑so   | ↑pcso  | =d      | ✗     | ✗       | ✗
open      | …!    | ↑!pscu | =!xd    | ✗!*nu | ✗!      | ✗
no branch | ↑!ps  | ↑!pscu | =!x     | ✗!*nu | ✗!      | ✗
commit    | …!nu  | ✗!*nu  | =!      | ✗!*nu | ✗!      | ✗
changed   | ✗!nu  | ✗!*nu  | =!      | ✗!*nu | ✗!      | ✗
person's  | …!    | ↑!psc  | =!      | ✗!*   | ✗!      | ✗
elsewhere | ✗     | ✗      | =       | ✗     | ✗       | ✗
closed    | ✗     | ↑pcso  | =d      | ✗     | ✗       | ✗
by us     | ↑so   | ↑pcso  | =d      | ✗     | ✗       | ✗
merged    | =     | ↑pcso  | =       | ✗     | ✗       | ✗
squashed  | =d    | ↑pcso  | =d      | ✗     | ✗       | ✗
and gone  | =     | ↑pcso  | =       | ✗     | ✗       | ✗
"""

SEVERAL = """
          | same  | newer  | one     | by hand | taken | one taken | unknown | deaf
nothing   | ↑pcso | ↑pcso  | ↑pcso   | =       | ✗     | ↑pcso,✗   | ✗       | ✗
branch    | ↑so   | ↑pcso  | ↑pcso   | =d      | ✗     | ↑pso,✗    | ✗       | ✗
open      | …!    | ↑!pscu | ↑!pscu  | =!xd    | ✗!*nu | ↑!psu,✗   | ✗!      | ✗
no branch | ↑!ps  | ↑!pscu | ↑!pscu  | =!x     | ✗!*nu | ↑!psu,✗   | ✗!      | ✗
commit    | …!nu  | ✗!*nu  | ✗!*nu   | =!      | ✗!*nu | ✗!*nu     | ✗!      | ✗
changed   | ✗!nu  | ✗!*nu  | ✗!*nu   | =!      | ✗!*nu | ✗!*nu     | ✗!      | ✗
person's  | …!    | ↑!psc  | ↑!psc   | =!      | ✗!*   | ↑!ps,✗    | ✗!      | ✗
elsewhere | ✗     | ✗      | ✗       | =       | ✗     | ✗         | ✗       | ✗
closed    | ✗     | ↑pcso  | ↑pcso,✗ | =d      | ✗     | ✗         | ✗       | ✗
by us     | ↑so   | ↑pcso  | ↑pcso   | =d      | ✗     | ↑pso,✗    | ✗       | ✗
merged    | =     | ↑pcso  | ↑pcso   | =       | ✗     | =,✗       | ✗       | ✗
squashed  | =d    | ↑pcso  | ↑pcso   | =d      | ✗     | =d,✗      | ✗       | ✗
and gone  | =     | ↑pcso  | ↑pcso   | =       | ✗     | =,✗       | ✗       | ✗
"""

TABLES = {"service": SERVICE, "group": SEVERAL, "together": SEVERAL}


def cells() -> Iterator[tuple[str, str, str, str]]:
    for name, table in TABLES.items():
        header, *rows = (line.split("|") for line in table.strip().splitlines())
        for state, *said in rows:
            for situation, cell in zip(header[1:], said, strict=True):
                yield name, state.strip(), situation.strip(), cell.strip()


def told(verdict: Verdict) -> str:
    actions = dict.fromkeys(_LEGEND[type(action)] for action in verdict.step.actions) if verdict.step else ()
    shown = ("!" if verdict.request else "") + ("*" if verdict.outdated else "")
    return _MARKS[verdict.standing] + shown + "".join(actions)


def test_the_tables_have_every_cell() -> None:
    services = {situation for situation in SITUATIONS if not situation.startswith("one")}
    wanted = set(product(("group", "together"), STATES, SITUATIONS)) | set(product(("service",), STATES, services))
    found = [cell[:3] for cell in cells()]
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize(("name", "state", "situation", "wanted"), list(cells()))
def test_what_is_decided(name: str, state: str, situation: str, wanted: str) -> None:
    kind = KINDS[name]
    desk = world(kind, state)
    SITUATIONS[situation](desk)
    plan = desk.paper.plan(intent=kind.intent, config=kind.config)
    assert ",".join(map(told, plan.verdicts)) == wanted
    assert desk.paper.rounds <= 6, "five times questions"


# --- what holds for all of them ---


def people_s(desk: Desk) -> tuple[list[MergeRequest], dict[str, str]]:
    """What is a person's: merge requests that they opened, and branches with commits of theirs."""
    main = desk.paper.heads["main"]
    worked = {
        branch: head
        for branch, head in desk.paper.heads.items()
        if any(commit.author_email == "ann@example.com" for commit in desk.paper.ahead.get((main, head), ()))
    }
    return [request for request in desk.paper.opened if request.author == "ann"], worked


def proposing(desk: Desk, service: str) -> list[int]:
    """The open merge requests to staging that change a service."""
    path, main = f"apps/{service}/staging/values.yaml", desk.paper.heads["main"]
    return [
        request.number
        for request in desk.paper.opened
        if request.target_branch == "main"
        and any(path in each.paths for each in desk.paper.ahead.get((main, request.head), ()))
    ]


def passes(kind: Kind, desk: Desk) -> Iterator[tuple[Plan, int]]:
    """Whole passes, each carried out, with the number of rounds that it took."""
    for _ in range(3):
        plan = desk.paper.plan(config=kind.config)
        yield plan, desk.paper.rounds
        desk.carry_out(plan)


@pytest.mark.parametrize(("name", "state", "situation"), list(product(KINDS, STATES, SITUATIONS)))
def test_a_pass_over_everything_loses_nothing_and_comes_to_an_end(name: str, state: str, situation: str) -> None:
    kind = KINDS[name]
    desk = world(kind, state)
    SITUATIONS[situation](desk)
    theirs = people_s(desk)
    *_, (last, rounds) = passes(kind, desk)
    assert last.steps == ()
    assert rounds <= 6, "five times questions"
    requests, worked = people_s(desk)
    assert requests == theirs[0] or [one.number for one in requests] == [one.number for one in theirs[0]]
    assert worked == theirs[1]
    for service in SERVICES:
        assert len(proposing(desk, service)) <= 1, "one merge request for each"
