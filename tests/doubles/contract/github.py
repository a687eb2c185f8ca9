"""GitHub's own description of its API, asked about exchanges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from tests.doubles.contract import graphql
from tests.doubles.contract.data import FORGE_SCHEMAS
from tests.doubles.contract.exchange import Exchange
from tests.doubles.contract.openapi import OpenApi, Operation, unknown_names

GITHUB = FORGE_SCHEMAS / "github"
# What any operation may be answered with, described for it or not: who asks is nobody, may not, or asks too often;
# what is asked for is hidden; the server is ill. https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
_ANYWHERE = frozenset({401, 403, 404, 429, 500, 502, 503, 504})
_TYPES: Mapping[str, Callable[[str], object]] = {
    "integer": int,
    "boolean": lambda text: {"true": True, "false": False}[text],
}


def faults(exchange: Exchange) -> list[str]:
    """What of an exchange is not as GitHub describes it; nothing where all is well."""
    if exchange.path == "/graphql":
        return [f"{exchange}: {fault}" for fault in _of_graphql(exchange)]
    operation = description().operation(exchange.method, exchange.path)
    if operation is None:
        return [f"{exchange}: no such operation is described"]
    found = [*_of_query(operation, exchange), *_of_request(operation, exchange), *_of_response(operation, exchange)]
    return [f"{exchange} ({operation}): {fault}" for fault in found]


@cache
def description() -> OpenApi:
    return OpenApi(json.loads((GITHUB / "openapi-subset.json").read_bytes()))


def _of_query(operation: Operation, exchange: Exchange) -> Iterator[str]:
    known = description().parameters(operation, "query")
    yield from unknown_names(known, exchange.query, "query")
    for name, parameter in known.items():
        values = exchange.query.get(name, [])
        if parameter.get("required") and not values:
            yield f"query.{name}: required"
        for value in values:
            yield from description().faults(parameter["schema"], _parsed(parameter["schema"], value), f"query.{name}")
    for name, value in description().values(operation, exchange.path).items():
        schema = description().parameters(operation, "path")[name]["schema"]
        yield from description().faults(schema, _parsed(schema, value), f"path.{name}")


def _parsed(schema: Mapping[str, Any], value: str) -> object:
    """A word of a path or query, as the type that it stands for."""
    try:
        return _TYPES.get(schema.get("type", ""), str)(value)
    except (ValueError, KeyError):
        return value


def _of_request(operation: Operation, exchange: Exchange) -> Iterator[str]:
    body = description().resolved(operation.words.get("requestBody", {}))
    if exchange.request is None:
        if body.get("required"):
            yield "request: a body is required"
        return
    if not body:
        yield "request: takes no body"
        return
    schema = body["content"]["application/json"]["schema"]
    yield from description().faults(schema, exchange.request, "request")
    # GitHub ignores names that it does not know, so that a misspelt one would never be noticed.
    closed = description().resolved(schema)
    if isinstance(exchange.request, dict) and "properties" in closed:
        yield from unknown_names(closed["properties"], exchange.request, "request")


def _of_response(operation: Operation, exchange: Exchange) -> Iterator[str]:
    described = operation.words["responses"].get(str(exchange.status))
    if exchange.status == HTTPStatus.NOT_MODIFIED and exchange.method == "GET":
        described = {}  # to any request that names what it has: it is described for some alone
    if described is None:
        if exchange.status not in _ANYWHERE:
            yield f"response: status {exchange.status} is not described"
            return
        described = description().resolved({"$ref": "#/components/responses/forbidden"})
    content = description().resolved(described).get("content", {})
    if not content:
        if exchange.response is not None:
            yield "response: has no body"
    elif not isinstance(exchange.response, bytes):
        yield from description().faults(content["application/json"]["schema"], exchange.response, "response")
    elif exchange.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        yield "response: is not JSON"  # what stands in front of a server that is ill answers in HTML


def _of_graphql(exchange: Exchange) -> Iterator[str]:
    if exchange.method != "POST":
        yield "is asked by POST alone"
    elif exchange.status == HTTPStatus.OK:
        yield from graphql.faults(sdl(), exchange.request, exchange.response)
    elif exchange.status not in _ANYWHERE:
        yield f"response: status {exchange.status} is not described"


@cache
def sdl() -> graphql.Schema:
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
