"""Answers questions through the adapters: batched for each repository, concurrently across hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

from bot.errors import BotError
from bot.parallel import in_parallel
from bot.questions import (
    Absent,
    Answer,
    BranchHead,
    ClosedRequests,
    Commits,
    Files,
    Found,
    History,
    OpenRequests,
    Paths,
    Question,
    TagDigest,
    Unknown,
)
from bot.repositories import Repository
from bot.world import World

Answers: TypeAlias = dict[Question[Any], Answer[Any]]

# Enough to hide the latency of registries; each adapter keeps its own host within its limits.
_WORKERS = 16


def observe(world: World, questions: Iterable[Question[Any]]) -> Answers:
    """Answer every question. What can't be found out is Unknown, with the error; nothing is raised for it."""
    asked = tuple(questions)
    world.lookout.tell(asked=len(asked))
    answers: Answers = {}
    for answered in in_parallel(partial(_told, world), _batches(world, asked), workers=_WORKERS):
        answers.update(answered)
    return answers


def _told(world: World, batch: Callable[[], Answers]) -> Answers:
    answered = batch()
    world.lookout.tell(answered=len(answered))
    return answered


def _batches(world: World, questions: Iterable[Question[Any]]) -> Iterator[Callable[[], Answers]]:
    heads: dict[Repository, list[BranchHead]] = {}
    for question in questions:
        if isinstance(question, BranchHead):
            heads.setdefault(question.repository, []).append(question)
        else:
            yield partial(_single, world, question)
    for repository, wanted in heads.items():
        yield partial(_branch_heads, world, repository, wanted)


def _branch_heads(world: World, repository: Repository, questions: list[BranchHead]) -> Answers:
    """One look at the repository for all of its branches that were asked about."""
    try:
        heads = world.clone(repository).heads([question.branch for question in questions])
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(heads[q.branch]) if q.branch in heads else Absent() for q in questions}


def _single(world: World, question: Question[Any]) -> Answers:
    try:
        return {question: _answer(world, question)}
    except BotError as error:
        return {question: Unknown(error)}


def _answer(world: World, question: Question[Any]) -> Answer[Any]:
    match question:
        case Files() | Paths() | Commits() | History():
            return Found(_in_git(world, question))
        case TagDigest():
            found = world.registry(question.location.registry).digest(question.location.repository, question.tag)
            return Found(found) if found is not None else Absent()
        case OpenRequests(repository):
            return Found(world.forge(repository.forge).open_requests(repository.project))
        case ClosedRequests(repository, source_branch):
            return Found(world.forge(repository.forge).closed_requests(repository.project, source_branch))
        case _:
            raise TypeError(f"nobody answers {type(question).__name__}")


def _in_git(world: World, question: Files | Paths | Commits | History) -> object:
    match question:
        case Files(rev, patterns):
            return world.clone(rev.repository).files(rev.commit, patterns)
        case Paths(rev):
            return world.clone(rev.repository).paths(rev.commit)
        case Commits(repository, base, head):
            return world.clone(repository).commits(base, head)
        case History(rev, path, limit):
            return world.clone(rev.repository).history(rev.commit, path, limit)
