"""What commands answer of promotions, and of what runs where."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict  # pydantic can't read typing's before Python 3.12

from bot.cli.answers.words import OneOf
from bot.plan import Standing
from bot.promotion import Proof
from bot.repositories import RequestState


class Origin(TypedDict):
    """Where an image comes from; `given`: by `--image`, and `unproven` says why though it never ran there."""

    environment: str
    commit: str
    image: str
    given: bool
    unproven: str


Move = TypedDict(
    "Move",
    {
        "service": str,
        "file": str,
        "pointer": str,
        "line": int,
        "before": str,
        "after": str,
        "tag": str,
        "digest": str,
        "proof": Annotated[str, OneOf(Proof, by_name=True)],
        "from": Origin,
        "allowed": list[str],
    },
)

Companion = TypedDict("Companion", {"file": str, "pointer": str, "before": str, "after": str, "from": str})


class Action(TypedDict):
    """Something that is or would be done, by its kind and as a sentence."""

    action: str
    summary: str


class Verdict(TypedDict):
    """How a unit stands towards a target: what would be done, or why nothing is.

    `actions` are what a pass would do; what is current or proposed has some where something is to be tidied up.
    `merge_request` is the address of the one that is open, also of a unit that is blocked; `outdated` says what that
    one proposes which would not be proposed now.
    """

    unit: str
    services: list[str]
    target: str
    standing: Annotated[str, OneOf(Standing)]
    moves: list[Move]
    created: list[str]
    warnings: list[str]
    companions: list[Companion]
    actions: list[Action]
    diff: str
    merge_request: str | None
    outdated: str
    reason: str
    remedy: str
    exit_code: int


class Upkeep(TypedDict):
    """What is due in an environment beside promotions, or why it isn't done."""

    unit: str
    environment: str
    actions: list[Action]
    reason: str
    remedy: str
    exit_code: int


class Outcome(TypedDict):
    """What came of an action; none is named where the world moved before it began."""

    action: str | None
    outcome: str
    detail: str
    notes: list[str]


class Result(TypedDict):
    """What came of a unit's step, action by action; what comes after the last was not tried."""

    unit: str
    target: str
    outcomes: list[Outcome]


class Waited(TypedDict):
    """A merge request that was waited for, as it stood at the end."""

    unit: str
    target: str
    repository: str
    number: int
    url: str
    state: Annotated[str, OneOf(RequestState)]
    ended_by: str
    reason: str


class Planned(TypedDict):
    """`plan`."""

    verdicts: list[Verdict]
    upkeep: list[Upkeep]


class Promoted(TypedDict):
    """`promote`, `pin` and `reconcile`: `results` are empty with `--dry-run`, `waited` without `--wait`."""

    verdicts: list[Verdict]
    upkeep: list[Upkeep]
    results: list[Result]
    waited: list[Waited]


class Deployed(TypedDict):
    """An image that an environment's manifest names; `image` is null where it can't be read, and `problem` says why.

    `present`: whether its tag is in the environment's registry; `drift`: whether that tag leads to another digest than
    the manifest names. Both are null where it wasn't asked.
    """

    environment: str
    service: str
    repository: str
    commit: str
    file: str
    line: int
    pointer: str
    image: str | None
    ours: bool
    present: bool | None
    drift: bool | None
    problem: str


class Service(TypedDict):
    """A service with the group that it is promoted with, if any, and who owns it, empty where nobody is said to."""

    name: str
    group: str | None
    owner: str


class Status(TypedDict):
    """`status`."""

    environments: list[str]
    services: list[Service]
    deployed: list[Deployed]
    verdicts: list[Verdict]
    upkeep: list[Upkeep]
