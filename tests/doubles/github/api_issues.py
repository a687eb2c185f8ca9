"""What pull requests have as issues: comments, labels, assignees."""

from __future__ import annotations

from tests.doubles.github import pullshapes, shapes
from tests.doubles.github.accounts import Grant, Role
from tests.doubles.github.api_pulls import LONGEST_BODY
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.state import Comment, Project, Pull
from tests.doubles.http import Response

_READ, _WRITE = Grant("pull_requests"), Grant("pull_requests", "write")
_LONGEST_LABEL = 50
_MOST_ASSIGNEES = 10


def get(call: Call) -> Response:
    project, pull = call.pull(_READ)
    return Response(200, pullshapes.issue(call.around(project), pull))


def update(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    if "labels" in call.said:
        pull.labels = []
        _add(call, project, pull, call.said["labels"])
    if "assignees" in call.said:
        pull.assignees = _assignable(project, call.said["assignees"])
    pull.updated = call.now
    return Response(200, pullshapes.issue(call.around(project), pull))


# --- comments -------------------------------------------------------------------------------------------


def comments(call: Call) -> Response:
    project, pull = call.pull(_READ)
    around = call.around(project)
    return call.page(pull.comments, lambda said: pullshapes.comment(around, pull, said))


def add_comment(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    made = Comment(next(call.hub.ids), call.login, _body(call), call.now, call.now)
    pull.comments.append(made)
    pull.updated = call.now
    return Response(201, pullshapes.comment(call.around(project), pull, made))


def change_comment(call: Call) -> Response:
    project = call.project(_WRITE)
    for pull in project.pulls.values():
        for comment in pull.comments:
            if comment.id == int(call.values["id"]):
                if comment.login != call.login and call.hub.role(call.token, project) < Role.WRITE:
                    raise RefusedError(Refused.NO_RIGHT)
                comment.body, comment.updated = _body(call), call.now
                return Response(200, pullshapes.comment(call.around(project), pull, comment))
    raise RefusedError(Refused.NOT_FOUND)


def _body(call: Call) -> str:
    body: str = call.said["body"]
    if len(body) > LONGEST_BODY:
        raise RefusedError(Refused.TOO_LONG, resource="IssueComment", field="body", most=LONGEST_BODY)
    return body


# --- labels and assignees -------------------------------------------------------------------------------


def labels(call: Call) -> Response:
    project, pull = call.pull(_READ)
    return call.page(pull.labels, lambda name: shapes.label(call.links, project, name))


def add_labels(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    _add(call, project, pull, call.said["labels"])
    return Response(200, [shapes.label(call.links, project, name) for name in pull.labels])


def set_labels(call: Call) -> Response:
    _, pull = call.pull(_WRITE)
    pull.labels = []
    return add_labels(call)


def _add(call: Call, project: Project, pull: Pull, names: list[str]) -> None:
    for name in names:
        if len(name) > _LONGEST_LABEL:
            raise RefusedError(Refused.TOO_LONG, resource="Label", field="name", most=_LONGEST_LABEL)
        # One that the repository hasn't got yet is made; upper and lower case are one.
        known = next((label for label in project.labels if label.lower() == name.lower()), name)
        project.labels.setdefault(known, next(call.hub.ids))
        if known not in pull.labels:
            pull.labels.append(known)
            pull.labeled = True
    pull.updated = call.now


def assign(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    pull.assignees = list(dict.fromkeys([*pull.assignees, *_assignable(project, call.said["assignees"])]))
    pull.assignees = pull.assignees[:_MOST_ASSIGNEES]
    return Response(201, pullshapes.issue(call.around(project), pull))


def _assignable(project: Project, logins: list[str]) -> list[str]:
    """Who has no rights in the repository is silently left out."""
    return [login for login in logins if project.roles.get(login, Role.NONE) >= Role.READ]


HANDLERS: dict[str, Handler] = {
    "GET /repos/:owner/:repo/issues/:number": get,
    "PATCH /repos/:owner/:repo/issues/:number": update,
    "GET /repos/:owner/:repo/issues/:number/comments": comments,
    "POST /repos/:owner/:repo/issues/:number/comments": add_comment,
    "PATCH /repos/:owner/:repo/issues/comments/:id": change_comment,
    "GET /repos/:owner/:repo/issues/:number/labels": labels,
    "POST /repos/:owner/:repo/issues/:number/labels": add_labels,
    "PUT /repos/:owner/:repo/issues/:number/labels": set_labels,
    "POST /repos/:owner/:repo/issues/:number/assignees": assign,
}
