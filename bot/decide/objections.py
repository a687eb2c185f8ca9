"""What people said against a proposal: a merge request that they closed or sent elsewhere, commits of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from bot.decide.branch import Branch, requests_from
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, Refusal
from bot.decide.text import fingerprints_in
from bot.decide.together import by_name
from bot.decide.trailers import PROMOTED_IMAGE, recorded
from bot.errors import ExitCode
from bot.promotion import Companion, Given, Move, Promotion
from bot.questions import ClosedRequests, Commits
from bot.repositories import MergeRequest

# A merge request has room for so many fingerprints beside what people read.
_MOST = 500


def fingerprints(
    target: str, moves: Iterable[Move], companions: Iterable[Companion] = (), created: Collection[str] = ()
) -> tuple[str, ...]:
    """16 hexadecimal digits over each of the edits that a person says no to by closing a merge request.

    The same image stays the same whatever `write` makes of it and whatever else a copied manifest says. But to make a
    manifest is something else than to edit it, and so is to write the image that is there in another way. So many
    edits that nobody looks at each of them are one.
    """
    lines = [_edit(m, made=m.path in created) for m in moves if m.before != m.after or m.path in created]
    lines += [f"{c.path} {c.pointer} = {c.after!r}" for c in companions if c.before != c.after]
    lines += [f"{path} is made" for path in created]
    lines = lines if len(lines) <= _MOST else ["\n".join(sorted(lines))]
    texts = {f"{target}\n{line}".encode("utf-8", "surrogateescape") for line in lines}  # paths are any bytes
    return tuple(sorted({hashlib.sha256(text).hexdigest()[:16] for text in texts}))


def _edit(move: Move, *, made: bool) -> str:
    before, after = move.before, move.after
    same_image = before.at(before.tag, None) == after.at(after.tag, None) and None in {before.digest, after.digest}
    rewriting = f" as {after}" if same_image and before != after else ""
    new = " in a new file" if made else ""
    return f"{move.path} {move.pointer} {after.name}:{move.tag}@{move.digest}{rewriting}{new}"


def respect_retargeted(ask: Ask, target: Snapshot, branch: Branch, again: str) -> None:
    """Refuse to open a second merge request from a branch whose first a person sent elsewhere; `again` asks for it."""
    base = target.environment.repository.branch
    for other in requests_from(ask, target, branch.name):
        if other.target_branch != base:
            raise Refusal(
                f"the target branch of !{other.number}, from {other.source_branch}, was changed from {base} to "
                f"{other.target_branch}",
                f"change it back to {base}; or close !{other.number}, then {again} proposes again",
                ExitCode.CONFLICT,
            )


def closed_requests(target: Snapshot, branch: Branch) -> ClosedRequests:
    """What `respect_closed` asks."""
    return ClosedRequests(target.rev.repository, branch.name)


def respect_closed(ask: Ask, target: Snapshot, branch: Branch, promotion: Promotion) -> None:
    """Refuse what a person said no to: to these edits, or to these among others."""
    now = set(promotion.fingerprints)
    for closed in ask.maybe(closed_requests(target, branch)) or ():
        said_no = fingerprints_in(closed.body) or _proposed(ask, target, closed, promotion)
        if not closed.ended_by_us and now and now <= said_no:
            what = "the same change" if now == said_no else "the same change among others"
            reason = f" ({closed.reason})" if closed.reason else ""
            raise Refusal(
                f"{closed.ender} closed !{closed.number}{reason}, which proposed {what}",
                f"a newer image will be proposed; {reopening(promotion)} proposes this one again",
            )


def _proposed(ask: Ask, target: Snapshot, closed: MergeRequest, promotion: Promotion) -> frozenset[str]:
    """What one proposed whose body no longer says it: by its commit, as far as that is what is proposed now."""
    if closed.ended_by_us or not closed.ours or not closed.head:
        return frozenset()
    commits = ask.perhaps(Commits(target.rev.repository, target.rev.commit, closed.head, paths=True)) or ()
    said = {text for commit in commits for text in commit.trailer(PROMOTED_IMAGE)}
    wanted = {recorded(move) for move in promotion.moves if move.before != move.after}
    return frozenset(promotion.fingerprints) if wanted and wanted <= said else frozenset()


def reopening(promotion: Promotion) -> str:
    """How to overrule a person's no."""
    if any(isinstance(move.origin, Given) for move in promotion.moves):
        return "the same command with `--reopen`"
    return f"`{by_name(promotion.unit, promotion.target)} --reopen`"


def leave_foreign_alone(branch: Branch, request: MergeRequest | None, *, reopen: bool = False) -> None:
    """Refuse to write over the commit of a person, or of another configuration; its merge request may be open."""
    if branch.beyond:
        raise Refusal(
            f"branch {branch.name} changes {branch.beyond}, which isn't in this environment's `paths`: it seems to be "
            "the branch of another promobot.yaml, so it isn't overwritten",
            "rename the environment in one of the two files; or, if nobody needs the branch, delete it: then promobot "
            "proposes again",
            ExitCode.CONFLICT,
        )
    if branch.foreign:
        commit = branch.foreign[0]
        raise Refusal(
            f"branch {branch.name} has commit {commit.sha[:12]} by {commit.committer_email}, which isn't overwritten",
            (f"merge !{request.number} if it is as it should be; or " if request else "")
            + "delete the branch, if nobody needs that commit: then promobot proposes again"
            + ("; `--reopen` is for what was closed or taken back, and overwrites nothing" if reopen else ""),
            ExitCode.CONFLICT,
        )
