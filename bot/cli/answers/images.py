"""What commands answer of images in registries and in files."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict  # pydantic can't read typing's before Python 3.12

from bot.cli.answers.words import OneOf
from bot.manifests.fields import Form


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
