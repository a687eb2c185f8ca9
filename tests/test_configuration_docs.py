"""docs/configuration.md explains every key of the configuration, and shows it in an example that is right."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_args

import pytest
import yaml
from pydantic import BaseModel

from bot.config import Config, EnvironmentConfig
from bot.configfile import load_config

PAGE = (Path(__file__).parents[1] / "docs/configuration.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([a-z]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
# A block of YAML is a part of the configuration, or of an environment where it is indented.
BLOCKS = [(text, yaml.safe_load(text)) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
WHOLE = [data for text, data in BLOCKS if data and not text.startswith(" ")]
PARTS = [yaml.safe_load(textwrap.dedent(text)) for text, _ in BLOCKS if text.startswith(" ")]

Key: TypeAlias = tuple[type[BaseModel], str]


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that may stand in a field."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def fields_of(model: type[BaseModel]) -> Iterator[tuple[Key, object]]:
    """Each key with the model that has it first: rules and environments share settings, and servers' forges much."""
    for name, field in model.model_fields.items():
        owners = [base for base in model.__mro__ if name in getattr(base, "model_fields", {})]
        yield (owners[-1], field.alias or name), field.annotation


def known(model: type[BaseModel], section: str = "") -> Iterator[tuple[Key, str]]:
    """Every key there is, with the section of the page that it belongs to."""
    for key, annotation in fields_of(model):
        yield key, section or key[1]
        for inner in models_in(annotation):
            yield from known(inner, section or key[1])


def of_type(model: type[BaseModel], data: Mapping[str, Any]) -> bool:
    """Whether a model is for what an example says that it is."""
    kind = model.model_fields.get("type")
    return kind is None or data.get("type") in get_args(kind.annotation)


def used(data: object, annotation: object) -> Iterator[Key]:
    """Every key that an example has."""
    if isinstance(data, list):
        for item in data:
            yield from used(item, annotation)
    models = list(models_in(annotation))
    if not isinstance(data, Mapping) or not models:
        return
    fitting = [
        model for model in models if data.keys() <= {key for (_, key), _ in fields_of(model)} and of_type(model, data)
    ]
    for model in fitting[:1]:
        fields = {key[1]: (key, inner) for key, inner in fields_of(model)}
        for name, value in data.items():
            key, inner = fields[name]
            yield key
            yield from used(value, inner)
    if not fitting:  # names of somebody's choice
        for value in data.values():
            yield from used(value, annotation)


SECTION: dict[Key, str] = {}
for one, where in known(Config):
    SECTION.setdefault(one, where)


@pytest.mark.parametrize("key", SECTION, ids=lambda key: f"{key[0].__name__}.{key[1]}")
def test_every_key_is_explained(key: Key) -> None:
    """A section for each at the top; there, in a row of a table of its own or in that of the key above it."""
    rows = [line for line in SECTIONS[SECTION[key]].splitlines() if line.startswith("| `")]
    assert key[0] is Config or any(f"`{key[1]}`" in row for row in rows)


def test_every_key_has_an_example() -> None:
    shown = {key for data in WHOLE for key in used(data, Config)}
    shown |= {key for data in PARTS for key in used(data, EnvironmentConfig)}
    assert [f"{model.__name__}.{key}" for model, key in SECTION if (model, key) not in shown] == []


def load(tmp_path: Path, environment: Mapping[str, Any]) -> Config:
    """The page's configuration, where the last environment has these keys too."""
    data = {key: value for block in WHOLE for key, value in block.items()}
    first, last = data["environments"][:-1], data["environments"][-1]
    path = tmp_path / "promobot.yaml"
    path.write_text(yaml.safe_dump({**data, "environments": [*first, {**last, **environment}]}), encoding="utf-8")
    return load_config(path)


@pytest.mark.parametrize("part", [{}, *PARTS], ids=lambda part: "+".join(part) or "whole")
def test_the_examples_are_right(part: dict[str, Any], tmp_path: Path) -> None:
    assert load(tmp_path, part).names == ("e2e", "staging", "prod")


def test_there_are_examples() -> None:
    assert len(WHOLE) >= len(Config.model_fields)
    assert len(PARTS) >= 3
