"""The language of templates: Jinja without anything that could run away, reach out, or print what isn't escaped.

What is left is text, `{{ }}`, `if`, `for` and `set`, without calls. That makes it easy to say what a template can do at
most: it loops a limited number of times over what it was given, and each text it makes has a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import StrictUndefined, Template
from jinja2.exceptions import TemplateError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.decide.text.filters import FILTERS, IN_WORDS, LIMITS, ROUNDS, Rounds, finalized, unknown
from bot.decide.text.grammar import Bounded, find_problem
from bot.errors import ConfigError

LONGEST_SOURCE = 100_000
_LONGEST_OUTPUT = 1_000_000
_HINT = "see docs/templates.md"

# A missing name, `length` of a number, `<` between a text and a number.
_FAULTS = (TemplateError, TypeError, ValueError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Program:
    """A template that is known to be fine as far as that can be seen without rendering it; `place` is its file."""

    place: str
    template: Template = field(repr=False)

    def render(self, context: Mapping[str, object], *, in_words: bool) -> str:
        """What it makes of a context, values still carried unless `in_words`. Raises ConfigError, `file:line: what`."""
        given = {**context, ROUNDS: Rounds(), IN_WORDS: in_words}
        pieces: list[str] = []
        length = 0
        try:
            for piece in self.template.generate(given):
                pieces.append(piece)
                length += len(piece)
                if length > _LONGEST_OUTPUT:
                    raise TemplateRuntimeError(f"makes more than {_LONGEST_OUTPUT:,} characters")
        except _FAULTS as error:
            raise ConfigError(f"{self.place}:{self._line(error)}: {_said(error)}", hint=_HINT) from None
        return "".join(pieces)

    def _line(self, error: BaseException) -> int:
        """The template's line that was at work; Jinja puts it into the traceback."""
        line, trace = 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.place:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return str(error.message if isinstance(error, TemplateError) and error.message else error)


@lru_cache(maxsize=64)
def compiled(place: str, source: str, names: frozenset[str]) -> Program:
    """Read a template that may use `names`. Raises ConfigError, `file:line: what`."""
    if len(source) > LONGEST_SOURCE:
        raise ConfigError(f"{place}:1: is longer than {LONGEST_SOURCE:,} characters", hint=_HINT)
    try:
        tree = _ENVIRONMENT.parse(source, filename=place)
        problem = find_problem(tree, sorted(names))
        if problem:
            raise TemplateSyntaxError(problem[1], problem[0])
        tree = Bounded().visit(tree)
        tree.set_environment(_ENVIRONMENT)
        code = _ENVIRONMENT.compile(tree, filename=place)
    except TemplateSyntaxError as error:
        raise ConfigError(f"{place}:{error.lineno}: {error.message}", hint=_HINT) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):  # Python's own limits, of what it is made into
        raise ConfigError(f"{place}:1: is nested too deeply, or holds too long a number", hint=_HINT) from None
    return Program(place, Template.from_code(_ENVIRONMENT, code, {}))


class _Missing(StrictUndefined):
    """A name that isn't there, and those that are."""

    @property
    def _undefined_message(self) -> str:
        name, around = str(self._undefined_name), self._undefined_obj
        if isinstance(around, Mapping):
            return unknown("name", name, list(around))
        return f"there is no {name} here"


def _environment() -> ImmutableSandboxedEnvironment:
    # Autoescape is for HTML; here it is `finalize` that escapes.
    environment = ImmutableSandboxedEnvironment(
        undefined=_Missing, trim_blocks=True, lstrip_blocks=True, finalize=finalized, autoescape=False
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update({**FILTERS, **LIMITS})
    return environment


_ENVIRONMENT = _environment()
