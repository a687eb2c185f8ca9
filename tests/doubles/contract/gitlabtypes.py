"""The JSON Schemas of GitLab's own tests, with what is known to be amiss in them put right."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.doubles.contract.data import FORGE_SCHEMAS

_TYPES = FORGE_SCHEMAS / "gitlab" / "public_api_v4"


def uri(name: str) -> str:
    return f"https://gitlab.example/{name}"


@cache
def registry() -> Registry[Any]:
    """The schemas of GitLab's tests, with what is known to be amiss in them put right."""
    resources: list[tuple[str, Resource[Any]]] = []
    for path in sorted(_TYPES.rglob("*.json")):
        name = str(path.relative_to(_TYPES))
        schema = _mended(name, json.loads(path.read_bytes()))
        resources.append((uri(name), DRAFT202012.create_resource({"$id": uri(name), **schema})))
    # Which isn't in the collection.
    an_object: Resource[Any] = DRAFT202012.create_resource({"type": "object"})
    resources.append(("https://gitlab.example/status/ci_detailed_status.json", an_object))
    made: Registry[Any] = Registry().with_resources(resources)
    return made


def _mended(name: str, schema: Any) -> Any:
    match name:
        case "merge_request.json":  # stands outside of them there, where it would not be looked at
            schema["properties"]["head_pipeline"] = schema.pop("head_pipeline")
        case "notes.json":  # the collected version is older than these, and admits none but its own
            schema["items"]["properties"] |= {newer: {} for newer in ("project_id", "imported", "imported_from")}
        case "milestone.json":  # are days; GitLab's tests don't look at formats
            for day in ("start_date", "due_date"):
                del schema["properties"][day]["format"]
        case "members.json":  # a day, too
            del schema["items"]["properties"]["expires_at"]["format"]
        case _:
            pass
    return _typed(schema)


def _typed(node: Any) -> Any:
    """`date` is no type of JSON."""
    if isinstance(node, list):
        return ["string" if part == "date" else _typed(part) for part in node]
    return {key: _typed(value) for key, value in node.items()} if isinstance(node, dict) else node
