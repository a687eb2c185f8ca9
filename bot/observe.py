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
    together: dict[tuple[Any, ...], list[Question[Any]]] = {}
    for question in questions:
        if shared := _shared(question):
            together.setdefault(shared, []).append(question)
        else:
            yield partial(_single, world, question)
    for (kind, *_), asked in together.items():
        yield partial(_TOGETHER[kind], world, asked)


def _shared(question: Question[Any]) -> tuple[Any, ...]:
    """The kind and what else is equal in all questions that one look answers; nothing where each needs its own."""
    match question:
        case BranchHead(repository) | Branches(repository):
            return BranchHead, repository
        case MergedBy(repository) | Status(repository) | ClosedRequests(repository):
            return type(question), repository
        case History(rev, _, limit) | Landed(rev, _, limit):
            return type(question), rev, limit
        case Commits(repository, base, _, paths):
            return Commits, repository, base, paths
        case _:
            return ()


def _branch_heads(world: World, questions: list[BranchHead | Branches]) -> Answers:
    """One look at the repository for all of its branches that were asked about."""
    repository = questions[0].repository
    named = {question.branch: question for question in questions if isinstance(question, BranchHead)}
    bad: Answers = {named[name]: Unknown(error) for name in named if (error := not_a_branch(name))}
    good = [question for question in questions if question not in bad]
    begin = [question for question in good if isinstance(question, Branches)]
    prefixes, passing = ([one.prefix for one in begin if one.passing is each] for each in (False, True))
    try:
        heads = world.clone(repository).heads([name for name in named if named[name] not in bad], prefixes, passing)
    except BotError as error:
        return bad | dict.fromkeys(good, Unknown(error))
    return bad | {question: _seen(question, heads) for question in good}


def _seen(question: BranchHead | Branches, heads: Mapping[str, str]) -> Answer[Any]:
    match question:
        case BranchHead(_, name):
            return Found(heads[name]) if name in heads else Absent()
        case Branches(_, prefix):
            return Found({name: head for name, head in heads.items() if name.startswith(prefix)})


def _walked(world: World, questions: list[History] | list[Landed]) -> Answers:
    """One walk from the commit for all of its files that were asked about."""
    found: Mapping[str, object]
    rev, limit = questions[0].rev, questions[0].limit
    try:
        clone, paths = world.clone(rev.repository), [question.path for question in questions]
        landed = isinstance(questions[0], Landed)
        found = clone.landed(rev.commit, paths, limit) if landed else clone.histories(rev.commit, paths, limit)
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {question: Found(found[question.path]) for question in questions}


def _commits(world: World, questions: list[Commits]) -> Answers:
    """One walk for all heads that were asked about; one for each where one is gone, which spoils no other's."""
    repository, base, paths = questions[0].repository, questions[0].base, questions[0].paths
    try:
        found = world.clone(repository).commits(base, [question.head for question in questions], paths=paths)
        forge, email = world.committing(repository), world.config.author.email
        told = {head: forge.told(commits, email) for head, commits in found.items()} if forge else found
    except BotError as error:
        if len(questions) == 1:
            return {questions[0]: Unknown(error)}
        return {question: answer for each in questions for question, answer in _commits(world, [each]).items()}
    return {question: Found(told[question.head]) for question in questions}


def _merged_by(world: World, questions: list[MergedBy]) -> Answers:
    """One look at the forge for all commits of a repository that were asked about."""
    repository = questions[0].repository
    try:
        merged = world.forge(repository.forge).merged(repository.project, {question.commit for question in questions})
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {q: Found(merged[q.commit]) if q.commit in merged else Absent() for q in questions}


def _statuses(world: World, questions: list[Status]) -> Answers:
    """One look at the forge for all commits of a repository that were asked about; one more for other branches."""
    repository, answers = questions[0].repository, Answers()
    while left := [question for question in questions if question not in answers]:
        branches = {question.commit: question.branch for question in left}
        asked = [question for question in left if branches[question.commit] == question.branch]
        try:
            found = world.forge(repository.forge).statuses(repository.project, branches, branches=branches)
        except BotError as error:
            return answers | dict.fromkeys(left, Unknown(error))
        answers |= {q: Found(found[q.commit]) if q.commit in found else Absent() for q in asked}
    return answers


def _closed_requests(world: World, questions: list[ClosedRequests]) -> Answers:
    """One look at the forge for all branches of a repository that were asked about."""
    repository = questions[0].repository
    branches = {question.source_branch for question in questions}
    try:
        found = world.forge(repository.forge).closed_requests(repository.project, branches)
    except BotError as error:
        return dict.fromkeys(questions, Unknown(error))
    return {question: Found(found[question.source_branch]) for question in questions}


# Who answers all that share one look.
_TOGETHER: Mapping[type[Question[Any]], Callable[..., Answers]] = MappingProxyType(
    {
        BranchHead: _branch_heads,
        ClosedRequests: _closed_requests,
        Commits: _commits,
        History: _walked,
        Landed: _walked,
        MergedBy: _merged_by,
        Status: _statuses,
    }
)


def _single(world: World, question: Question[Any]) -> Answers:
    try:
        return {question: _answer(world, question)}
    except BotError as error:
        return {question: Unknown(error)}


def _answer(world: World, question: Question[Any]) -> Answer[Any]:
    match question:
        case Files() | Paths() | Summaries():
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


def _in_git(world: World, question: Files | Paths | Summaries) -> object:
    match question:
        case Files(rev, patterns):
            return world.clone(rev.repository).files(rev.commit, patterns)
        case Paths(rev):
            return world.clone(rev.repository).paths(rev.commit)
        case Summaries(repository, base, head, limit):
            return world.clone(repository).summaries(base, head, limit)
