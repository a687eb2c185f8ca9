"""Reads `promobot.yaml`: every fault is told with file and line, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, TypeAlias, TypeGuard, Union, assert_never, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from bot.config import Auth, BasicAuth, Config, DockerAuth
from bot.config.references import broken_references, did_you_mean
from bot.errors import ConfigError

Loc: TypeAlias = tuple[int | str, ...]
_Data: TypeAlias = "dict[str, _Data] | list[_Data] | str | int | float | bool | None"

_MAX_BYTES = 1 << 20
# docs/configuration.md needs six levels; PyYAML's composer recurses, and some 10,000 end the process.
_MAX_DEPTH = 50


def load_config(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError, one line for each fault, `file:line: where: what`."""
    document = _compose(path)
    _refuse_aliases(document, path)
    data = _plain(document, path)
    lines = dict(_lines(document, ()))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_report(path, lines, list(_faults(error)))) from None
    faults = list(broken_references(config))
    if faults:
        raise ConfigError(_report(path, lines, faults))
    return _anchored(config, path.resolve().parent)


@dataclass(frozen=True)
class Places:
    """Where the parts of a configuration file are."""

    path: Path
    lines: Mapping[Loc, int]

    @classmethod
    def of(cls, path: Path) -> Places:
        """Of a file that `load_config` has read. Raises ConfigError."""
        return cls(path, dict(_lines(_compose(path), ())))

    def at(self, loc: Loc) -> str:
        """`file:line: key.key`, of the nearest part around it that is written."""
        return f"{self.path}:{_line(self.lines, loc)}: {_dotted(loc)}"


def _compose(path: Path) -> yaml.Node:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}",
            hint="`promobot init` writes one; -c FILE or PROMOBOT_CONFIG name another, and `promobot demo` needs none",
        ) from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes", hint="this is not a promobot.yaml")
    try:
        _refuse_depth(content, path)
        document = yaml.compose(content, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not YAML: {error}") from None
    if document is None:
        raise ConfigError(f"{path}:1: the file is empty", hint="README.md shows an example")
    return document


def _refuse_depth(content: bytes, path: Path) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ConfigError(f"{path}: nested more than {_MAX_DEPTH} levels deep")


def _refuse_aliases(document: yaml.Node, path: Path) -> None:
    """Refuse aliases of maps and lists: a few lines of them can stand for more than any memory holds."""
    seen: set[int] = set()
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, yaml.CollectionNode):
            continue
        if id(node) in seen:
            raise ConfigError(f"{path}:{node.start_mark.line + 1}: used again by an alias", hint="write it out twice")
        seen.add(id(node))
        waiting.extend(inner for item in node.value for inner in (item if isinstance(item, tuple) else (item,)))


def _lines(node: yaml.Node, loc: Loc) -> Iterator[tuple[Loc, int]]:
    """The line (from 1) at which each place of the document begins; a key's line for a mapping's value."""
    if not loc:
        yield loc, 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*loc, key.value), key.start_mark.line + 1
            yield from _lines(value, (*loc, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*loc, index), item.start_mark.line + 1
            yield from _lines(item, (*loc, index))


def _plain(node: yaml.Node, path: Path) -> _Data:
    """The document as plain data; refuses duplicate keys, which YAML readers silently drop."""
    if isinstance(node, yaml.MappingNode):
        data: dict[str, _Data] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{path}:{key.start_mark.line + 1}: a key must be a word")
            if key.value in data:
                raise ConfigError(f"{path}:{key.start_mark.line + 1}: {key.value} is given twice")
            data[key.value] = _plain(value, path)
        return data
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path) for item in node.value]
    return _scalar(node)


def _scalar(node: yaml.Node) -> _Data:
    loader = yaml.CSafeLoader("")
    try:
        value: _Data = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):  # the last two for `!!bool x`, `!!timestamp x`
        return str(node.value)
    finally:
        loader.dispose()
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(node.value)


# What pydantic says in terms of Python, in terms of YAML.
_WORDS = {
    "missing": "missing",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "model_attributes_type": "must be a mapping, `key: value`",
    "model_type": "must be a mapping, `key: value`",
    "dict_type": "must be a mapping, `key: value`",
    "tuple_type": "must be a list",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "string_pattern_mismatch": "must be of a-z, 0-9, dots, dashes and underscores, a letter or digit first and last",
}


def _faults(error: ValidationError) -> Iterator[tuple[Loc, str]]:
    faults = error.errors()
    for fault in faults:
        loc = tuple(part for part in fault["loc"] if part != "[key]")
        if fault["type"] == "too_short" and any(other["loc"][: len(loc)] == loc != other["loc"] for other in faults):
            continue  # there are items, and what is wrong with them is told
        place, _ = _place(loc)
        if fault["type"] == "extra_forbidden":
            yield place, "unknown key" + did_you_mean(str(loc[-1]), _keys(loc[:-1]))
        elif fault["type"] == "union_tag_not_found":
            yield place, f"missing type: {' or '.join(filter(None, map(_tag, _place(loc)[1])))}"
        elif fault["type"] == "union_tag_invalid":
            known = [tag for kind in _place(loc)[1] if (tag := _tag(kind))]
            wrong = str(fault["ctx"]["tag"])
            yield (*place, "type"), f"{wrong} is none of {', '.join(known)}" + did_you_mean(wrong, known)
        elif fault["type"] in _WORDS:
            yield place, _WORDS[fault["type"]]
        else:
            yield place, fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _place(loc: Loc) -> tuple[Loc, list[object]]:
    """The place in the document and what may be there; pydantic puts the tag of a union's member among the keys."""
    kinds: list[object] = [Config]
    place: Loc = ()
    for part in loc:
        if len(kinds) > 1:
            kinds = [kind for kind in kinds if _tag(kind) == part]
        else:
            place = (*place, part)
            kinds = [inner for kind in kinds for inner in _members(_child(kind, part))]
    return place, kinds


def _keys(loc: Loc) -> list[str]:
    """The keys that are known at a place."""
    models = [kind for kind in _place(loc)[1] if _is_model(kind)]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _child(kind: object, part: int | str) -> object:
    """What is below a key or index of a model, `dict[str, X]` or `tuple[X, ...]`."""
    if _is_model(kind):
        kinds = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return kinds.get(str(part))
    return next((inner for inner in reversed(get_args(kind)) if inner is not Ellipsis), None)


def _members(kind: object) -> Iterator[object]:
    """The alternatives of a union, `X | None` and `Annotated[X, …]` taken apart."""
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for inner in get_args(kind):
            yield from _members(inner)
    elif kind not in {None, NoneType}:
        yield kind


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tag(kind: object) -> str:
    """What `type` says in a model of a union."""
    return str(get_args(kind.model_fields["type"].annotation)[0]) if _is_model(kind) else ""


def _report(path: Path, lines: Mapping[Loc, int], faults: list[tuple[Loc, str]]) -> str:
    places = Places(path, lines)
    return "\n".join(f"{places.at(loc)}: {what}" for loc, what in faults)


def _line(lines: Mapping[Loc, int], loc: Loc) -> int:
    while loc not in lines:
        loc = loc[:-1]
    return lines[loc]


def _dotted(loc: Loc) -> str:
    return ".".join(str(part) for part in loc) or "file"


def _anchored(config: Config, folder: Path) -> Config:
    """Relative paths in the file are relative to the file."""
    forges = {name: forge.model_copy(update={"path": folder / forge.path}) for name, forge in config.forges.items()}
    registries = {
        name: registry.model_copy(
            update={"auth": _anchored_auth(registry.auth, folder), "ca_file": _below(folder, registry.ca_file)}
        )
        for name, registry in config.registries.items()
    }
    return config.model_copy(
        update={"forges": forges, "registries": registries, "templates": _below(folder, config.templates)}
    )


def _anchored_auth(auth: Auth | None, folder: Path) -> Auth | None:
    match auth:
        case BasicAuth(password_file=path):
            return auth.model_copy(update={"password_file": _below(folder, path)})
        case DockerAuth(config=path):
            return auth.model_copy(update={"config": _below(folder, path)})
        case None:
            return None
        case _:
            assert_never(auth)


def _below(folder: Path, path: Path | None) -> Path | None:
    return folder / path if path is not None else None
