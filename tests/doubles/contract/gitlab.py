"""What GitLab itself says of its API, asked about exchanges.

Its descriptions are of different worth (their MANIFEST.md tells): names, parameters and statuses are held to the
OpenAPI description, whose types are wrong; types and required names to the JSON Schemas that GitLab's own tests use;
what neither has, to what was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.doubles.contract.data import FORGE_SCHEMAS
from tests.doubles.contract.gitlabtypes import registry, uri
from tests.doubles.contract.openapi import OpenApi, Operation, formats, unknown_names
from tests.doubles.http import Request, Response
from tests.doubles.server import Exchange
from tests.proxy import Answer, AnswerAfter

GITLAB = FORGE_SCHEMAS / "gitlab"
_MR = "/api/v4/projects/{id}/merge_requests/{merge_request_iid}"
_COMMITS = "/api/v4/projects/{id}/repository/commits"

# What any operation may be answered with, described for it or not: lib/api/api.rb and what stands in front of it.
_ANYWHERE = frozenset({401, 403, 404, 429, 500, 502, 503, 504})
# Grape answers a POST with 201 where nothing else is said, whatever the description made of it.
_CREATED = frozenset({"POST /api/v4/projects/{id}/statuses/{sha}", f"POST {_COMMITS}"})
_PAGES = frozenset({"page", "per_page", "order_by", "sort", "pagination", "cursor"})
# By operation: the JSON Schema of GitLab's tests; a list has one for each of its parts.
_SCHEMAS = {
    "GET /api/v4/projects/{id}/merge_requests": "merge_request.json",
    "POST /api/v4/projects/{id}/merge_requests": "merge_request.json",
    f"GET {_MR}": "merge_request.json",
    f"PUT {_MR}": "merge_request.json",
    f"PUT {_MR}/merge": "merge_request.json",
    f"POST {_MR}/cancel_merge_when_pipeline_succeeds": "merge_request.json",
    f"GET {_MR}/commits": "commit/basic.json",
    f"GET {_MR}/pipelines": "pipeline/basic.json",
    f"GET {_COMMITS}/{{sha}}": "commit/basic.json",
    f"GET {_COMMITS}/{{sha}}/merge_requests": "merge_request.json",
    "GET /api/v4/projects/{id}/repository/branches": "branch.json",
    "GET /api/v4/projects/{id}/repository/branches/{branch}": "branch.json",
    "POST /api/v4/projects/{id}/repository/branches": "branch.json",
    "GET /api/v4/projects/{id}/pipelines": "pipeline/basic.json",
    "GET /api/v4/projects/{id}/pipelines/{pipeline_id}": "pipeline/detail.json",
    "GET /api/v4/groups/{id}/members": "members.json#/items",
    "GET /api/v4/groups/{id}/members/all": "members.json#/items",
    "GET /api/v4/projects/{id}/members/all": "members.json#/items",
    "GET /api/v4/user": "user/basic.json",
    "GET /api/v4/users": "user/basic.json",
    f"GET {_MR}/notes": "notes.json#/items",
    f"POST {_MR}/notes": "notes.json#/items",
    f"GET {_MR}/notes/{{note_id}}": "notes.json#/items",
    f"PUT {_MR}/notes/{{note_id}}": "notes.json#/items",
}
# By operation: what was recorded of it, where there is no schema.
_SAMPLES = {
    f"GET {_MR}/approvals": "gitlab4j/approvals.json",
    f"POST {_MR}/approve": "gitlab4j/approvals.json",
    f"POST {_MR}/unapprove": "gitlab4j/approvals.json",
    f"GET {_MR}/approval_state": "gitlab4j/approval-state.json",
    f"GET {_MR}/approval_rules": "gitlab4j/approval-rule.json",
    f"POST {_MR}/approval_rules": "gitlab4j/approval-rule.json",
    f"PUT {_MR}/approval_rules/{{rule_id}}": "gitlab4j/approval-rule.json",
    "GET /api/v4/projects/{id}/approval_rules": "gitlab4j/approval-rule.json",
    "GET /api/v4/projects/{id}/approvals": "gitlab4j/project-approvals-config.json",
    "GET /api/v4/projects/{id}/protected_branches": "gitlab4j/protected-branch.json",
    "GET /api/v4/projects/{id}/repository/compare": "gitlab4j/compare-results.json",
    "GET /api/v4/projects/{id}/repository/files/{file_path}": "gitlab4j/repository-file.json",
    "POST /api/v4/projects/{id}/statuses/{sha}": "gitlab4j/commit-status.json",
    f"GET {_COMMITS}/{{sha}}/statuses": "gitlab4j/commit-status.json",
    "GET /api/v4/personal_access_tokens/self": "go-gitlab/get_project_access_token.json",
}
# What the collected description hasn't got, with what may be sent: https://docs.gitlab.com/api/
_MORE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "/api/v4/users": {"GET": frozenset({"username", "search", "active"})},
    f"{_MR}/notes": {"GET": frozenset({"activity_filter"}), "POST": frozenset({"body", "internal"})},
    f"{_MR}/notes/{{note_id}}": {"GET": frozenset(), "PUT": frozenset({"body"}), "DELETE": frozenset()},
    "/api/v4/projects/{id}/approval_rules": {"GET": frozenset()},
    "/api/v4/projects/{id}/approvals": {"GET": frozenset()},
    "/api/v4/projects/{id}/merge_trains/merge_requests/{merge_request_iid}": {
        "POST": frozenset({"sha", "auto_merge", "squash", "when_pipeline_succeeds"})
    },
    f"{_MR}/versions": {"GET": frozenset()},
    f"{_MR}/approval_rules": {
        "GET": frozenset(),
        "POST": frozenset({"name", "approvals_required", "user_ids", "group_ids", "usernames"}),
    },
    f"{_MR}/approval_rules/{{rule_id}}": {
        "PUT": frozenset({"name", "approvals_required", "user_ids", "group_ids", "usernames"})
    },
}
# Names that real answers have, and the collection not; newer than it, or of another edition.
_NEWER = {
    "GET /api/v4/projects/{id}/repository/files/{file_path}": {"execute_filemode"},
    "GET /api/v4/user": {"bot", "can_create_group", "can_create_project", "created_at", "external", "private_profile"}
    | {"two_factor_enabled", "state", "locked", "avatar_url", "web_url"},
}


def watch(exchange: Exchange) -> list[str]:
    """Judges what a running double hears and says; an answer that a test put in its mouth is not judged."""
    given = None if isinstance(exchange.fault, Answer | AnswerAfter) else exchange.response
    return [] if exchange.route.startswith("git ") else faults(exchange.request, given)


def faults(request: Request, response: Response | None) -> list[str]:
    """What of a request and its answer (None: not judged) is not as GitLab describes it; nothing where all is well."""
    operation = description().operation(request.method, request.path)
    if operation is None:
        return ["no such operation is known"]
    found = [*_of_query(operation, request), *_of_body(operation, request)]
    return [*found, *(_of_response(operation, request, response) if response else ())]


@cache
def description() -> OpenApi:
    """The OpenAPI description, and by name what it lacks."""
    document = json.loads((GITLAB / "openapi-v2-subset.json").read_bytes())
    for path, methods in _MORE.items():
        for method, names in methods.items():
            properties: dict[str, Any] = {name: {} for name in sorted(names)}
            described: dict[str, Any] = {"responses": {status: {} for status in ("200", "201", "204", "400")}}
            if method == "GET":
                described["parameters"] = [{"name": name, "in": "query", "schema": {}} for name in properties]
            else:
                schema = {"type": "object", "properties": properties}
                described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
            document["paths"].setdefault(path, {})[method.lower()] = described
    return OpenApi(document)


# --- requests -------------------------------------------------------------------------------------------


def _of_query(operation: Operation, request: Request) -> Iterator[str]:
    """Grape reads parameters wherever they are, so that those of a body may be here as well."""
    known = {*description().parameters(operation, "query"), *_body_schema(operation).get("properties", {})}
    listed = _PAGES if request.method == "GET" else frozenset[str]()
    names = {name.removesuffix("[]") for name in request.query}
    if operation.template.endswith("/merge_requests"):
        known |= {"iids"}
    yield from unknown_names(known | listed, names, "query")


def _body_schema(operation: Operation) -> Mapping[str, Any]:
    body = description().resolved(operation.words.get("requestBody", {}))
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return description().resolved(schema)


def _of_body(operation: Operation, request: Request) -> Iterator[str]:
    schema = _body_schema(operation)
    given = request.form or request.json
    if given is None or not schema:
        if given:
            yield "request: takes no body"
        return
    known = schema.get("properties", {})
    yield from unknown_names(known, given, "request")
    query = {name.removesuffix("[]") for name in request.query}
    yield from (f"request.{name}: required" for name in schema.get("required", ()) if name not in {*given, *query})
    for name, value in given.items():
        # A list may come as a text with commas: lib/api/validations/types/comma_separated_to_array.rb
        comma = known.get(name, {}).get("type") == "array" and isinstance(value, str)
        if name in known and not comma:
            yield from description().faults(known[name], value, f"request.{name}")


# --- responses ------------------------------------------------------------------------------------------


def _of_response(operation: Operation, request: Request, response: Response) -> Iterator[str]:
    described = {int(status) for status in operation.words["responses"] if status.isdecimal()}
    if str(operation) in _CREATED:
        described = described - {200} | {201}
    if response.status not in described | _ANYWHERE:
        yield f"response: status {response.status} is not described"
    if response.status >= 400:
        yield from _of_refusal(response)
    elif not isinstance(response.content, bytes) and response.content is not None:
        listed = isinstance(response.content, list)
        for number, part in enumerate(response.content if listed else [response.content]):
            where = f"response[{number}]" if listed else "response"
            yield from _of_names(operation, part, where)
            yield from _of_types(operation, request, part, where)


def _of_refusal(response: Response) -> Iterator[str]:
    """JSON that has a `message` or an `error`; or a text of what stands in front of the API."""
    if isinstance(response.content, dict) and not {"message", "error"} & response.content.keys():
        yield f"response: a refusal without words: {response.content}"


def _of_names(operation: Operation, value: Mapping[str, Any], where: str) -> Iterator[str]:
    """No name that nobody knows, as far down as it is described."""
    success = [words for status, words in operation.words["responses"].items() if status.startswith("2")]
    schema: Mapping[str, Any] = next(
        (kind["schema"] for words in success for kind in words.get("content", {}).values()), {}
    )
    more = {*_NEWER.get(str(operation), ()), *_sample_names(operation)}
    yield from _unknown(schema, value, where, more)


def _sample_names(operation: Operation) -> set[str]:
    sample = _sample(operation)
    return set(sample) if sample else set()


def _unknown(schema: Mapping[str, Any], value: object, where: str, more: Iterable[str] = ()) -> Iterator[str]:
    schema = description().resolved(schema)
    schema = description().resolved(schema.get("items", schema))
    known = schema.get("properties")
    if isinstance(value, list):
        for number, part in enumerate(value):
            yield from _unknown(schema, part, f"{where}[{number}]")
    elif isinstance(value, dict) and known:
        yield from unknown_names({*known, *more}, value, where)
        for name, part in value.items():
            yield from _unknown(known.get(name, {}), part, f"{where}.{name}")


def _of_types(operation: Operation, request: Request, value: object, where: str) -> Iterator[str]:
    name = _SCHEMAS.get(str(operation))
    if name == "merge_request.json" and request.query.get("view") == ["simple"]:
        name = "merge_request_simple.json"
    if name is not None:
        validator = Draft202012Validator({"$ref": uri(name)}, registry=registry(), format_checker=formats)
        errors = [best_match([error]) or error for error in validator.iter_errors(value)]
        yield from (f"{where}{error.json_path[1:]}: {error.message[:300]}" for error in errors)
    sample = _sample(operation)
    if sample is not None:
        yield from _unlike(sample, value, where)


@cache
def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _sample(operation: Operation) -> Mapping[str, Any] | None:
    name = _SAMPLES.get(str(operation))
    sample = _read(GITLAB / "recorded" / name) if name else None
    return sample[0] if isinstance(sample, list) else sample


_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}


def _unlike(sample: object, value: object, where: str) -> Iterator[str]:
    """Where both have something, it is of the same kind."""
    if sample is None or value is None:
        return
    if _KINDS[type(sample)] != _KINDS[type(value)]:
        yield f"{where}: is {_KINDS[type(value)]}, where {_KINDS[type(sample)]} was recorded"
    elif isinstance(sample, dict) and isinstance(value, dict):
        for name in sample.keys() & value.keys():
            yield from _unlike(sample[name], value[name], f"{where}.{name}")
    elif isinstance(sample, list) and isinstance(value, list) and sample:
        for number, part in enumerate(value):
            yield from _unlike(sample[0], part, f"{where}[{number}]")
