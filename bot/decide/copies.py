"""The images that a promotion names and its destination lacks."""

from __future__ import annotations

from collections.abc import Iterator

from bot.decide.facts import Ask, for_each
from bot.decide.proposed import Proposal
from bot.decide.released import must_be_replaceable
from bot.plan import CopyImage, MoveTag
from bot.promotion import Given, Move
from bot.questions import Absent, Holds, TagDigest


def find_copies(ask: Ask, proposal: Proposal) -> Iterator[CopyImage | MoveTag]:
    """A copy for each image that the destination lacks, once however many places name it.

    Where a version is made anew, its image is there before its tag moves.
    """
    moves = {(move.destination, move.tag, move.digest): move for move in proposal.promotion.moves}
    for actions in for_each(moves.values(), lambda move: tuple(_copy(ask, proposal, move))):
        yield from actions


def _copy(ask: Ask, proposal: Proposal, move: Move) -> Iterator[CopyImage | MoveTag]:
    present = ask.maybe(TagDigest(move.destination, move.tag))
    if present is None:
        yield CopyImage(move.source, move.digest, move.destination, move.tag)
    elif present != move.digest:
        given = isinstance(move.origin, Given)
        taken = (
            f"version taken: tag {move.after.at(move.tag, None)} already points to {present.short}, but "
            f"{'what was given is' if given else f'{move.origin.environment} runs'} {move.digest.short}"
        )
        must_be_replaceable(ask, proposal.config, proposal.target, move, taken)
        if isinstance(ask(Holds(move.destination, move.digest)), Absent):
            yield CopyImage(move.source, move.digest, move.destination, None)
        yield MoveTag(move.destination, move.tag, present, move.digest)
