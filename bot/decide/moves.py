"""Which images move, under which proven digest, to which tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.decide.arrivals import landed
from bot.decide.cautions import allow_by_name, refuse_policy
from bot.decide.facts import Ask, Refusal, for_each
from bot.decide.given import given_pairs, prove_given
from bot.decide.pairing import Hop, Pair, paired
from bot.decide.proving import destination_of, last_change, prove
from bot.decide.trailers import Record, records
from bot.images import Digest, ImageRef
from bot.promotion import FromEnvironment, Move, Origin, Proof
from bot.questions import History, Location, Question, TagDigest
from bot.repositories import Commit


def find_moves(ask: Ask, hop: Hop, claim: tuple[Commit, ...]) -> tuple[Move, ...]:
    """Every image of the service that moves. `claim` holds our commits on the promotion's branch, newest first.

    Raises Refusal where one of them can't move; a service's images move together or not at all. Where somebody gave an
    image, it alone moves.
    """
    claimed = records(claim)
    moves = for_each(_pairs(ask, hop), lambda pair: _move(ask, hop, pair, claimed))
    _refuse_two_for_one_tag(hop, moves)
    return allow_by_name(ask, hop, moves, claim)


def hop_questions(ask: Ask, hop: Hop) -> Iterator[Question[Any]]:
    """What `find_moves` will ask, so that it can be answered in one round. Raises Refusal as `find_moves` does."""
    for pair in _pairs(ask, hop):
        manifest, _, image = pair.source
        yield History(hop.source.rev, manifest.file.path)
        if image.tag is not None:
            destination = destination_of(hop, pair)
            yield TagDigest(Location(hop.source.environment.registry, image.repository), image.tag)
            yield TagDigest(Location(hop.target.environment.registry, destination.repository), destination.tag or "")


def questions_ahead(ask: Ask, hops: Iterable[Hop]) -> Iterator[Question[Any]]:
    """What is asked about a unit's way to what it takes the place of, if it isn't refused: where versions say so.

    Of what has to soak first, that is too early to ask.
    """
    ways = [(hop, pair) for hop in hops if hop.settings.gates.soak is None for pair in _pairs(ask, hop)]
    if another := [(hop, pair) for hop, pair in ways if _is_another_version(hop, pair)]:
        yield from (landed(hop.target, pair.target[0].file.path) for hop, pair in another)
        yield from (History(hop.target.rev, pair.target[0].file.path) for hop, pair in ways)


def _is_another_version(hop: Hop, pair: Pair) -> bool:
    return pair.source[2].tag is not None and pair.target[2].tag not in {None, destination_of(hop, pair).tag}


def _pairs(ask: Ask, hop: Hop) -> tuple[Pair, ...]:
    pairs = paired(ask, hop)
    return given_pairs(hop, pairs, hop.orders.image) if hop.orders.image else pairs


def _move(ask: Ask, hop: Hop, pair: Pair, claimed: Mapping[ImageRef, Record]) -> Move:
    if hop.orders.image:
        origin: Origin
        pair, digest, proof, origin = prove_given(ask, hop, pair, claimed)
        destination = destination_of(hop, pair)
    else:
        destination = destination_of(hop, pair)
        digest, proof, origin = _from_environment(ask, hop, pair, claimed.get(destination))
    manifest, field, before = pair.target
    after = _written(hop, before, destination, digest)
    refuse_policy(hop, pair, after)
    return Move(
        service=hop.service,
        path=manifest.file.path,
        pointer=f"{field.document}:{field.pointer}",
        line=field.line,
        origin=origin,
        source=Location(hop.source.environment.registry, pair.source[2].repository),
        digest=digest,
        proof=proof,
        destination=Location(hop.target.environment.registry, destination.repository),
        tag=destination.tag or "",
        before=before,
        after=after,
        refusal=field.refusal,
    )


def _from_environment(ask: Ask, hop: Hop, pair: Pair, claim: Record | None) -> tuple[Digest, Proof, FromEnvironment]:
    """What the source runs."""
    manifest, _, image = pair.source
    if claim is not None and claim.source != image.at(image.tag, None):
        claim = None
    digest, proof = prove(ask, hop, pair, claim)
    claimed = claim.commit if claim is not None and claim.digest == digest else ""
    commit = claimed or last_change(ask, hop, pair)
    return digest, proof, FromEnvironment(hop.source.environment.name, commit, image, manifest.file.path)


def _written(hop: Hop, before: ImageRef, destination: ImageRef, digest: Digest) -> ImageRef:
    """What the target's manifest shall say of the image: its tag, its digest, or both."""
    match hop.settings.write:
        case "as-found" if before.digest:
            return destination.at(destination.tag if before.tag else None, digest)
        case "tag+digest":
            return destination.at(destination.tag, digest)
        case "digest":
            return destination.at(None, digest)
        case _:
            return destination


def _refuse_two_for_one_tag(hop: Hop, moves: Iterable[Move]) -> None:
    first: dict[tuple[Location, str], Move] = {}
    for move in moves:
        other = first.setdefault((move.destination, move.tag), move)
        if other.digest != move.digest:
            raise Refusal(
                f"{other.origin.image} ({other.digest.short}) and {move.origin.image} ({move.digest.short}) "
                f"would both become {move.after.at(move.tag, None)}",
                f"run one of them in all places of {move.origin.environment}, or change `tag` of environment "
                f"{hop.target.environment.name} so that their tags differ",
            )
