"""Branches that could be taken by their names for those of another kind in the same repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from bot.config import Config, EnvironmentConfig
from bot.config.base import Fault, Loc


@dataclass(frozen=True)
class _Kind:
    """An environment's branches for promotions, or for pins: what their names begin with, and where that is said."""

    environment: EnvironmentConfig
    at: Loc
    begin: str

    def __str__(self) -> str:
        what = "pins" if self.at[-1] == "pin_branches" else "promotions"
        return f"{what} of environment {self.environment.name}"

    def is_with(self, other: EnvironmentConfig) -> bool:
        """Whether they are in the repository of an environment."""
        return self.environment.repository.repository == other.repository.repository


def mixed_branches(config: Config) -> Iterator[Fault]:
    """Each with its place in the file: no name tells then what a branch is about."""
    kinds = list(_kinds(config))
    for one, other in combinations(kinds, 2):
        # Of two environments with one name, that is the fault.
        if one.is_with(other.environment) and str(one) != str(other):
            yield from _mixed(*sorted((one, other), key=lambda kind: len(kind.begin)))
    for kind in kinds:
        for env in config.environments:
            if kind.is_with(env):
                yield from _deployed(kind, env)


def _kinds(config: Config) -> Iterator[_Kind]:
    for index, env in enumerate(config.environments):
        at = ("environments", index, "repository")
        yield _Kind(env, (*at, "branches"), env.branch_prefix)
        yield _Kind(env, (*at, "pin_branches"), env.pin_prefix)


def _mixed(short: _Kind, long: _Kind) -> Iterator[Fault]:
    if long.begin == short.begin:
        yield long.at, f"branches called {long.begin}… are {short} as well: tell them apart, such as by {{environment}}"
    elif long.begin.startswith(short.begin):
        yield long.at, f"branches called {long.begin}… could be {short}, which are called {short.begin}…"


def _deployed(kind: _Kind, env: EnvironmentConfig) -> Iterator[Fault]:
    branch = env.repository.branch
    if branch.startswith(kind.begin):
        yield kind.at, f"{branch}, which environment {env.name} is deployed from, could be one of {kind.begin}…"
    elif kind.begin.startswith(f"{branch}/"):
        yield kind.at, f"beside branch {branch}, which environment {env.name} is deployed from, Git has no {branch}/…"
