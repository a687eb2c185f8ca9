"""What GitHub's webhooks say: https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, assert_never
from uuid import uuid4

from tests.doubles.github import pullshapes
from tests.doubles.github.hub import GitHub
from tests.doubles.github.pullshapes import Around
from tests.doubles.github.shapes import Links
from tests.doubles.github.state import Pull
from tests.doubles.hooks import Change, Changed, Look, Moved, Standing
from tests.doubles.repository import ABSENT

_ACTIONS = {"pushed": "synchronize", "merged": "closed"}


@dataclass(frozen=True)
class GitHubTelling:
    """Signed."""

    hub: GitHub

    def looks(self) -> Mapping[str, Look]:
        with self.hub.lock:
            return {
                path: Look(project.repository.heads(), {n: _standing(pull) for n, pull in self.hub.pulls(path).items()})
                for path, project in self.hub.projects.items()
            }

    def message(self, base: str, project: str, change: Change) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        around = self.hub.around(Links(f"{base}/api/v3", base), self.hub.projects[project], None)
        owner = around.who(around.project.owner)
        common = {"repository": around.repository, "sender": owner}
        match change:
            case Moved():
                name, said = "push", _push(around, change)
            case Changed(number, how):
                pull = around.project.pulls[number]
                told = {"number": number, "pull_request": pullshapes.full(around, pull)}
                name, said = "pull_request", {"action": _ACTIONS.get(how, how), **told}
                if how == "edited":
                    said["changes"] = {}
                if how == "pushed":
                    said |= {"before": ABSENT, "after": pull.head}
            case _:
                assert_never(change)
        return {"X-GitHub-Event": name, "X-GitHub-Delivery": str(uuid4())}, {**said, **common}

    def signature(self, body: bytes, secret: str) -> Mapping[str, str]:
        return {"X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"}


def _push(around: Around, moved: Moved) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{moved.branch}",
        "before": moved.before,
        "after": moved.after,
        "created": moved.before == ABSENT,
        "deleted": moved.after == ABSENT,
        "forced": False,
        "base_ref": None,
        "compare": f"{around.site}/compare/{moved.before[:12]}...{moved.after[:12]}",
        "commits": [],
        "head_commit": None,
        "pusher": {"name": around.project.owner},
    }


def _standing(pull: Pull) -> Standing:
    state = "open" if pull.open else "merged" if pull.merged else "closed"
    return Standing(state, pull.head, (pull.title, pull.body or ""))
