"""What commands answer as JSON. The views that make an answer are checked against these types, and
`promobot schema COMMAND` prints them, so nothing else says what an answer looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeAlias

from typing_extensions import TypedDict  # pydantic can't read typing's before Python 3.12

from bot.manifests.fields import Form
from bot.plan import Standing
from bot.promotion import Proof
from bot.repositories import RequestState


@dataclass(frozen=True)
class OneOf:
    """Marks a text as one of an enumeration's values or, in lower case, of its names."""

    kind: type[Enum]
    by_name: bool = False

    def __get_pydantic_json_schema__(self, _core: object, _handler: object) -> dict[str, Any]:
        words = [one.name.lower() if self.by_name else one.value for one in self.kind]
        return {"type": "string", "enum": words}


# --- plan, promote, reconcile, status -------------------------------------------------------------------


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


# --- check ----------------------------------------------------------------------------------------------


class Way(TypedDict):
    """The environments that services go through, those of one step together, and the services that do."""

    environments: list[list[str]]
    services: list[str]


class Visit(TypedDict):
    """What `check --online` learnt at a registry."""

    name: str
    reached: bool
    login: str | None
    reads: str | None
    error: str


class Finding(TypedDict):
    """Something about a part of the configuration; with a `fault` nothing good can come of it."""

    at: str
    what: str
    advice: str
    fault: bool


class Checked(TypedDict):
    """`check`."""

    config: str
    ways: list[Way]
    images: list[Deployed]
    registries: list[Visit]
    findings: list[Finding]
    problems: list[str]


# --- tags and inspect -----------------------------------------------------------------------------------


class Missing(TypedDict):
    """A tag that an environment runs and its registry hasn't."""

    environment: str
    tag: str


class Listing(TypedDict):
    """How many tags of an image a registry lists; null where that isn't known, or there is no such repository."""

    registry: str
    repository: str
    environments: list[str]
    present: bool | None
    tags: int | None
    missing: list[Missing]
    error: str


class Tag(TypedDict):
    """Where a tag leads at one registry, and where that runs."""

    tag: str
    registry: str
    digest: str | None
    kind: str | None
    created: str | None
    platforms: list[str] | None
    runs_in: list[str]
    drift_in: list[str]
    differs: bool
    error: str


class TagTable(TypedDict):
    """One image's tags: `shown` of `total` were looked up; `digests` has the tags that lead to each digest."""

    name: str
    shown: int
    total: int
    registries: list[Listing]
    digests: dict[str, list[str]]
    tags: list[Tag]


class Tags(TypedDict):
    """`tags`."""

    images: list[TagTable]


class Layer(TypedDict):
    """A layer, with its size in bytes."""

    digest: str
    media_type: str
    size: int


class Platform(TypedDict):
    """An image for one platform; `present` is false where the registry hasn't it though its index names it."""

    platform: str | None
    digest: str
    media_type: str
    present: bool
    size: int | None
    layers: list[Layer]


class Attached(TypedDict):
    """Something about an image, such as a signature."""

    kind: str
    type: str
    digest: str
    where: str
    platform: str | None


class Elsewhere(TypedDict):
    """The same digest at a registry of the chain, with the tags that lead to it among those that were asked."""

    registry: str
    repository: str
    present: bool | None
    tags: list[str]
    tags_asked: int
    tags_known: int
    error: str


class Inspected(TypedDict):
    """`inspect`: sizes in bytes, times in ISO 8601."""

    image: str
    registry: str | None
    digest: str
    media_type: str
    kind: str
    artifact_type: str | None
    created: str | None
    size: int
    platforms: list[Platform]
    labels: dict[str, str]
    annotations: dict[str, str]
    chart: dict[str, str] | None
    attached: list[Attached]
    also: list[Elsewhere]


# --- images and set-image -------------------------------------------------------------------------------


class Image(TypedDict):
    """An image of a file; `pointer` is `<document's number>:<JSON pointer>`, as `set-image` takes it."""

    file: str
    pointer: str
    line: int
    form: Annotated[str, OneOf(Form)]
    image: str | None
    registry: str | None
    repository: str | None
    tag: str | None
    digest: str | None
    editable: bool
    reason: str | None


class Change(TypedDict):
    """What a file says at a place, and said before."""

    file: str
    pointer: str
    line: int
    before: str
    after: str
    changed: bool


class Edited(TypedDict):
    """`set-image`."""

    changes: list[Change]
    diff: str
    written: bool


# --- mr -------------------------------------------------------------------------------------------------


class MergeRequest(TypedDict):
    """`mr ready`, `mr merge` and `mr close`, and one of `mr list`."""

    repository: str
    number: int
    title: str
    state: Annotated[str, OneOf(RequestState)]
    source_branch: str
    target_branch: str
    head: str
    author: str
    reviewers: list[str]
    labels: list[str]
    ended_by: str
    reason: str
    draft: bool
    url: str


class MergeRequestShown(MergeRequest):
    """`mr show`."""

    body: str
    diff: str


# --- init -----------------------------------------------------------------------------------------------

Recognised = TypedDict(
    "Recognised",
    {
        "name": str,
        "from": str | None,
        "project": str,
        "branch": str,
        "paths": list[str],
        "exclude": list[str],
        "registry": str,
        "services": list[str],
    },
)


class Unsure(TypedDict):
    """What `init` is unsure of in an environment."""

    environment: str
    reason: str


class Initialised(TypedDict):
    """`init`: `text` is the configuration where it isn't written, else null."""

    config: str
    written: bool
    environments: list[Recognised]
    registries: dict[str, str]
    unsure: list[Unsure]
    left: list[str]
    text: str | None


Answer: TypeAlias = Mapping[str, object] | list[Image] | list[MergeRequest]

ANSWERS: Mapping[str, Any] = {
    "check": Checked,
    "images": list[Image],
    "init": Initialised,
    "inspect": Inspected,
    "mr close": MergeRequest,
    "mr list": list[MergeRequest],
    "mr merge": MergeRequest,
    "mr ready": MergeRequest,
    "mr show": MergeRequestShown,
    "pin": Promoted,
    "plan": Planned,
    "promote": Promoted,
    "reconcile": Promoted,
    "set-image": Edited,
    "status": Status,
    "tags": Tags,
}
