"""GitHub's own description of its API, asked about exchanges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import Any

from tests.doubles.contract import graphql
from tests.doubles.contract.data import FORGE_SCHEMAS
from tests.doubles.contract.openapi import OpenApi, Operation, unknown_names
from tests.doubles.http import Request, Response
from tests.doubles.server import Exchange
from tests.proxy import Answer, AnswerAfter

GITHUB = FORGE_SCHEMAS / "github"
# Who asks first reads the schema, which takes a second; several would read it side by side.
_READING = Lock()
# What any operation may be answered with, described for it or not: who asks is nobody, may not, asks too often or for
# what can't be; what is asked for is hidden; the server is ill. https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
_ANYWHERE = frozenset({401, 403, 404, 422, 429, 500, 502, 503, 504})
_TYPES: Mapping[str, Callable[[str], object]] = {
    "integer": int,
    "boolean": lambda text: {"true": True, "false": False}[text],
}


def watch(exchange: Exchange) -> list[str]:
    """Judges what a running double hears and says; an answer that a test put in its mouth is not judged."""
    given = None if isinstance(exchange.fault, Answer | AnswerAfter) else exchange.response
    return [] if exchange.route.startswith("git ") else faults(_below_root(exchange.request), given)


def _below_root(request: Request) -> Request:
    """Enterprise Server has its API below a path of its host."""
    return replace(request, target=request.target.removeprefix("/api/v3").removeprefix("/api"))


def faults(request: Request, response: Response | None) -> list[str]:
    """What of a request and its answer (None: not judged) is not as GitHub describes it; nothing where all is well."""
    if request.path == "/graphql":
        return list(_of_graphql(request, response))
    operation = description().operation(request.method, request.path)
    if operation is None:
        return ["no such operation is described"]
    found = [*_of_query(operation, request), *_of_request(operation, request)]
    return [*found, *(_of_response(operation, request, response) if response else ())]


@cache
def description() -> OpenApi:
    return OpenApi(json.loads((GITHUB / "openapi-subset.json").read_bytes()))


def _of_query(operation: Operation, request: Request) -> Iterator[str]:
    known = description().parameters(operation, "query")
    yield from unknown_names(known, request.query, "query")
    for name, parameter in known.items():
        values = request.query.get(name, [])
        if parameter.get("required") and not values:
            yield f"query.{name}: required"
        for value in values:
            yield from description().faults(parameter["schema"], _parsed(parameter["schema"], value), f"query.{name}")
    for name, value in description().values(operation, request.path).items():
        schema = description().parameters(operation, "path")[name]["schema"]
        yield from description().faults(schema, _parsed(schema, value), f"path.{name}")


def _parsed(schema: Mapping[str, Any], value: str) -> object:
    """A word of a path or query, as the type that it stands for."""
    try:
        return _TYPES.get(schema.get("type", ""), str)(value)
    except (ValueError, KeyError):
        return value


def _of_request(operation: Operation, request: Request) -> Iterator[str]:
    body = description().resolved(operation.words.get("requestBody", {}))
    if request.json is None:
        if body.get("required"):
            yield "request: a body is required"
        return
    if not body:
        yield "request: takes no body"
        return
    schema = body["content"]["application/json"]["schema"]
    yield from description().faults(schema, request.json, "request")
    # GitHub ignores names that it does not know, so that a misspelt one would never be noticed.
    closed = description().resolved(schema)
    if isinstance(request.json, dict) and "properties" in closed:
        yield from unknown_names(closed["properties"], request.json, "request")


def _of_response(operation: Operation, request: Request, response: Response) -> Iterator[str]:
    described = operation.words["responses"].get(str(response.status))
    if response.status == HTTPStatus.NOT_MODIFIED and request.method == "GET":
        described = {}  # to any request that names what it has: it is described for some alone
    if described is None:
        if response.status not in _ANYWHERE:
            yield f"response: status {response.status} is not described"
            return
        described = {"content": _refusal()}
    content = description().resolved(described).get("content", {})
    if not content and response.status >= HTTPStatus.BAD_REQUEST:
        content = _refusal()  # it always says why
    if not content:
        if response.content is not None:
            yield "response: has no body"
    elif not isinstance(response.content, bytes):
        yield from description().faults(content["application/json"]["schema"], response.content, "response")
    elif response.status < HTTPStatus.INTERNAL_SERVER_ERROR and not request.headers.get("Accept", "").endswith(".diff"):
        yield "response: is not JSON"  # what stands in front of a server that is ill answers in HTML


def _refusal() -> Mapping[str, Any]:
    """What any refusal is."""
    content: Mapping[str, Any] = description().resolved({"$ref": "#/components/responses/forbidden"})["content"]
    return content


def _of_graphql(request: Request, response: Response | None) -> Iterator[str]:
    if request.method != "POST":
        yield "is asked by POST alone"
    elif response is None:
        yield from graphql.faults(sdl(), request.json, {})
    elif response.status == HTTPStatus.OK:
        yield from graphql.faults(sdl(), request.json, response.content)
    elif response.status not in _ANYWHERE:
        yield f"response: status {response.status} is not described"


def sdl() -> graphql.Schema:
    with _READING:
        return _sdl()


@cache
def _sdl() -> graphql.Schema:
    return graphql.read((GITHUB / "schema.graphql").read_text())


# --- webhooks -------------------------------------------------------------------------------------------


@cache
def _webhooks() -> OpenApi:
    document = json.loads((GITHUB / "webhooks-subset.json").read_bytes())
    return OpenApi({**document, "paths": {}})


def webhook_faults(event: str, payload: Mapping[str, Any]) -> list[str] | None:
    """What of a webhook's payload is not as described; None where nobody describes the event."""
    name = "-".join(filter(None, (event, payload.get("action")))).replace("_", "-")
    described = _webhooks().document["webhooks"].get(name)
    return None if described is None else _webhooks().faults(described["schema"], payload, name)
