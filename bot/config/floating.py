"""Names such as `stable` that would follow two environments in one registry, and go to and fro between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from bot.config import Config, EnvironmentConfig, ServiceRule
from bot.config.base import Fault, Loc

# What a service's name may have where a pattern leaves it open.
_ANY = "0"
_OPEN = re.compile(r"\?|\[!?.[^\]]*\]")


def contested_tags(config: Config) -> Iterator[Fault]:
    """Each with its place in the file: where it is given the second time."""
    rules = [(index, rule) for index, rule in enumerate(config.services) if "floating_tags" in rule.model_fields_set]
    told: set[Loc] = set()
    for service in _services([pattern for _, rule in rules for pattern in rule.match]):
        first: dict[tuple[str, str, str], tuple[EnvironmentConfig, Loc]] = {}
        for index, env in enumerate(config.environments):
            given, tags = _given(rules, index, env, service)
            for place, tag in enumerate(tags if env.registry in config.registries else ()):
                other, there = first.setdefault((*config.registries[env.registry].place, tag), (env, given))
                here = (*given, "floating_tags", place)
                if "{" not in tag and other is not env and here not in told:
                    told.add(here)
                    yield here, _said(tag, env, other, there, once=there == given)


def _said(tag: str, env: EnvironmentConfig, other: EnvironmentConfig, there: Loc, *, once: bool) -> str:
    one = "" if env.registry == other.registry else f" ({other.registry} and {env.registry} are one)"
    if once:
        return f"{tag} would follow {other.name} and {env.name} in one registry{one}: say in `environments` which"
    by = "" if there[0] == "environments" else f" by {'.'.join(map(str, there))}"
    return f"{tag} follows {other.name} already{by}, in the same registry{one}: name it such as {tag}-{env.name}"


def _given(
    rules: Sequence[tuple[int, ServiceRule]], index: int, env: EnvironmentConfig, service: str
) -> tuple[Loc, Sequence[str]]:
    """What says a service's floating tags in an environment, as `Config.settings` has it, and which they are."""
    for number, rule in reversed(rules if "floating_tags" not in env.lock else ()):
        if rule.fits(service) and (not rule.environments or env.name in rule.environments):
            return ("services", number), rule.floating_tags
    return ("environments", index), env.floating_tags


def _services(patterns: Sequence[str]) -> Iterator[str]:
    """Names for all combinations of patterns that a service may fit: of none, of one, and of two that overlap."""
    yield ""
    closed = [_OPEN.sub(_letter, pattern) for pattern in dict.fromkeys(patterns)]
    yield from (pattern.replace("*", _ANY) for pattern in closed)
    for one, other in permutations((pattern for pattern in closed if "*" in pattern), 2):
        yield from (one.replace("*", between) for between in ("", other.replace("*", _ANY), other.replace("*", "")))


def _letter(found: re.Match[str]) -> str:
    """One that fits `?`, `[abc]` or `[!abc]`."""
    return _ANY if found[0][:2] in {"?", "[!"} else found[0][1]
