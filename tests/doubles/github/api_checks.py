"""What is said of commits, and what branches ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tests.doubles.github import commitshapes, life, pullshapes, shapes
from tests.doubles.github.accounts import Grant
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.state import CheckRun, Project, Protection, Status
from tests.doubles.http import Response

_CHECKS = Grant("checks", "write")
_LONGEST_DESCRIPTION = 140


def add_status(call: Call) -> Response:
    project = call.project(Grant("statuses", "write"))
    said, commit = call.said, call.values["sha"]
    if project.repository.resolve(commit) != commit:
        raise RefusedError(Refused.NO_COMMIT, sha=commit)
    description = said.get("description")
    if description is not None and len(description) > _LONGEST_DESCRIPTION:
        raise RefusedError(Refused.TOO_LONG, resource="Status", field="description", most=_LONGEST_DESCRIPTION)
    if any(character > "\uffff" for character in description or ""):
        raise RefusedError(Refused.FOUR_BYTES, resource="Status", field="description")
    made = Status(
        next(call.hub.ids),
        call.login,
        said.get("context", "default"),
        said["state"],
        description,
        said.get("target_url"),
        call.now,
    )
    project.statuses.setdefault(commit, []).append(made)
    life.settle(project, call.now)
    around = call.around(project)
    return Response(201, {**pullshapes.status(around, commit, made), "creator": around.who(call.login)})


def combined(call: Call) -> Response:
    project = call.project(Grant("statuses"))
    commit = call.commit(project, call.values["ref"])
    around = call.around(project)
    statuses = list(project.combined(commit).values())
    states = {status.state for status in statuses}
    failed = bool(states & {"failure", "error"})
    state = "failure" if failed else "success" if states == {"success"} else "pending"

    def wrap(page: list[Any]) -> dict[str, Any]:
        return {
            "state": state,
            "sha": commit,
            "total_count": len(statuses),
            "statuses": page,
            "repository": around.repository,
            "commit_url": f"{around.url}/commits/{commit}",
            "url": f"{around.url}/commits/{commit}/status",
        }

    return call.page(statuses, lambda status: pullshapes.status(around, commit, status), wrap=wrap)


# --- check runs -----------------------------------------------------------------------------------------


def _app(call: Call) -> int:
    if call.token is None or call.token.kind != "installation":
        raise RefusedError(Refused.ONLY_APPS)
    return next(app.id for app in call.hub.apps.values() if app.login == call.login)


def add_check(call: Call) -> Response:
    app = _app(call)
    project = call.project(_CHECKS)
    said = call.said
    call.commit(project, said["head_sha"])
    run = CheckRun(next(call.hub.ids), app, said["name"], said["head_sha"], "queued", None, call.now, None)
    _say(run, said, call.now)
    project.checks.append(run)
    life.settle(project, call.now)
    return Response(201, _check(call, project, run))


def change_check(call: Call) -> Response:
    _app(call)
    project = call.project(_CHECKS)
    run = next((found for found in project.checks if found.id == int(call.values["id"])), None)
    if run is None:
        raise RefusedError(Refused.NOT_FOUND)
    _say(run, call.said, call.now)
    life.settle(project, call.now)
    return Response(200, _check(call, project, run))


def _say(run: CheckRun, said: dict[str, Any], now: datetime) -> None:
    for name in ("name", "external_id", "details_url", "status", "conclusion", "output"):
        setattr(run, name, said.get(name, getattr(run, name)))
    if run.conclusion is not None:
        run.status, run.completed = "completed", now


def checks(call: Call) -> Response:
    project = call.project(Grant("checks"))
    commit = call.commit(project, call.values["ref"])
    name = call.parameter("check_name")
    found = [run for run in project.checks if run.commit == commit and name in {"", run.name}]
    return call.page(
        found, lambda run: _check(call, project, run), wrap=lambda page: {"total_count": len(found), "check_runs": page}
    )


def _check(call: Call, project: Project, run: CheckRun) -> dict[str, Any]:
    return pullshapes.check_run(call.around(project), run, call.hub.apps[run.app])


# --- branches -------------------------------------------------------------------------------------------


def branch(call: Call) -> Response:
    project = call.project(Grant("contents"))
    name = call.values["branch"]
    head = project.repository.head(name)
    if head is None:
        raise RefusedError(Refused.NO_BRANCH)
    around = call.around(project)
    url = f"{around.url}/branches/{name}"
    protection = project.protections.get(name)
    asked = protection or Protection()
    return Response(
        200,
        {
            "name": name,
            "commit": commitshapes.commit(around, head),
            "_links": {"html": f"{around.site}/tree/{name}", "self": url},
            "protected": protection is not None,
            "protection": {
                "enabled": protection is not None,
                "required_status_checks": {
                    "enforcement_level": "non_admins" if asked.contexts else "off",
                    "contexts": list(asked.contexts),
                    "checks": _contexts(asked),
                },
            },
            "protection_url": f"{url}/protection",
        },
    )


def _contexts(protection: Protection) -> list[dict[str, Any]]:
    return [{"context": context, "app_id": None} for context in protection.contexts]


def protection(call: Call) -> Response:
    """Only who administers the repository is told."""
    project = call.project(Grant("administration"))
    if not project.paid and project.private:
        raise RefusedError(Refused.NO_PLAN)
    name = call.values["branch"]
    if project.repository.head(name) is None:
        raise RefusedError(Refused.NO_BRANCH)
    found = project.protections.get(name)
    if found is None:
        raise RefusedError(Refused.UNPROTECTED)
    url = f"{call.around(project).url}/branches/{name}/protection"
    said: dict[str, Any] = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": True}}
    if found.approvals:
        said["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": found.dismiss_stale,
            "require_code_owner_reviews": found.code_owners,
            "require_last_push_approval": False,
            "required_approving_review_count": found.approvals,
        }
    if found.contexts:
        said["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": found.up_to_date,
            "contexts": list(found.contexts),
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": _contexts(found),
        }
    return Response(200, said)


_QUEUE = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}


def rules(call: Call) -> Response:
    """What rulesets ask for, which whoever may read the repository is told."""
    project = call.project(Grant("metadata"))
    if not project.paid and project.private:
        raise RefusedError(Refused.NO_PLAN)
    asked = project.rules.get(call.values["branch"], Protection())
    teams = [call.hub.teams[project.owner, slug].id for slug in asked.teams]
    source = {"ruleset_source_type": "Repository", "ruleset_source": project.path}
    found = [
        {**rule, **source, "ruleset_id": number}
        for number in range(1, asked.rulesets + 1)
        for rule in _rules(asked, teams)
    ]
    if call.values["branch"] in project.queues:
        found.append({"type": "merge_queue", "parameters": _QUEUE, **source, "ruleset_id": 1})
    return call.page(found, lambda rule: rule)


def _rules(asked: Protection, teams: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Those of one ruleset."""
    if asked.approvals or teams:
        parameters: dict[str, Any] = {
            "required_approving_review_count": asked.approvals,
            "dismiss_stale_reviews_on_push": asked.dismiss_stale,
            "require_code_owner_review": asked.code_owners,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        }
        if teams:
            parameters["required_reviewers"] = [
                {"file_patterns": ["*"], "minimum_approvals": 1, "reviewer": {"id": team, "type": "Team"}}
                for team in teams
            ]
        yield {"type": "pull_request", "parameters": parameters}
    if asked.contexts:
        wanted = [{"context": context} for context in asked.contexts]
        told = {"required_status_checks": wanted, "strict_required_status_checks_policy": asked.up_to_date}
        yield {"type": "required_status_checks", "parameters": told}
    if asked.pushers is not None:
        yield {"type": "update", "parameters": {"update_allows_fetch_and_merge": False}}


def label(call: Call) -> Response:
    project = call.project(Grant("issues"))
    if call.values["name"] not in project.labels:
        raise RefusedError(Refused.NOT_FOUND)
    return Response(200, shapes.label(call.links, project, call.values["name"]))


HANDLERS: dict[str, Handler] = {
    "POST /repos/:owner/:repo/statuses/:sha": add_status,
    "GET /repos/:owner/:repo/commits/:ref/status": combined,
    "POST /repos/:owner/:repo/check-runs": add_check,
    "PATCH /repos/:owner/:repo/check-runs/:id": change_check,
    "GET /repos/:owner/:repo/commits/:ref/check-runs": checks,
    "GET /repos/:owner/:repo/branches/:branch": branch,
    "GET /repos/:owner/:repo/branches/:branch/protection": protection,
    "GET /repos/:owner/:repo/rules/branches/:branch": rules,
    "GET /repos/:owner/:repo/labels/:name": label,
}
