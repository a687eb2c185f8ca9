"""What commands answer as JSON. The views that make an answer are checked against these types, and
`promobot schema COMMAND` prints them, so nothing else says what an answer looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from bot.cli.answers.images import (
    Attached,
    Change,
    Edited,
    Elsewhere,
    Image,
    Inspected,
    Layer,
    Listing,
    Missing,
    Platform,
    Tag,
    Tags,
    TagTable,
)
from bot.cli.answers.promotion import (
    Action,
    Companion,
    Deployed,
    Move,
    Origin,
    Outcome,
    Planned,
    Promoted,
    Result,
    Service,
    Status,
    Upkeep,
    Verdict,
    Waited,
)
from bot.cli.answers.requests import (
    HeadStatus,
    MergeRequest,
    MergeRequestListed,
    MergeRequestShown,
)
from bot.cli.answers.setup import (
    Checked,
    Finding,
    Initialised,
    Look,
    Recognised,
    Right,
    Unsure,
    Visit,
    Way,
)

__all__ = [
    "ANSWERS",
    "Action",
    "Answer",
    "Attached",
    "Change",
    "Checked",
    "Companion",
    "Deployed",
    "Edited",
    "Elsewhere",
    "Finding",
    "HeadStatus",
    "Image",
    "Initialised",
    "Inspected",
    "Layer",
    "Listing",
    "Look",
    "MergeRequest",
    "MergeRequestListed",
    "MergeRequestShown",
    "Missing",
    "Move",
    "Origin",
    "Outcome",
    "Planned",
    "Platform",
    "Promoted",
    "Recognised",
    "Result",
    "Right",
    "Service",
    "Status",
    "Tag",
    "TagTable",
    "Tags",
    "Unsure",
    "Upkeep",
    "Verdict",
    "Visit",
    "Waited",
    "Way",
]

Answer: TypeAlias = Mapping[str, object] | list[Image] | list[MergeRequestListed]

ANSWERS: Mapping[str, Any] = {
    "check": Checked,
    "images": list[Image],
    "init": Initialised,
    "inspect": Inspected,
    "mr close": MergeRequest,
    "mr list": list[MergeRequestListed],
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
