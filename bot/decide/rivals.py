"""Merge requests that people opened by hand for what a promotion is about: none of ours is opened beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bot.decide.branch import branch_name, is_of_fork
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask, Refusal
from bot.errors import ExitCode
from bot.images import ImageRef
from bot.promotion import Move, Promotion
from bot.questions import Commits, Files, MergeBase, OpenRequests
from bot.repositories import MergeRequest, Rev


@dataclass(frozen=True)
class _Rival:
    """A merge request, and which of a promotion's files its commits touch."""

    request: MergeRequest
    touched: tuple[str, ...]

    def __str__(self) -> str:
        return f"!{self.request.number} by {self.request.author}"


def find_rival(ask: Ask, target: Snapshot, promotion: Promotion, email: str) -> MergeRequest | None:
    """The open one by which a person proposes exactly this; ours, by `email`, counts once a person worked on it.

    Raises Refusal where one proposes something else for any of its images. Who has no right to push to the repository
    holds nothing up, so that what comes from forks doesn't count.
    """
    rivals = tuple(_touching(ask, target, promotion, email))
    ask.together(*(_base(target, rival) for rival in rivals))
    # Where it began: what the target's branch changed since isn't its doing.
    bases = {rival: ask.perhaps(_base(target, rival)) or target.rev.commit for rival in rivals}
    ask.together(*(files for rival in rivals for files in _files(target, rival, bases[rival])))
    same = [rival for rival in rivals if _is_same(ask, target, promotion, rival, bases[rival])]
    return same[0].request if same else None


def _touching(ask: Ask, target: Snapshot, promotion: Promotion, email: str) -> Iterator[_Rival]:
    """Those with commits that change a file of the promotion, lowest number first."""
    requests = tuple(_candidates(ask, target, promotion))
    commits = {one.number: Commits(target.rev.repository, target.rev.commit, one.head, paths=True) for one in requests}
    ask.together(*commits.values())
    paths = {*(move.path for move in promotion.moves), *promotion.created}
    for request in requests:
        # What can't be read, since its branch is gone as a rule, holds nothing up.
        made = ask.perhaps(commits[request.number]) or ()
        if request.ours and all(commit.author_email == commit.committer_email == email for commit in made):
            continue  # it is closed with what it was for
        changed = {path for commit in made for path in commit.paths}
        if touched := tuple(sorted(paths & changed)):
            yield _Rival(request, touched)


def _candidates(ask: Ask, target: Snapshot, promotion: Promotion) -> Iterator[MergeRequest]:
    """All into the target's branch that may be people's, from another branch than the promotion's own."""
    own = branch_name(target.environment, promotion.unit)
    for request in ask.maybe(OpenRequests(target.rev.repository)) or ():
        into = request.target_branch == target.environment.repository.branch
        if into and request.source_branch != own and not is_of_fork(request):
            yield request


def _base(target: Snapshot, rival: _Rival) -> MergeBase:
    return MergeBase(target.rev.repository, target.rev.commit, rival.request.head)


def _files(target: Snapshot, rival: _Rival, base: str) -> tuple[Files, Files]:
    """What it changes, before and after."""
    repository = target.rev.repository
    return Files(Rev(repository, base), rival.touched), Files(Rev(repository, rival.request.head), rival.touched)


def _is_same(ask: Ask, target: Snapshot, promotion: Promotion, rival: _Rival, base: str) -> bool:
    """Whether it makes all of the promotion's changes to images; not if it makes none. Raises Refusal otherwise."""
    for path in rival.touched:
        if path in promotion.created:
            raise _waits(rival, f"adds {path} as well")
    before, after = (_images(ask, target, rival, files) for files in _files(target, rival, base))
    moves = [move for move in promotion.moves if move.before != move.after]
    made = [move for move in moves if before.get(_place(move)) != after.get(_place(move))]
    for move in made:
        found = after.get(_place(move))
        if found is None or not _is_wanted(found, move):
            raise _waits(rival, f"changes {move.before.at(move.before.tag, None)} to {found or 'something else'}")
    if made and len(made) < len(moves):
        left = next(move for move in moves if move not in made)
        raise _waits(
            rival, f"proposes {made[0].after.at(made[0].tag, None)} too, without {left.after.at(left.tag, None)}"
        )
    return bool(made)


def _waits(rival: _Rival, what: str) -> Refusal:
    number = rival.request.number
    return Refusal(
        f"{rival} {what}", f"merge !{number}, or close it to let promobot propose its own", ExitCode.CONFLICT
    )


def _place(move: Move) -> tuple[str, str]:
    return move.path, move.pointer


def _is_wanted(found: ImageRef, move: Move) -> bool:
    """Whether a person wrote what we would: the same tag, and no digest but the same one."""
    same_bits = found.digest == move.digest if found.digest else move.after.digest is None
    return found.name == move.after.name and found.tag == move.after.tag and same_bits


def _images(ask: Ask, target: Snapshot, rival: _Rival, files: Files) -> Mapping[tuple[str, str], ImageRef | None]:
    """What the files name at either end. Raises Refusal where that can't be read."""
    found = {file.path: file for file in ask.maybe(files) or ()}
    images: dict[tuple[str, str], ImageRef | None] = {}
    for manifest in _manifests(target, found.keys()):
        try:
            fields = replace(manifest, file=found[manifest.file.path]).fields
        except Refusal as refusal:
            raise _waits(rival, f"changes what can't be read then: {refusal.blocked.reason}") from None
        images |= {(manifest.file.path, f"{field.document}:{field.pointer}"): field.image for field in fields}
    return images


def _manifests(target: Snapshot, paths: Iterable[str]) -> Iterator[Manifest]:
    wanted = set(paths)
    for manifests in target.manifests.values():
        yield from (manifest for manifest in manifests if manifest.file.path in wanted)
