"""What every part of the configuration is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=63)]

# A place in the file, by keys and numbers, and what is wrong there.
Loc: TypeAlias = tuple[int | str, ...]
Fault: TypeAlias = tuple[Loc, str]

# https://www.rfc-editor.org/rfc/rfc6901#section-3, without the pointer to a whole document.
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
_DURATION = re.compile(r"(?:(?P<days>\d{1,4})d)?(?:(?P<hours>\d{1,5})h)?(?:(?P<minutes>\d{1,6})m)?")
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(\d{1,4}d)?(\d{1,5}h)?(\d{1,6}m)?$", "minLength": 1}


class Model(BaseModel):
    """Every part of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def as_tuple(value: object) -> object:
    """A list of YAML as a value that never changes."""
    return tuple(value) if isinstance(value, list) else value


def one_or_more(value: object) -> object:
    """A word, or a list of them."""
    return (value,) if isinstance(value, str) else as_tuple(value)


def _as_path(value: object) -> object:
    if value == "":
        raise ValueError("must not be empty")
    return Path(value) if isinstance(value, str) else value


def _as_duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not value:
        raise ValueError(f"{value!r} is no duration, such as 30m, 2h or 1d12h")
    return timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})


def _is_pointer(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError(f"{text!r} is no JSON pointer; write such as /spec/chart/spec/version")
    return text


def _is_project(path: str) -> str:
    if "://" in path or path.startswith("/") or path.endswith(("/", ".git")) or not path:
        raise ValueError(f"{path!r} is no project's path, such as platform/gitops: no URL, no / at the ends, no .git")
    return path


FilePath = Annotated[Path, BeforeValidator(_as_path)]
Strings = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
OneOrMore = Annotated[tuple[str, ...], BeforeValidator(one_or_more, json_schema_input_type=str | tuple[str, ...])]
Pointer = Annotated[str, AfterValidator(_is_pointer)]
Project = Annotated[str, AfterValidator(_is_project)]
Duration = Annotated[timedelta, BeforeValidator(_as_duration), WithJsonSchema(_DURATION_SCHEMA)]
