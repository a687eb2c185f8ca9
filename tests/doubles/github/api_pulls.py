"""Pull requests: listed, opened, changed, reviewed and merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.github import commitshapes, life, pullshapes
from tests.doubles.github.accounts import Grant
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.state import Project, Pull
from tests.doubles.http import Response

_READ, _WRITE = Grant("pull_requests"), Grant("pull_requests", "write")
_LONGEST_TITLE, LONGEST_BODY = 256, 65536


def listed(call: Call) -> Response:
    project = call.project(_READ)
    state, base, head = call.parameter("state", "open"), call.parameter("base"), call.parameter("head")
    owner, colon, source = head.partition(":")
    found = [
        pull
        for pull in project.pulls.values()
        if state in {"all", "open" if pull.open else "closed"}
        and base in {"", pull.target}
        # Without an owner it is passed over, and everything is found.
        and (not colon or (owner, source) == (pull.fork or project.owner, pull.source))
    ]
    by = call.parameter("sort", "created")
    keys: dict[str, Callable[[Pull], Any]] = {
        "created": lambda pull: pull.number,
        "updated": lambda pull: (pull.updated, pull.number),
    }
    ascending = call.parameter("direction", "desc" if by == "created" else "asc") == "asc"
    found.sort(key=keys[by], reverse=not ascending)
    around = call.around(project)
    return call.page(found, lambda pull: pullshapes.simple(around, pull))


def create(call: Call) -> Response:
    project = call.project(_WRITE)
    said = call.said
    source, target = said["head"].rpartition(":")[2], said["base"]
    _must_have_words(said.get("title", ""), said.get("body"), required=True)
    heads = project.repository.heads()
    if source not in heads:
        raise RefusedError(Refused.NO_HEAD)
    if target not in heads:
        raise RefusedError(Refused.NO_BASE)
    life.must_be_alone(project, source, target)
    if not project.repository.between(heads[target], heads[source]):
        raise RefusedError(Refused.NO_COMMITS, base=target, head=source)
    if said.get("draft") and project.private and not project.paid:
        raise RefusedError(Refused.NO_DRAFTS)
    pull = Pull(
        next(call.hub.ids),
        next(project.numbers),
        said["title"],
        said.get("body"),
        source,
        target,
        call.login,
        heads[source],
        heads[target],
        call.now,
        call.now,
        draft=said.get("draft", False),
        computing=call.hub.latency,
    )
    project.repository.git("update-ref", f"refs/pull/{pull.number}/head", pull.head)
    project.pulls[pull.number] = pull
    return Response(201, pullshapes.full(call.around(project), pull))


def _must_have_words(title: str | None, body: str | None, *, required: bool = False) -> None:
    if required and not title:
        raise RefusedError(Refused.NO_TITLE)
    for field, text, most in (("title", title, _LONGEST_TITLE), ("body", body, LONGEST_BODY)):
        if text is not None and len(text) > most:
            raise RefusedError(Refused.TOO_LONG, resource="Issue", field=field, most=most)


def get(call: Call) -> Response:
    project, pull = call.pull(_READ)
    if call.request.headers.get("Accept", "") == "application/vnd.github.diff":
        text = project.repository.git("diff", f"{pull.base}...{pull.head}")
        return Response(200, f"{text}\n".encode(), {"Content-Type": "application/vnd.github.diff; charset=utf-8"})
    response = Response(200, pullshapes.full(call.around(project), pull))
    # That it is asked for sets the work going that tells whether it merges.
    pull.computing = max(0, pull.computing - 1)
    life.settle(project, call.now)
    return response


def update(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    said = call.said
    _must_have_words(said.get("title"), said.get("body"))
    match said.get("state"):
        case "closed":
            life.close(pull, call.login, call.now)
        case "open" if not pull.open:
            life.reopen(project, pull, call.now)
    if "base" in said and said["base"] != pull.target:
        _retarget(project, pull, said["base"])
    pull.title = said.get("title", pull.title)
    pull.body = said.get("body", pull.body)
    pull.updated = call.now
    return Response(200, pullshapes.full(call.around(project), pull))


def _retarget(project: Project, pull: Pull, base: str) -> None:
    head = project.repository.head(base)
    if head is None:
        raise RefusedError(Refused.NO_BASE)
    life.must_be_alone(project, pull.source, base)
    pull.target, pull.base = base, head


def merge(call: Call) -> Response:
    project, pull = call.pull(Grant("contents", "write"))
    said = call.said
    made = life.merge(
        project,
        pull,
        login=call.login,
        method=said.get("merge_method", "merge"),
        sha=said.get("sha"),
        message=said.get("commit_message", ""),
        now=call.now,
    )
    return Response(200, {"sha": made, "merged": True, "message": "Pull Request successfully merged"})


def commits(call: Call) -> Response:
    project, pull = call.pull(_READ)
    around = call.around(project)
    found = project.repository.between(pull.base, pull.head)[::-1]
    return call.page(found, lambda sha: commitshapes.commit(around, sha))


def files(call: Call) -> Response:
    project, pull = call.pull(_READ)
    base = project.repository.base(pull.base, pull.head) or pull.base
    return call.page(commitshapes.changes(call.around(project), base, pull.head), lambda entry: entry)


# --- reviews --------------------------------------------------------------------------------------------


def reviews(call: Call) -> Response:
    project, pull = call.pull(_READ)
    around = call.around(project)
    return call.page(pull.reviews, lambda given: pullshapes.review(around, pull, given))


def review(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    states: dict[str, life.Verdict] = {
        "APPROVE": "APPROVED",
        "REQUEST_CHANGES": "CHANGES_REQUESTED",
        "COMMENT": "COMMENTED",
    }
    state = states[call.said["event"]]
    given = life.review(pull, next(call.hub.ids), call.login, state, call.now, body=call.said.get("body", ""))
    life.settle(project, call.now)
    return Response(200, pullshapes.review(call.around(project), pull, given))


def request_reviewers(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    users, teams = call.said.get("reviewers", []), call.said.get("team_reviewers", [])
    if teams and call.token is not None and not call.token.grants(Grant("members")):
        known = call.hub.teams.get((project.owner, teams[0]))
        if known is not None:
            raise RefusedError(Refused.TEAM_UNSEEN, node=known.node_id)
    life.request_reviewers(project, pull, users, teams)
    return Response(201, pullshapes.simple(call.around(project), pull))


def remove_reviewers(call: Call) -> Response:
    project, pull = call.pull(_WRITE)
    pull.reviewers = [login for login in pull.reviewers if login not in call.said["reviewers"]]
    pull.teams = [slug for slug in pull.teams if slug not in call.said.get("team_reviewers", [])]
    return Response(200, pullshapes.simple(call.around(project), pull))


HANDLERS: dict[str, Handler] = {
    "GET /repos/:owner/:repo/pulls": listed,
    "POST /repos/:owner/:repo/pulls": create,
    "GET /repos/:owner/:repo/pulls/:number": get,
    "PATCH /repos/:owner/:repo/pulls/:number": update,
    "PUT /repos/:owner/:repo/pulls/:number/merge": merge,
    "GET /repos/:owner/:repo/pulls/:number/commits": commits,
    "GET /repos/:owner/:repo/pulls/:number/files": files,
    "GET /repos/:owner/:repo/pulls/:number/reviews": reviews,
    "POST /repos/:owner/:repo/pulls/:number/reviews": review,
    "POST /repos/:owner/:repo/pulls/:number/requested_reviewers": request_reviewers,
    "DELETE /repos/:owner/:repo/pulls/:number/requested_reviewers": remove_reviewers,
}
