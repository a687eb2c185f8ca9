"""What events are about. What they leave out is looked for further afield: at the branch, or at the whole project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.forges.webhooks.refusals import DeliveryError

_BRANCH = "refs/heads/"
_SEGMENT = re.compile(r"(?!\.+\Z)[\w.-]+")
_LONGEST_NAME = 1024


@dataclass(frozen=True)
class Key:
    """Where something happened: a project, and of it a branch or a merge request where one is known to be concerned."""

    project: str
    branch: str = ""
    number: int = 0


def from_github(headers: Mapping[str, str], body: bytes) -> Key | None:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads; X-GitHub-Event has the name."""
    said = _read(headers, body)
    name = headers.get("x-github-event", "")
    match name:
        case "push":
            return _of_ref(_github_project(said), _text(said, "ref"))
        case "pull_request" | "pull_request_review" | "issue_comment":
            return _of_pull(said)
        case "check_run" | "check_suite" | "workflow_run" | "status":
            return Key(_github_project(said), _judged(name, said))
        case _:
            return None


def _of_pull(said: Mapping[str, Any]) -> Key | None:
    """A comment may be on an issue, which is nothing to look for."""
    issue = said.get("issue")
    pull = issue if isinstance(issue, dict) and "pull_request" in issue else said.get("pull_request")
    return Key(_github_project(said), number=_number(pull, "number")) if pull else None


def _judged(name: str, said: Mapping[str, Any]) -> str:
    """The branch whose commit is judged, where it is one."""
    match said:
        case {"check_run": {"check_suite": suite}}:
            return _text(suite, "head_branch")
        case {"branches": [only]}:
            return _text(only, "name")
        case _:
            return _text(said.get(name), "head_branch")


def from_gitlab(headers: Mapping[str, str], body: bytes) -> Key | None:
    """https://docs.gitlab.com/user/project/integrations/webhook_events/; the body's `object_kind` has the name."""
    said = _read(headers, body)
    about, request = said.get("object_attributes"), said.get("merge_request")
    match said.get("object_kind"):
        case "push":
            return _of_ref(_gitlab_project(said), _text(said, "ref"))
        case "merge_request":
            return Key(_gitlab_project(said), number=_number(about, "iid"))
        case "note" if request:
            return Key(_gitlab_project(said), number=_number(request, "iid"))
        case "pipeline" if request:
            return Key(_gitlab_project(said), number=_number(request, "iid"))
        case "pipeline" if isinstance(about, dict) and about.get("tag") is not True:
            return Key(_gitlab_project(said), _text(about, "ref"))
        case _:
            return None


def _read(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise DeliveryError("a webhook isn't JSON", hint="its content type has to be application/json")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise DeliveryError("a webhook's JSON can't be read") from None
    if not isinstance(said, dict):
        raise DeliveryError("a webhook's JSON isn't an object")
    return said


def _github_project(said: Mapping[str, Any]) -> str:
    return _project(said.get("repository"), "full_name")


def _gitlab_project(said: Mapping[str, Any]) -> str:
    return _project(said.get("project"), "path_with_namespace")


def _project(said: object, name: str) -> str:
    path = _text(said, name)
    segments = path.split("/")
    if len(segments) < 2 or not all(map(_SEGMENT.fullmatch, segments)):
        raise DeliveryError("a webhook doesn't say which project it is about")
    return path


def _of_ref(project: str, ref: str) -> Key | None:
    """Tags are nothing to look for."""
    return Key(project, _branch(ref.removeprefix(_BRANCH))) if ref.startswith(_BRANCH) else None


def _text(said: object, name: str) -> str:
    """What a field says in some words; empty where it isn't there, or null."""
    found = _field(said, name)
    if found is not None and not isinstance(found, str):
        raise DeliveryError(f"a webhook's {name} isn't text")
    return _branch(found or "")


def _field(said: object, name: str) -> object:
    """What is there by this name in an object of the JSON; None where either isn't there."""
    if said is not None and not isinstance(said, dict):
        raise DeliveryError(f"what should have a webhook's {name} is no object")
    return said.get(name) if said else None


def _branch(name: str) -> str:
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise DeliveryError("a webhook has a name that none can have")
    return name


def _number(said: object, name: str) -> int:
    """A merge request's; 0 where it isn't there."""
    found = _field(said, name)
    if found is None:
        return 0
    if type(found) is not int or found < 1:
        raise DeliveryError(f"a webhook's {name} is no number of a merge request")
    return found
