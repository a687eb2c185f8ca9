"""The one note of ours on a merge request: what its text can't say, and that it is over when it is.

What the note says stands in the body's last line as well, as a digest: so nobody has to read notes to know that nothing
is to be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.decide.branch import Branch
from bot.decide.facts import NotKnown, Refusal
from bot.decide.text import Written, digest_of
from bot.decide.text.escape import code, words
from bot.images import ImageRef
from bot.plan import SetNote, UpdateRequest
from bot.promotion import Promotion
from bot.repositories import MergeRequest, Repository

OVER = "What promobot noted here is over."
# So many images are listed.
_MOST = 20
_MOVED_ON = (
    "What this proposes isn't what would be proposed now, and nothing newer can be proposed yet: `promobot status` "
    "says why.\n\nThis merge request stays as it is until then."
)

_STALE = "What promobot pushed here isn't what would be proposed now: `promobot status` says what is."


class Waits(Refusal):
    """A newer proposal that waits for the open one; `note` says so there."""

    def __init__(self, reason: str, remedy: str, note: str) -> None:
        super().__init__(reason, remedy)
        self.note = note


def supersedes_later(promotion: Promotion, request: MergeRequest) -> Waits:
    """Why the open merge request isn't changed, where the environment says that it isn't."""
    sources = " and ".join(sorted({move.origin.environment for move in promotion.moves}))
    moving = [move for move in promotion.moves if move.before != move.after] or promotion.moves
    images = list(dict.fromkeys(f"{move.service} {move.tag}" for move in moving))
    more = f" and {len(images) - 1} more" if len(images) > 1 else ""
    return Waits(
        f"{images[0]}{more} waits for !{request.number}, which is open: {promotion.target} says `supersede: wait`",
        f"merge or close !{request.number}: the next pass proposes what is newer",
        f"{words(sources)} runs {words(images[0])}{more} now. This merge request stays as it is meanwhile: "
        f"{words(promotion.target)} says `supersede: wait`.\n\nMerge or close it, and promobot proposes what is newer.",
    )


def about_open(branch: Branch, promotion: Promotion, written: Written) -> str:
    """What is to be said of a merge request that proposes what is due; empty for nothing."""
    if branch.foreign and not promotion.created:
        return _about_foreign(branch)
    return "" if written.is_ours else _about_text(promotion)


def _about_foreign(branch: Branch) -> str:
    if branch.beyond:
        return ""  # another configuration's, which has a note of its own
    return (
        f"Commit {branch.foreign[0].sha} on this branch isn't promobot's. promobot leaves the branch alone: it neither "
        "rewrites nor deletes it, and brings no newer image to it.\n\n"
        "Merge this when it is as it should be. To let promobot propose again, close it and delete the branch."
    )


def _about_text(promotion: Promotion) -> str:
    moving = [move for move in promotion.moves if move.before != move.after]
    lines = [f"- {code(str(move.after.at(move.tag, None)))}, {code(str(move.digest))}" for move in moving[:_MOST]]
    more = [f"- and {len(moving) - _MOST} more"] if len(moving) > _MOST else []
    images = "\n".join([*lines, *more])
    return f"Somebody changed the text above, so promobot doesn't update it any more. This proposes now:\n\n{images}"


def saying(
    repository: Repository, request: MergeRequest, written: Written, note: str
) -> Iterator[SetNote | UpdateRequest]:
    """What lets a merge request say this: the note first, since the body tells that it is said."""
    text = note or (OVER if written.note else "")
    if text and written.note != digest_of(text):
        yield SetNote(repository, request.number, text)
        written = written.noting(text)
    if (written.title, written.body) != (request.title, request.body.replace("\r\n", "\n")):
        yield UpdateRequest(repository, request.number, written.title, written.body, seen=(request.title, request.body))


def about_blocked(branch: Branch, refusal: Refusal, outdated: str, named: Sequence[ImageRef]) -> str | None:
    """What is to be said of the open merge request of what is blocked; None where that may be known in a while.

    `named` are the images that a person's commit put in place of ours, by the name and tag that the branch has now.
    """
    if isinstance(refusal, NotKnown):
        return None
    if isinstance(refusal, Waits):
        return refusal.note
    foreign = _about_foreign(branch) if branch.foreign else ""
    stale = _MOVED_ON if outdated and not foreign else _STALE if outdated else ""
    return "\n\n".join(filter(None, (foreign, _about_named(named) if foreign else "", stale)))


def _about_named(named: Sequence[ImageRef]) -> str:
    if not named:
        return ""
    images = "\n".join(f"- {code(str(image))}" for image in named[:_MOST])
    return (
        "**Title and text above are about what promobot pushed.** The branch names something else now, which promobot "
        f"has neither proven nor copied:\n\n{images}"
    )
