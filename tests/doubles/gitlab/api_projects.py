"""Projects, what is in their repositories, their pipelines; by the files of lib/api that are called like them."""

from __future__ import annotations

import base64
import hashlib

from tests.doubles.gitlab import life, shapes
from tests.doubles.gitlab.accounts import MAINTAINER, REPORTER
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.call import Call, Handler
from tests.doubles.gitlab.state import Pipeline, Project, Status
from tests.doubles.http import Response


def _project(call: Call) -> Response:
    project = call.project
    return Response(200, shapes.project(call.base, call.gitlab, project, call.role(project.namespace)))


def _protected(call: Call) -> Response:
    project = call.project
    call.must(MAINTAINER)
    return call.page([shapes.protection(protection) for protection in project.protections])


# --- repository -----------------------------------------------------------------------------------------


def _readable(call: Call) -> Project:
    project = call.project
    call.must(REPORTER if project.visibility == "private" else 0)
    return project


def _commit_of(project: Project, revision: str, why: str, text: str) -> str:
    commit = project.repository.resolve(revision)
    if commit is None:
        raise refuse(why, text)
    return commit


def _branches(call: Call) -> Response:
    project = _readable(call)
    role = call.role(project.namespace)
    heads = sorted(project.repository.heads().items())
    return call.page([shapes.branch(call.base, project, name, sha, role) for name, sha in heads])


def _branch(call: Call) -> Response:
    project, name = _readable(call), call.values["branch"]
    sha = project.repository.head(name)
    if sha is None:
        raise refuse("branch", "404 Branch Not Found")
    return Response(200, shapes.branch(call.base, project, name, sha, call.role(project.namespace)))


def _make_branch(call: Call) -> Response:
    project = _readable(call)
    call.must_write()
    name = call.text("branch", required=True)
    sha = _commit_of(project, call.text("ref", required=True), "branch exists", "Invalid reference name")
    if not project.repository.move(name, sha, None):
        raise refuse("branch exists", "Branch already exists")
    life.look(call.gitlab, project, call.me)
    return Response(201, shapes.branch(call.base, project, name, sha, call.role(project.namespace)))


def _remove_branch(call: Call) -> Response:
    project, name = _readable(call), call.values["branch"]
    call.must_write()
    sha = project.repository.head(name)
    if sha is None:
        raise refuse("branch", "404 Branch Not Found")
    if project.protection(name):
        raise refuse("protected", "403 Forbidden - You can't delete a protected branch")
    project.repository.move(name, None, sha)
    life.look(call.gitlab, project, call.me)
    return Response(204)


def _file(call: Call) -> Response:
    project, path = _readable(call), call.values["file_path"]
    ref = call.text("ref", "HEAD")
    commit = _commit_of(project, ref, "commit", "404 Commit Not Found")
    content = project.repository.read(commit, path)
    if content is None:
        raise refuse("file", "404 File Not Found")
    answer = {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": ref,
        "blob_id": project.repository.git("rev-parse", f"{commit}:{path}"),
        "commit_id": commit,
        "last_commit_id": project.repository.git("log", "-1", "--format=%H", commit, "--", path),
        "execute_filemode": False,
        "content": base64.b64encode(content).decode(),
    }
    return Response(200, answer)


def _raw_file(call: Call) -> Response:
    project = _readable(call)
    commit = _commit_of(project, call.text("ref", "HEAD"), "commit", "404 Commit Not Found")
    content = project.repository.read(commit, call.values["file_path"])
    if content is None:
        raise refuse("file", "404 File Not Found")
    return Response(200, content, {"Content-Type": "text/plain"})


def _compare(call: Call) -> Response:
    project, repository = _readable(call), call.project.repository
    start = _commit_of(project, call.text("from", required=True), "absent", "404 Ref Not Found")
    end = _commit_of(project, call.text("to", required=True), "absent", "404 Ref Not Found")
    commits = [shapes.commit(call.base, project, sha) for sha in reversed(repository.between(start, end))]
    base = start if call.flag("straight") else repository.base(start, end) or start
    answer = {
        "commit": commits[-1] if commits else None,
        "commits": commits,
        "diffs": shapes.diff(project, base, end, unidiff=call.flag("unidiff")),
        "compare_timeout": False,
        "compare_same_ref": start == end,
        "web_url": f"{call.base}/{project.path}/-/compare/{start}...{end}",
    }
    return Response(200, answer)


def _commit(call: Call) -> Response:
    project = _readable(call)
    sha = _commit_of(project, call.values["sha"], "commit", "404 Commit Not Found")
    return Response(200, {**shapes.commit(call.base, project, sha), "project_id": project.id, "status": None})


def _requests_of_commit(call: Call) -> Response:
    """Those that it came by, as their last commit, their squashed one or their merge."""
    project = _readable(call)
    sha = _commit_of(project, call.values["sha"], "commit", "404 Commit Not Found")
    life.look(call.gitlab, project)
    found = [
        request
        for request in project.requests.values()
        if sha in {request.merge_commit_sha, request.squash_commit_sha}
        or sha in project.repository.between(request.base_sha, request.sha)
    ]
    state = call.text("state", "all")
    shown = [
        shapes.merge_request(
            call.base, call.gitlab, project, request, life.merge_status(call.gitlab, project, request, checked=False)
        )
        for request in found
        if state in {"all", request.state}
    ]
    return call.page(shown)


# --- pipelines ------------------------------------------------------------------------------------------


def _pipelines(call: Call) -> Response:
    project = _readable(call)
    life.look(call.gitlab, project)
    wanted = {name: call.text(name) for name in ("sha", "ref", "status", "source")}
    found = [p for p in project.pipelines if all(value in {"", getattr(p, name)} for name, value in wanted.items())]
    return call.page([shapes.pipeline(call.base, project, pipeline) for pipeline in reversed(found)])


def _pipeline(call: Call) -> Response:
    project = _readable(call)
    for pipeline in project.pipelines:
        if str(pipeline.id) == call.values["pipeline_id"]:
            return Response(200, shapes.whole_pipeline(call.base, project, pipeline))
    raise refuse("absent", "404 Not found")


def _statuses(call: Call) -> Response:
    """The newest of each name, unless all are asked for; pipelines of the project's own have a job besides."""
    project = _readable(call)
    life.look(call.gitlab, project)
    sha = _commit_of(project, call.values["sha"], "commit", "404 Commit Not Found")
    found = [(p, s) for p in project.pipelines if p.sha == sha for s in _jobs(call, p) if _asked_for(call, p, s)]
    if not call.flag("all"):
        found = list({(p.id, s.name): (p, s) for p, s in found}.values())
    life.go_on(call.gitlab, project)
    return call.page([shapes.status(call.base, pipeline, status) for pipeline, status in found])


def _jobs(call: Call, pipeline: Pipeline) -> list[Status]:
    own = Status(pipeline.id, "build", pipeline.ref, pipeline.built, pipeline.user or call.me, pipeline.created)
    return [*pipeline.statuses, *(() if pipeline.source == "external" else (own,))]


def _asked_for(call: Call, pipeline: Pipeline, status: Status) -> bool:
    wanted = {"ref": status.ref, "name": status.name, "pipeline_id": str(pipeline.id)}
    return all(call.text(name, value) == value for name, value in wanted.items())


def _set_status(call: Call) -> Response:
    project = _readable(call)
    call.must_write()
    sha = project.repository.resolve(call.values["sha"])
    if sha is None:
        raise refuse("commit", "404 Commit Not Found")
    states = ("pending", "running", "success", "failed", "canceled", "skipped")
    state = call.choice("state", *states) or call.text("state", required=True)
    life.look(call.gitlab, project)
    pipeline = _pipeline_for(call, project, sha)
    status = _job(call, pipeline)
    life.change_state(status, state)
    if status not in pipeline.statuses:
        pipeline.statuses.append(status)
    life.settle(pipeline)
    return Response(201, shapes.status(call.base, pipeline, status))


def _pipeline_for(call: Call, project: Project, sha: str) -> Pipeline:
    """The newest of the commit that fits, or one more that is external."""
    ref, number = call.text("ref"), call.text("pipeline_id")
    fitting = [p for p in project.pipelines if p.sha == sha and ref in {"", p.ref} and number in {"", str(p.id)}]
    if fitting:
        return fitting[-1]
    if number:
        raise refuse("no pipeline", "404 Pipeline for pipeline_id, sha and ref Not Found")
    branch = ref or next((name for name, head in project.repository.heads().items() if head == sha), "")
    if not branch:
        raise refuse("no pipeline", "404 References for commit Not Found")
    return life.start_pipeline(call.gitlab, project, sha, branch, "external", call.me)


def _job(call: Call, pipeline: Pipeline) -> Status:
    """One that goes on and was begun by the same user, or a new one, which stands in front of an older one."""
    name = call.text("name") or call.text("context", "default")
    ref = call.text("ref") or pipeline.ref
    for status in pipeline.statuses:
        same = (status.name, status.ref, status.author) == (name, ref, call.me)
        if same and status.state in {"pending", "running"}:
            break
    else:
        status = Status(call.gitlab.accounts.next_id(), name, ref, "created", call.me, life.now())
    status.description = call.text("description") or status.description
    status.target_url = call.text("target_url") or status.target_url
    return status


_REPOSITORY = "/projects/:id/repository"
TABLE: dict[str, Handler] = {
    "GET /projects/:id": _project,
    "GET /projects/:id/protected_branches": _protected,
    f"GET {_REPOSITORY}/branches": _branches,
    f"POST {_REPOSITORY}/branches": _make_branch,
    f"GET {_REPOSITORY}/branches/:branch": _branch,
    f"DELETE {_REPOSITORY}/branches/:branch": _remove_branch,
    f"GET {_REPOSITORY}/files/:file_path": _file,
    f"GET {_REPOSITORY}/files/:file_path/raw": _raw_file,
    f"GET {_REPOSITORY}/compare": _compare,
    f"GET {_REPOSITORY}/commits/:sha": _commit,
    f"GET {_REPOSITORY}/commits/:sha/merge_requests": _requests_of_commit,
    f"GET {_REPOSITORY}/commits/:sha/statuses": _statuses,
    "POST /projects/:id/statuses/:sha": _set_status,
    "GET /projects/:id/pipelines": _pipelines,
    "GET /projects/:id/pipelines/:pipeline_id": _pipeline,
}
