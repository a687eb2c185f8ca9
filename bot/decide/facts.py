"""What is known so far, and the way for pure code to ask for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from bot.errors import ExitCode
from bot.plan import Blocked
from bot.questions import Absent, Answer, Found, Question, Unknown

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Facts:
    """Answers by question. A value: learning more makes new Facts."""

    answers: Mapping[Question[Any], Answer[Any]] = field(default_factory=dict)

    def learn(self, answers: Mapping[Question[Any], Answer[Any]]) -> Facts:
        """These facts and the new answers."""
        return Facts({**self.answers, **answers})

    def lasting(self) -> Facts:
        """Only what can't have changed meanwhile: answers about commits."""
        return Facts({q: a for q, a in self.answers.items() if q.lasting and not isinstance(a, Unknown)})


class Unanswered(Exception):  # noqa: N818  not an error: it ends a turn until the questions are answered
    """The decision can't go on before these questions are answered."""

    def __init__(self, questions: Sequence[Question[Any]]) -> None:
        super().__init__(questions)
        self.questions = questions


class Refusal(Exception):  # noqa: N818  not an error: an answer on its way to the verdict
    """The promotion can't be proposed, and why."""

    def __init__(self, reason: str, remedy: str, code: ExitCode = ExitCode.BLOCKED) -> None:
        super().__init__(reason)
        self.blocked = Blocked(reason, remedy, code)


class Outside(Refusal):
    """Nothing of this service is promoted to that environment; a refusal only to who names it."""


class Forbidden(Refusal):
    """What would be proposed isn't to come there by the configuration's rules, nor is what is open of just that."""


class NotKnown(Refusal):
    """What decides it could not be found out."""


@dataclass(frozen=True)
class Ask:
    """Looks answers up in the facts.

    `ask(question)` returns Found or Absent. It never returns Unknown: what could not be found out ends the
    decision as a Refusal, so that no caller can take "don't know" for "no". Raises Unanswered and Refusal.
    """

    facts: Facts

    def __call__(self, question: Question[T]) -> Found[T] | Absent:
        """The answer to one question."""
        self.together(question)
        answer = cast("Answer[T]", self.facts.answers[question])
        if isinstance(answer, Unknown):
            raise NotKnown(answer.error.message, answer.error.hint, answer.error.exit_code)
        return answer

    def maybe(self, question: Question[T]) -> T | None:
        """The answer, None where nothing is there."""
        answer = self(question)
        return None if isinstance(answer, Absent) else answer.value

    def perhaps(self, question: Question[T]) -> T | None:
        """The answer to what only informs: None where nothing is there, or where it could not be found out."""
        self.together(question)
        answer = cast("Answer[T]", self.facts.answers[question])
        return answer.value if isinstance(answer, Found) else None

    def why_unknown(self, question: Question[Any]) -> str:
        """Why the answer to what only informs could not be found out; empty where it could."""
        self.together(question)
        answer = self.facts.answers[question]
        return answer.error.message if isinstance(answer, Unknown) else ""

    def known(self, question: Question[T]) -> T | None:
        """What is known by now, of what only helps to ask sooner; nothing is asked for it."""
        answer = cast("Answer[T] | None", self.facts.answers.get(question))
        return answer.value if isinstance(answer, Found) else None

    def knows(self, *questions: Question[Any]) -> bool:
        """Whether none of these, as far as they were asked, could not be found out."""
        return not any(isinstance(self.facts.answers.get(question), Unknown) for question in questions)

    def together(self, *questions: Question[Any]) -> None:
        """Say that all of these will be asked, so that those not known yet are answered in one round."""
        missing = [question for question in questions if question not in self.facts.answers]
        if missing:
            raise Unanswered(missing)


def both(first: Callable[[], T], second: Callable[[], U]) -> tuple[T, U]:
    """What two thoughts come to, where what they ask is answered in one round. Raises as `for_each` does."""
    thoughts: tuple[Callable[[], Any], ...] = (first, second)
    one, other = for_each(thoughts, lambda think: think())
    return one, other


def asked_by(think: Callable[[], object]) -> Sequence[Question[Any]]:
    """What would be asked next, to ask it at once; what is refused asks nothing."""
    try:
        think()
    except Unanswered as need:
        return need.questions
    except Refusal:
        pass
    return ()


def for_each(items: Iterable[T], think: Callable[[T], U]) -> tuple[U, ...]:
    """What is thought of each, where what they ask is answered in one round, however many there are.

    Raises Unanswered and the first Refusal.
    """
    thought: list[U] = []
    questions: list[Question[Any]] = []
    for item in items:
        try:
            thought.append(think(item))
        except Unanswered as need:
            questions += need.questions
    if questions:
        raise Unanswered(questions)
    return tuple(thought)
