"""What `check` and `init` answer."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic can't read typing's before Python 3.12

from bot.cli.answers.promotion import Deployed


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


class Right(TypedDict):
    """Whether something is as promobot needs it; `good` is null where that can't be told without trying."""

    about: str
    good: bool | None
    found: str
    advice: str


class Look(TypedDict):
    """What `check --online` learnt of a forge, its token and its projects."""

    name: str
    rights: list[Right]


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
    forges: list[Look]
    findings: list[Finding]
    problems: list[str]


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
