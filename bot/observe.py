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
    Labels,
    OpenRequests,
    Question,
    TagDigest,
    Unknown,
)
from bot.registry import ImageRepository, labels
from bot.repositories import Repository
from bot.world import World

Answers: TypeAlias = dict[Question[Any], Answer[Any]]

# Enough to hide the latency of registries; each adapter keeps its own host within its limits.
_WORKERS = 16


def observe(world: World, questions: Iterable[Question[Any]]) -> Answers:
    """Answer every question. What can't be found out is Unknown, with the error; nothing is raised for it."""
    batches = list(_batches(world, questions))
    answers: Answers = {}
    for answered in in_parallel(lambda batch: batch(), batches, workers=_WORKERS):
        answers.update(answered)
    return answers


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
        case Files(rev, patterns):
            return Found(world.clone(rev.repository).files(rev.commit, patterns))
        case Commits(repository, base, head):
            return Found(world.clone(repository).commits(base, head))
        case History(rev, path, limit):
            return Found(world.clone(rev.repository).history(rev.commit, path, limit))
        case TagDigest() | Labels():
            return _of_image(world, question)
        case OpenRequests(repository):
            return Found(world.forge(repository.forge).open_requests(repository.project))
        case ClosedRequests(repository, source_branch):
            return Found(world.forge(repository.forge).closed_requests(repository.project, source_branch))
        case _:
            raise TypeError(f"nobody answers {type(question).__name__}")


def _of_image(world: World, question: TagDigest | Labels) -> Answer[Any]:
    registry, repository = world.registry(question.location.registry), question.location.repository
    match question:
        case TagDigest(_, tag):
            digest = registry.digest(repository, tag)
            return Found(digest) if digest is not None else Absent()
        case Labels(_, digest):
            manifest = registry.manifest(repository, digest.text)
            return Found(labels(ImageRepository(registry, repository), manifest)) if manifest else Absent()
