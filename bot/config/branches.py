"""What promobot's own branches are called: a template of the whole name, whose end tells what a branch is about."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from bot.errors import did_you_mean
from bot.repositories import is_branch

_ENVIRONMENT, _UNIT = "{environment}", "{unit}"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
# Of all that a placeholder may stand for, what most of git-check-ref-format(1) is against.
_FILLED = "lock"
# A forge refuses them or has them for itself, though Git takes them.
_REFUSED = ("-", "refs/", "gh-readonly-queue/")


def _is_template(text: str) -> str:
    _check_words(text)
    begin, unit, end = text.partition(_UNIT)
    if not unit or end:
        raise ValueError(f"{text!r} must end with {_UNIT}, and have it once: what stands before it tells whose it is")
    if not begin:
        raise ValueError(f"write something before {_UNIT}: by that promobot's branches are told from others")
    filled = text.replace(_ENVIRONMENT, _FILLED).replace(_UNIT, _FILLED)
    if not is_branch(filled) or filled.startswith(_REFUSED):
        raise ValueError(f"no branch can be called {text!r}")
    if "+" in text:  # which tells the branches of what a command said goes together
        raise ValueError(f"{text}: no plus can be in it")
    return text


def _check_words(text: str) -> None:
    """Raises ValueError for a placeholder that there isn't, and for half of one."""
    known = (_ENVIRONMENT, _UNIT)
    for one in _PLACEHOLDER.findall(text):
        if one not in known:
            raise ValueError(
                f"unknown placeholder {one}" + (did_you_mean(one, known) or f"; there are {', '.join(known)}")
            )
    if set("{}") & set(_PLACEHOLDER.sub("", text)):
        raise ValueError("a brace without its partner")


def beginning(template: str, environment: str) -> str:
    """What the names of all branches of an environment begin with; what follows is the service or group."""
    return template.removesuffix(_UNIT).replace(_ENVIRONMENT, environment)


_SCHEMA = {"type": "string", "pattern": r"^([^{}+]|\{environment\})+\{unit\}$"}
BranchTemplate = Annotated[str, AfterValidator(_is_template), WithJsonSchema(_SCHEMA)]
