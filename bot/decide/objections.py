"""What people said against a proposal: a merge request that they closed or sent elsewhere, commits of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bot.decide.branch import Branch, requests_from
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, Refusal
from bot.decide.text import fingerprint_in
from bot.errors import ExitCode
from bot.promotion import Companion, Move, Promotion, Unit
from bot.questions import Absent, ClosedRequests


def fingerprint(
    unit: Unit, target: str, moves: Iterable[Move], companions: Iterable[Companion] = (), created: Iterable[str] = ()
) -> str:
    """16 hexadecimal digits over what a person says no to by closing a merge request.

    The same image stays the same whatever `write` makes of it and whatever else a copied manifest says. But to make a
    manifest is something else than to edit it, and so is to write the image that is there in another way.
    """
    lines = [f"{m.path} {m.pointer} {m.after.name}:{m.tag}@{m.digest}{_rewriting(m)}" for m in moves]
    lines += [f"{c.path} {c.pointer} = {c.after!r}" for c in companions]
    lines += [f"{path} is made" for path in created]
    return hashlib.sha256("\n".join([target, unit.name, *sorted(lines)]).encode()).hexdigest()[:16]


def _rewriting(move: Move) -> str:
    before, after = move.before, move.after
    same_image = before.at(before.tag, None) == after.at(after.tag, None) and None in {before.digest, after.digest}
    return f" as {after}" if same_image and before != after else ""


def respect_retargeted(ask: Ask, target: Snapshot, branch: Branch) -> None:
    """Refuse to open a second merge request from a branch whose first a person sent elsewhere."""
    base = target.environment.repository.branch
    for other in requests_from(ask, target, branch.name):
        if other.target_branch != base:
            raise Refusal(
                f"!{other.number} goes from {other.source_branch} to {other.target_branch}, not to {base}",
                f"send it back to {base}, or close it to let promobot propose again",
                ExitCode.CONFLICT,
            )


def closed_requests(target: Snapshot, branch: Branch) -> ClosedRequests:
    """What `respect_closed` asks."""
    return ClosedRequests(target.rev.repository, branch.name)


def respect_closed(ask: Ask, target: Snapshot, branch: Branch, promotion: Promotion) -> None:
    """Refuse what a person said no to."""
    answer = ask(closed_requests(target, branch))
    for closed in answer.value if not isinstance(answer, Absent) else ():
        if not closed.ended_by_us and fingerprint_in(closed.body) == promotion.fingerprint:
            raise Refusal(
                f"{closed.ended_by or 'somebody'} closed !{closed.number}, which proposed exactly this",
                "a newer image will be proposed again; to propose this one anyway, use promote --reopen",
            )


def leave_foreign_alone(branch: Branch) -> None:
    """Refuse to write over the commit of a person, or of another configuration."""
    if branch.beyond:
        raise Refusal(
            f"branch {branch.name} changes {branch.beyond}, which is no file of this environment by its `paths`: "
            "another configuration's, it seems, and left as it is",
            "call one of the two environments otherwise; or delete the branch if nobody needs it, and promobot "
            "proposes again",
            ExitCode.CONFLICT,
        )
    if branch.foreign:
        commit = branch.foreign[0]
        raise Refusal(
            f"branch {branch.name} holds commit {commit.sha[:12]} by {commit.committer_email}, left as it is",
            "merge or close it by hand, or delete the branch to let promobot propose again",
            ExitCode.CONFLICT,
        )
