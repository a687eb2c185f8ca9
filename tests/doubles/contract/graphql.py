"""GraphQL: whether a query may be asked of a schema, and whether an answer is one to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import graphql
from graphql import (
    DocumentNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
)

Schema: TypeAlias = GraphQLSchema


def read(sdl: str) -> Schema:
    """A schema that its publisher vouches for: GitHub's defines fields twice, which a strict reading refuses."""
    return graphql.build_schema(sdl, assume_valid=True, no_location=True)


@lru_cache(256)
def document(query: str) -> DocumentNode:
    """A query, read once: the same few are asked over and over. Raises GraphQLSyntaxError."""
    return graphql.parse(query)


@lru_cache(256)
def refusals(schema: Schema, query: str) -> tuple[GraphQLError, ...]:
    """Why it may not be asked of a schema, which takes longer than to answer it. Raises GraphQLSyntaxError."""
    return tuple(graphql.validate(schema, document(query)))


def faults(schema: Schema, request: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[str]:
    """What of a query and its answer is not as the schema says."""
    try:
        query, refused = document(request["query"]), refusals(schema, request["query"])
    except graphql.GraphQLSyntaxError as error:
        yield f"query: {error.message}"
        return
    variables = request.get("variables") or {}
    yield from (f"query: {error.message}" for error in refused)
    data = response.get("data")
    if refused or data is None:
        return
    # The query is executed over its own answer: what comes out has to be what went in.
    result = graphql.execute_sync(
        schema, query, data, variable_values=variables, field_resolver=_of_answer, type_resolver=_told_type
    )
    yield from (f"response.{_path(error)}: {error.message}" for error in result.errors or ())
    if not result.errors and result.data != data:
        yield f"response: is {data}, of which the query asked for {result.data}"


def _path(error: graphql.GraphQLError) -> str:
    return ".".join(str(step) for step in error.path or ())


def _of_answer(source: Mapping[str, Any], info: GraphQLResolveInfo[Any], **_: object) -> object:
    key = info.path.key
    if key not in source:
        raise LookupError(f"{key} was asked for")
    return source[str(key)]


def _told_type(value: Mapping[str, Any], info: GraphQLResolveInfo[Any], abstract: GraphQLAbstractType) -> str:
    """What the answer says of its type, or a fragment of the query asks for, or any that there may be."""
    possible = [kind.name for kind in info.schema.get_possible_types(abstract)]
    for node in info.field_nodes:
        for part in node.selection_set.selections if node.selection_set else ():
            if isinstance(part, InlineFragmentNode) and part.type_condition:
                possible.insert(0, part.type_condition.name.value)
    return str(value.get("__typename", possible[0]))
