"""An OpenAPI 3.0 description: which operation a request is, and what is not as its schemas say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_HERE = "urn:description"
_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete"})
_PLACEHOLDER = re.compile(r"\{([^}]+)\}")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

formats = FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return _DATE_TIME.fullmatch(value) is not None


@formats.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    # An empty one is what GitHub has where people left it out.
    return not isinstance(value, str) or not value or bool(urlsplit(value).scheme and urlsplit(value).netloc)


@dataclass(frozen=True)
class Operation:
    """An operation, such as `GET /repos/{owner}/{repo}`, and the description's own words about it."""

    method: str
    template: str
    words: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


class OpenApi:
    """A description. Its schemas are read as JSON Schema, to which OpenAPI 3.0 adds `nullable` alone."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = json_schema(document)
        resource: Resource[Any] = DRAFT202012.create_resource(self.document)
        self._registry: Registry[Any] = Registry().with_resource(_HERE, resource)
        self._routes = [(self._route(operation), operation) for operation in self._operations()]
        # Where several fit, the one that leaves least open: `/pulls/{pull_number}/merge` before a path of any length.
        self._routes.sort(key=lambda route: (len(_PLACEHOLDER.findall(route[1].template)), -len(route[1].template)))

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request to this path is; None where none is described."""
        return next((op for route, op in self._routes if op.method == method and route.fullmatch(path)), None)

    def values(self, operation: Operation, path: str) -> dict[str, str]:
        """What the path says for each placeholder."""
        found = self._route(operation).fullmatch(path)
        assert found is not None
        return {name: unquote(found[f"p{i}"]) for i, name in enumerate(_PLACEHOLDER.findall(operation.template))}

    def parameters(self, operation: Operation, place: str) -> dict[str, Mapping[str, Any]]:
        """The parameters in `path` or `query`, by name."""
        found = (self.resolved(parameter) for parameter in operation.words.get("parameters", ()))
        return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}

    def resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a node refers to, or itself."""
        while "$ref" in node:
            found: Any = self.document
            for step in node["$ref"].partition("#/")[2].split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def faults(self, schema: Mapping[str, Any], value: object, where: str) -> list[str]:
        """What of a value is not as the schema says."""
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=formats)
        # Of a choice that nothing fits, what is wrong with the likeliest.
        errors = [best_match([error]) or error for error in validator.iter_errors(value)]
        return [f"{where}{error.json_path[1:]}: {error.message[:300]}" for error in errors]

    def _operations(self) -> Iterator[Operation]:
        for template, item in self.document["paths"].items():
            for method in _METHODS & item.keys():
                yield Operation(method.upper(), template, item[method])

    def _route(self, operation: Operation) -> re.Pattern[str]:
        parameters = self.parameters(operation, "path")
        pattern, end = "", 0
        for number, found in enumerate(_PLACEHOLDER.finditer(operation.template)):
            several = parameters.get(found[1], {}).get("x-multi-segment", False)
            pattern += (
                re.escape(operation.template[end : found.start()]) + f"(?P<p{number}>{'.+' if several else '[^/]+'})"
            )
            end = found.end()
        return re.compile(pattern + re.escape(operation.template[end:]))


def json_schema(node: Any) -> Any:
    """A description with `nullable` said in JSON Schema's words, and its references made absolute.

    Where it says `oneOf`, what more than one of the kinds fits is as good: they are not told apart carefully.
    """
    if isinstance(node, list):
        return [json_schema(part) for part in node]
    if not isinstance(node, Mapping):
        return node
    changed = {key: json_schema(value) for key, value in node.items() if key != "nullable" or value is not True}
    if "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
    if isinstance(changed.get("$ref"), str):
        changed["$ref"] = changed["$ref"].replace("#/", f"{_HERE}#/", 1)
    return {"anyOf": [changed, {"type": "null"}]} if node.get("nullable") is True else changed


def unknown_names(known: Iterable[str], given: Iterable[str], where: str) -> list[str]:
    """The names that nobody described."""
    return [f"{where}.{name}: not described" for name in sorted(set(given) - set(known))]
