"""Merge requests: listed, opened, changed, merged; by lib/api/merge_requests.rb."""

from __future__ import annotations

from collections.abc import Callable

from tests.doubles.gitlab import life, shapes
from tests.doubles.gitlab.accounts import DEVELOPER, User
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.call import Call, Handler
from tests.doubles.gitlab.state import MergeRequest, Project
from tests.doubles.http import Response

_LONGEST_TITLE = 255
_STATES = ("opened", "closed", "locked", "merged", "all")


def _list(call: Call) -> Response:
    project = call.project
    life.look(call.gitlab, project)
    found = [request for request in project.requests.values() if _fits(call, request)]
    by = call.choice("order_by", "created_at", "updated_at", "title", default="created_at")
    keys: dict[str, Callable[[MergeRequest], object]] = {
        "created_at": lambda request: (request.created, request.id),
        "updated_at": lambda request: (request.updated, request.id),
        "title": lambda request: request.title,
    }
    found.sort(key=keys[by], reverse=call.choice("sort", "asc", "desc", default="desc") == "desc")  # type: ignore[arg-type]
    return call.page([_listed(call, project, request) for request in found])


def _listed(call: Call, project: Project, request: MergeRequest) -> shapes.Json:
    recheck = call.flag("with_merge_status_recheck")
    detailed = life.merge_status(call.gitlab, project, request, checked=recheck)
    return shapes.merge_request(call.base, call.gitlab, project, request, detailed)


def _fits(call: Call, request: MergeRequest) -> bool:
    state = call.choice("state", *_STATES, default="all")
    labels = set(call.words("labels") or ())
    iids = call.words("iids")
    wanted = {
        "source_branch": request.source_branch,
        "target_branch": request.target_branch,
        "author_id": str(request.author.id),
        "author_username": request.author.username,
    }
    return (
        state in {"all", request.state}
        and labels <= set(request.labels)
        and (iids is None or str(request.iid) in iids)
        and all(call.text(name, value) == value for name, value in wanted.items())
    )


def _get(call: Call) -> Response:
    request = call.merge_request()
    answer = call.shown(request, looked=True)
    life.go_on(call.gitlab, call.project)
    return answer


def _create(call: Call) -> Response:
    project, author = call.project, call.me
    call.must_write()
    title = _title(call)
    source, target = call.text("source_branch", required=True), call.text("target_branch", required=True)
    with call.gitlab.lock:
        life.look(call.gitlab, project)
        _must_be_possible(project, source, target)
    call.gitlab.gap()
    with call.gitlab.lock:
        squash = _squash(call, project, call.flag("squash"))
        request = call.gitlab.open(project, author, source, target, title=title, squash=squash)
        request.describe(call.text("description"), author)
        _change_people(call, request)
        request.labels = list(dict.fromkeys(call.words("labels") or ()))
        request.remove_source_branch = call.flag("remove_source_branch")
        return call.shown(request, status=201)


def _must_be_possible(project: Project, source: str, target: str) -> None:
    if source == target:
        raise refuse("same branch", "You can't use same project/branch for source and target")
    if project.unseen.get(source, 0) > 0:
        project.unseen[source] -= 1
        raise refuse("branch unseen", "does not exist", "source_branch")
    for name, branch in (("source_branch", source), ("target_branch", target)):
        if branch not in project.heads:
            raise refuse("branch unseen", "does not exist", name)
    for other in project.requests.values():
        if other.open and not other.fork and (other.source_branch, other.target_branch) == (source, target):
            raise refuse("duplicate", f"Another open merge request already exists for this source branch: !{other.iid}")


def _title(call: Call) -> str:
    title = call.text("title", required=True)
    if len(title) > _LONGEST_TITLE:
        raise refuse("title", f"is too long (maximum is {_LONGEST_TITLE} characters)", "title")
    return title.strip()


def _squash(call: Call, project: Project, wanted: bool) -> bool:  # noqa: FBT001
    return {"always": True, "never": False}.get(project.squash_option, wanted)


def _change_people(call: Call, request: MergeRequest) -> None:
    """Who can't see the project isn't kept, and without Premium only the first is."""
    for name, kept in (("assignee", request.assignees), ("reviewer", request.reviewers)):
        people = call.people(f"{name}_ids")
        if people is None and call.given.get(f"{name}_id") is not None:
            people = call.people(f"{name}_id")
        if people is not None:
            kept[:] = _allowed(call, people)


def _allowed(call: Call, people: list[User]) -> list[User]:
    place = call.project.namespace
    able = [person for person in dict.fromkeys(people) if call.gitlab.accounts.role(person, place)]
    return able if call.gitlab.premium else able[:1]


_CHANGES = (
    *("assignee_id", "assignee_ids", "reviewer_ids", "description", "labels", "add_labels", "remove_labels"),
    *("remove_source_branch", "squash", "target_branch", "title", "state_event", "discussion_locked"),
)


def _update(call: Call) -> Response:
    request = call.merge_request()
    if request.author != call.me:
        call.must_write()
    if not any(name in call.given for name in _CHANGES):
        raise refuse("parameter", f"{', '.join(_CHANGES)} are missing, at least one parameter must be provided")
    _change_state(call, request)
    _change_texts(call, request)
    _change_people(call, request)
    _change_labels(call, request)
    request.updated = life.now()
    return call.shown(request)


def _change_state(call: Call, request: MergeRequest) -> None:
    """What has ended otherwise stays so, without a word."""
    match call.choice("state_event", "close", "reopen"), request.state:
        case "close", "opened":
            call.gitlab.close(request, call.me)
        case "reopen", "closed":
            project = call.project
            life.look(call.gitlab, project)
            _must_be_possible(project, request.source_branch, request.target_branch)
            request.state, request.ended = "opened", None
        case _:
            pass


def _change_texts(call: Call, request: MergeRequest) -> None:
    if "title" in call.given:
        request.title = _title(call)
    if "description" in call.given:
        request.describe(call.text("description"), call.me)
    if "remove_source_branch" in call.given:
        request.remove_source_branch = call.flag("remove_source_branch")
    if "squash" in call.given:
        request.squash = _squash(call, call.project, call.flag("squash"))


def _change_labels(call: Call, request: MergeRequest) -> None:
    labels = call.words("labels")
    if labels is not None:
        request.labels = labels
    removed = call.words("remove_labels") or ()
    kept = [label for label in (*request.labels, *(call.words("add_labels") or ())) if label not in removed]
    request.labels = list(dict.fromkeys(kept))


def _merge(call: Call) -> Response:
    request, project = call.merge_request(), call.project
    if not life.may_merge(call.gitlab, project, request, call.me):
        raise refuse("may not merge", "401 Unauthorized")
    sha = call.text("sha")
    if sha and sha != request.sha:
        raise refuse("head moved", f"SHA does not match HEAD of source branch: {request.sha}")
    why_not = life.merge_status(call.gitlab, project, request)
    pipeline = life.head_pipeline(project, request)
    running = pipeline is not None and pipeline.status == "running" and why_not == "mergeable"
    waits = running or why_not == "ci_still_running"
    if waits and (_auto(call) or call.flag("merge_when_pipeline_succeeds")):
        request.auto_merge = call.me
        request.remove_source_branch = call.flag("should_remove_source_branch")
        return call.shown(request)
    _merge_now(call, project, request, why_not)
    return call.shown(request)


def _auto(call: Call) -> bool:
    """A name that GitLab didn't know before, and that Grape leaves out then."""
    return call.gitlab.since(17, 11) and call.flag("auto_merge")


def _merge_now(call: Call, project: Project, request: MergeRequest, why_not: str) -> None:
    if why_not != "mergeable":
        raise refuse("not mergeable", "405 Method Not Allowed")
    squash = _squash(call, project, call.flag("squash", default=request.squash))
    if not life.merge(call.gitlab, project, request, call.me, squash=squash, message=call.text("merge_commit_message")):
        raise refuse("cannot be merged", "Branch cannot be merged")
    remove = call.flag("should_remove_source_branch", default=request.remove_source_branch)
    life.after_merge(call.gitlab, project, request, remove=remove)


def _cancel(call: Call) -> Response:
    request = call.merge_request(least=DEVELOPER)
    if request.auto_merge is None:
        raise refuse("not armed", "406 Not Acceptable")
    request.auto_merge = None
    return call.shown(request, status=201)


def _board(call: Call) -> Response:
    """On the merge train, at once or when its pipeline has succeeded."""
    call.must_be_paid()
    request, project = call.merge_request(), call.project
    if not project.merge_trains_enabled or not life.may_merge(call.gitlab, project, request, call.me):
        raise refuse("no train", "403 Forbidden")
    sha = call.text("sha")
    if sha and sha != request.sha:
        raise refuse("head moved", f"SHA does not match HEAD of source branch: {request.sha}")
    pipeline = life.head_pipeline(project, request)
    runs = pipeline is not None and pipeline.status == "running"
    if call.flag("when_pipeline_succeeds") and not runs and not call.gitlab.since(17, 11):
        raise refuse("nothing to wait for", "400 Bad request - Failed to merge")
    request.auto_merge = call.me
    return Response(201, [])


def _commits(call: Call) -> Response:
    request, project = call.merge_request(), call.project
    shas = project.repository.between(request.base_sha, request.sha)
    return call.page([shapes.commit(call.base, project, sha) for sha in shas])


def _diffs(call: Call) -> Response:
    request, project = call.merge_request(), call.project
    files = shapes.diff(project, request.base_sha, request.sha, unidiff=call.flag("unidiff"))
    return call.page(files[: call.gitlab.shown])


def _versions(call: Call) -> Response:
    """Newest first; by lib/api/merge_request_diffs.rb."""
    request = call.merge_request()
    found = [
        {
            "id": request.id * 1000 + number,
            "head_commit_sha": head,
            "base_commit_sha": request.base_sha,
            "start_commit_sha": request.base_sha,
            "created_at": shapes.stamp(when),
            "merge_request_id": request.id,
            "state": "collected",
            "real_size": "1",
        }
        for number, (head, when) in enumerate(request.versions)
    ]
    return call.page(found[::-1])


def _pipelines(call: Call) -> Response:
    request, project = call.merge_request(), call.project
    own = f"refs/merge-requests/{request.iid}/head"
    found = [p for p in project.pipelines if p.ref in {own, request.source_branch}]
    return call.page([shapes.pipeline(call.base, project, pipeline) for pipeline in reversed(found)])


def _reviewers(call: Call) -> Response:
    request = call.merge_request()
    found = [
        {
            "user": shapes.user(call.base, person),
            "state": "approved" if person.id in request.approvals else "unreviewed",
            "created_at": shapes.stamp(request.created),
        }
        for person in request.reviewers
    ]
    return call.page(found)


_ONE = "/projects/:id/merge_requests/:iid"
TABLE: dict[str, Handler] = {
    "GET /projects/:id/merge_requests": _list,
    "POST /projects/:id/merge_requests": _create,
    f"GET {_ONE}": _get,
    f"PUT {_ONE}": _update,
    f"PUT {_ONE}/merge": _merge,
    "POST /projects/:id/merge_trains/merge_requests/:iid": _board,
    f"POST {_ONE}/cancel_merge_when_pipeline_succeeds": _cancel,
    f"GET {_ONE}/commits": _commits,
    f"GET {_ONE}/diffs": _diffs,
    f"GET {_ONE}/pipelines": _pipelines,
    f"GET {_ONE}/versions": _versions,
    f"GET {_ONE}/reviewers": _reviewers,
}
