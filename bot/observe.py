"""Answers questions through the adapters: batched for each repository, concurrently across hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from bot.errors import BotError
from bot.git import not_a_branch
from bot.parallel import in_parallel
from bot.questions import (
    Absent,
    Answer,
    Approvals,
    Branches,
    BranchHead,
    Changed,
    ClosedRequests,
    Commits,
    Files,
    Found,
    History,
    Holds,
    Labels,
    Landed,
    Members,
    MergeBase,
    Merged,
    MergedBy,
    OpenRequests,
    Paths,
    Protection,
    Question,
    Status,
    Summaries,
    TagDigest,
    Tags,
    Unknown,
)
from bot.registry import ImageRepository, labels
from bot.repositories import Repository, Rev
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
    together: dict[tuple[type[Question[Any]], Repository], list[Question[Any]]] = {}
    walks: dict[tuple[Rev, int], list[History]] = {}
    for question in questions:
        match question:
            case BranchHead(repository) | Branches(repository):
                together.setdefault((BranchHead, repository), []).append(question)
            case MergedBy(repository) | Status(repository) | ClosedRequests(repository):
                together.setdefault((type(question), repository), []).append(question)
            case History(rev, _, limit):
                walks.setdefault((rev, limit), []).append(question)
            case _:
                yield partial(_single, world, question)
    for (kind, repository), asked in together.items():
        yield partial(_OF_REPOSITORY[kind], world, repository, asked)
    for (rev, limit), files in walks.items():
        yield partial(_histories, world, rev, limit, files)


def _branch_heads(world: World, repository: Repository, questions: list[BranchHead | Branches]) -> Answers:
    """One look at the repository for all of its branches that were asked about."""
    named = {question.branch: question for question in questions if isinstance(question, BranchHead)}
    bad: Answers = {named[name]: Unknown(error) for name in named if (error := not_a_branch(name))}
    good = [question for question in questions if question not in bad]
    prefixes = [question.prefix for question in good if isinstance(question, Branches)]
    try:
        heads = world.clone(repository).heads([name for name in named if named[name] not in bad], prefixes)
    except BotError as error:
        return bad | dict.fromkeys(good, Unknown(error))
    return bad | {question: _seen(question, heads) for question in good}


def _seen(question: BranchHead | Branches, heads: Mapping[str, str]) -> Answer[Any]:
    match question:
        case BranchHead(_, name):
            return Found(heads[name]) if name in heads else Absent()
        case Branches(_, prefix):
            return Found({name: head for name, head in heads.items() if name.startswith(prefix)})


def _histories(world: World, rev: Rev, limit: int, questions: list[History]) -> Answers:
    """One walk from the commit for all of its files that were asked about."""
    try:
        found = world.clone(rev.repository).histories(rev.commit, [question.path for question in questions], limit)
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {question: Found(found[question.path]) for question in questions}


def _merged_by(world: World, repository: Repository, questions: list[MergedBy]) -> Answers:
    """One look at the forge for all commits of a repository that were asked about."""
    try:
        merged = world.forge(repository.forge).merged(repository.project, {question.commit for question in questions})
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(merged[q.commit]) if q.commit in merged else Absent() for q in questions}


def _statuses(world: World, repository: Repository, questions: list[Status]) -> Answers:
    """One look at the forge for all commits of a repository that were asked about."""
    try:
        found = world.forge(repository.forge).statuses(repository.project, {question.commit for question in questions})
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(found[q.commit]) if q.commit in found else Absent() for q in questions}


def _closed_requests(world: World, repository: Repository, questions: list[ClosedRequests]) -> Answers:
    """One look at the forge for all branches of a repository that were asked about."""
    branches = {question.source_branch for question in questions}
    try:
        found = world.forge(repository.forge).closed_requests(repository.project, branches)
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {question: Found(found[question.source_branch]) for question in questions}


# One look answers all of a kind about one repository.
_OF_REPOSITORY: Mapping[type[Question[Any]], Callable[[World, Repository, list[Any]], Answers]] = MappingProxyType(
    {BranchHead: _branch_heads, ClosedRequests: _closed_requests, MergedBy: _merged_by, Status: _statuses}
)


def _single(world: World, question: Question[Any]) -> Answers:
    try:
        return {question: _answer(world, question)}
    except BotError as error:
        return {question: Unknown(error)}


def _answer(world: World, question: Question[Any]) -> Answer[Any]:
    match question:
        case Files() | Paths() | Commits() | Summaries() | Landed():
            return Found(_in_git(world, question))
        case Changed(repository, branch, since, paths):
            changed = world.clone(repository).changed(branch, since, paths)
            return Found(changed) if changed is not None else Absent()
        case MergeBase() | Merged():
            return _maybe(_of_both(world, question))
        case TagDigest() | Tags() | Holds() | Labels():
            return _maybe(_of_registry(world, question))
        case OpenRequests() | Protection() | Approvals() | Members():
            return Found(_of_forge(world, question))
        case _:
            raise TypeError(f"nobody answers {type(question).__name__}")


def _maybe(found: object | None) -> Answer[Any]:
    return Found(found) if found is not None else Absent()


def _of_both(world: World, question: MergeBase | Merged) -> object | None:
    """What two commits come to."""
    clone = world.clone(question.repository)
    match question:
        case MergeBase(_, one, other):
            return clone.merge_base(one, other)
        case Merged(_, into, head, paths):
            return clone.merged(into, head, paths)


def _of_forge(world: World, question: OpenRequests | Protection | Approvals | Members) -> object:
    forge, project = world.forge(question.repository.forge), question.repository.project
    match question:
        case OpenRequests():
            return forge.open_requests(project)
        case Protection(_, branch):
            return forge.protection(project, branch)
        case Approvals(_, number):
            return forge.approvals(project, number)
        case Members(_, group):
            return frozenset(forge.members(project, group))


def _of_registry(world: World, question: TagDigest | Tags | Holds | Labels) -> object | None:
    registry, repository = world.registry(question.location.registry), question.location.repository
    match question:
        case TagDigest(_, tag):
            return registry.digest(repository, tag)
        case Holds(_, digest):
            return registry.digest(repository, digest.text)
        case Tags():
            return registry.tags(repository)
        case Labels(_, digest):
            manifest = registry.manifest(repository, digest.text)
            return labels(ImageRepository(registry, repository), manifest) if manifest else None


def _in_git(world: World, question: Files | Paths | Commits | Summaries | Landed) -> object:
    match question:
        case Files(rev, patterns):
            return world.clone(rev.repository).files(rev.commit, patterns)
        case Paths(rev):
            return world.clone(rev.repository).paths(rev.commit)
        case Commits(repository, base, head, paths):
            commits = world.clone(repository).commits(base, head, paths=paths)
            forge = world.committing(repository)
            return forge.told(commits, world.config.author.email) if forge else commits
        case Summaries(repository, base, head, limit):
            return world.clone(repository).summaries(base, head, limit)
        case Landed(rev, path, limit):
            return world.clone(rev.repository).landed(rev.commit, path, limit)
