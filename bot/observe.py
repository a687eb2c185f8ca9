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
    Changed,
    ClosedRequests,
    Commits,
    Files,
    Found,
    History,
    Holds,
    Landed,
    MergedBy,
    OpenRequests,
    Question,
    TagDigest,
    Tags,
    Unknown,
)
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
    merged: dict[Repository, list[MergedBy]] = {}
    for question in questions:
        if isinstance(question, BranchHead):
            heads.setdefault(question.repository, []).append(question)
        elif isinstance(question, MergedBy):
            merged.setdefault(question.repository, []).append(question)
        else:
            yield partial(_single, world, question)
    yield from (partial(_branch_heads, world, repository, wanted) for repository, wanted in heads.items())
    yield from (partial(_merged_by, world, repository, wanted) for repository, wanted in merged.items())


def _branch_heads(world: World, repository: Repository, questions: list[BranchHead]) -> Answers:
    """One look at the repository for all of its branches that were asked about."""
    try:
        heads = world.clone(repository).heads([question.branch for question in questions])
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(heads[q.branch]) if q.branch in heads else Absent() for q in questions}


def _merged_by(world: World, repository: Repository, questions: list[MergedBy]) -> Answers:
    """One look at the forge for all commits of a repository that were asked about."""
    try:
        merged = world.forge(repository.forge).merged(repository.project, {question.commit for question in questions})
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(merged[q.commit]) if q.commit in merged else Absent() for q in questions}


def _single(world: World, question: Question[Any]) -> Answers:
    try:
        return {question: _answer(world, question)}
    except BotError as error:
        return {question: Unknown(error)}


def _answer(world: World, question: Question[Any]) -> Answer[Any]:
    match question:
        case Files() | Commits() | History() | Landed():
            return Found(_of_commit(world, question))
        case Changed(repository, branch, since, paths):
            changed = world.clone(repository).changed(branch, since, paths)
            return Found(changed) if changed is not None else Absent()
        case TagDigest() | Tags() | Holds():
            found = _of_registry(world, question)
            return Found(found) if found is not None else Absent()
        case OpenRequests(repository):
            return Found(world.forge(repository.forge).open_requests(repository.project))
        case ClosedRequests(repository, source_branch):
            return Found(world.forge(repository.forge).closed_requests(repository.project, source_branch))
        case _:
            raise TypeError(f"nobody answers {type(question).__name__}")


def _of_registry(world: World, question: TagDigest | Tags | Holds) -> object | None:
    match question:
        case TagDigest(location, tag):
            return world.registry(location.registry).digest(location.repository, tag)
        case Holds(location, digest):
            return world.registry(location.registry).digest(location.repository, digest.text)
        case Tags(location):
            return world.registry(location.registry).tags(location.repository)


def _of_commit(world: World, question: Files | Commits | History | Landed) -> object:
    match question:
        case Files(rev, patterns):
            return world.clone(rev.repository).files(rev.commit, patterns)
        case Commits(repository, base, head):
            return world.clone(repository).commits(base, head)
        case History(rev, path, limit):
            return world.clone(rev.repository).history(rev.commit, path, limit)
        case Landed(rev, path, limit):
            return world.clone(rev.repository).landed(rev.commit, path, limit)
