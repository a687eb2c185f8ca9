"""What pydantic finds wrong, in terms of the file: which key, what it must be, and what was probably meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, TypeAlias, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config import Config, TagScheme
from bot.configfile.reading import Loc
from bot.errors import did_you_mean

Fault: TypeAlias = tuple[Loc, str]


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Each with its place in the file; of what follows from another that is told, nothing."""
    faults = error.errors()
    meant = {(*loc[:-1], near) for loc in _unknown(faults) if (near := _near(loc))}
    for fault in faults:
        loc = _loc(fault)
        if fault["type"] == "too_short" and any(other["loc"][: len(loc)] == loc != other["loc"] for other in faults):
            continue  # there are items, and what is wrong with them is told
        if fault["type"] == "missing" and loc in meant:
            continue  # it is there under a wrong name
        place, kinds = _place(loc)
        if fault["type"].startswith("union_tag"):
            yield _wrong_tag(place, kinds, fault)
        elif fault["type"] == "extra_forbidden":
            yield place, "unknown key" + (did_you_mean(str(loc[-1]), _keys(loc[:-1])) or _below(loc))
        else:
            yield place, _told(fault, kinds)


def _loc(fault: ErrorDetails) -> Loc:
    return tuple(part for part in fault["loc"] if part != "[key]")


def _unknown(faults: Sequence[ErrorDetails]) -> Iterator[Loc]:
    return (_loc(fault) for fault in faults if fault["type"] == "extra_forbidden")


def _near(loc: Loc) -> str:
    """What was meant by an unknown key."""
    return did_you_mean(str(loc[-1]), _keys(loc[:-1])).removeprefix(", did you mean ").rstrip("?")


def _below(loc: Loc) -> str:
    """Which of the keys at its place it goes under."""
    models = [kind for kind in _place(loc[:-1])[1] if _is_model(kind)]
    under = [
        name
        for name in dict.fromkeys(name for model in models for name in _names(model))
        if any(loc[-1] in _names(inner) for model in models for inner in _models_at(model, name))
    ]
    return f", it goes under `{under[0]}`" if len(under) == 1 else ""


def _models_at(model: type[BaseModel], key: str) -> Iterator[type[BaseModel]]:
    yield from (inner for inner in _members(_child(model, key)) if _is_model(inner))


# --- what it must be ------------------------------------------------------------------------------------


def _told(fault: ErrorDetails, kinds: Sequence[object]) -> str:
    say = _WORDS.get(fault["type"])
    if say is None:
        return fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return say.format_map(fault.get("ctx", {})) if isinstance(say, str) else say(fault, kinds)


def _text(fault: ErrorDetails, _kinds: Sequence[object]) -> str:
    value = fault["input"]
    if value is None:
        return "must be a text, and is empty"
    if isinstance(value, list | dict):
        return f"must be a text, not {_shown(value)}"
    return f"must be a text: put it in quotes, YAML reads {_shown(value)} here"


def _list(fault: ErrorDetails, _kinds: Sequence[object]) -> str:
    value = fault["input"]
    if isinstance(value, dict):
        return "must be a list: put a dash before each of its items"
    return "must be a list" + (f": [{json.dumps(value, ensure_ascii=False)}]" if isinstance(value, str) else "")


def _mapping(_fault: ErrorDetails, kinds: Sequence[object]) -> str:
    keys = list(dict.fromkeys(key for kind in kinds if _is_model(kind) for key in _names(kind)))
    if not keys:
        return "must be a mapping, `name: …`"
    text = "a text, or " if TagScheme in kinds else ""
    return f"must be {text}a mapping with the key{'s' if len(keys) > 1 else ''} {', '.join(keys)}"


def _one_of(fault: ErrorDetails, _kinds: Sequence[object]) -> str:
    known = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    if len(known) == 1:
        return f"must be {known[0]}, not {_shown(fault['input'])}"
    return f"{_shown(fault['input'])} is none of {', '.join(known)}{did_you_mean(str(fault['input']), known)}"


def _shown(value: object) -> str:
    """As YAML has it; of what holds more, what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return value if isinstance(value, str) else json.dumps(value)


_WORDS: Mapping[str, str | Callable[[ErrorDetails, Sequence[object]], str]] = {
    "missing": "missing",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "model_attributes_type": _mapping,
    "model_type": _mapping,
    "dict_type": _mapping,
    "tuple_type": _list,
    "string_type": _text,
    "is_instance_of": _text,  # of a file's name
    "literal_error": _one_of,
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_pattern_mismatch": "must be of a-z, 0-9, dots, dashes and underscores, a letter or digit first and last",
}


def _wrong_tag(place: Loc, kinds: Sequence[object], fault: ErrorDetails) -> Fault:
    known = [tag for kind in kinds if (tag := _tag(kind))]
    if fault["type"] == "union_tag_invalid":
        wrong = str(fault["ctx"]["tag"])
        return (*place, "type"), f"{wrong} is none of {', '.join(known)}" + did_you_mean(wrong, known)
    keys = {key for kind in kinds if _is_model(kind) for key in _names(kind)}
    odd = next((key for key in fault["input"] if key not in keys), None)
    return place, f"missing type: {' or '.join(known)}" + (f"; {odd} is an unknown key" if odd else "")


# --- what may be there ----------------------------------------------------------------------------------


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
    return [name for kind in _place(loc)[1] if _is_model(kind) for name in _names(kind)]


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


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
