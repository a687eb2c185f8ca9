"""What forbids moves that could be made: what would be dropped, half an update, and what Flux would put back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from bot.decide.facts import Ask, NotKnown, Refusal, for_each
from bot.decide.pairing import Hop, Pair
from bot.decide.tags import split_arch
from bot.decide.trailers import ALLOWED, every_record
from bot.images import Digest, ImageRef
from bot.promotion import Given, Move
from bot.questions import Absent, Commits, History, Labels, Location, TagDigest
from bot.repositories import Commit, Repository
from bot.versions import is_older

_REVISION = "org.opencontainers.image.revision"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MIXED = "mixed versions"


def refuse_policy(hop: Hop, pair: Pair, after: ImageRef) -> None:
    """Refuse to change what Flux changes by itself: it would put its own tag back."""
    manifest, field, before = pair.target
    if field.marker and before != after and not hop.settings.allow_image_policy:
        raise Refusal(
            f"{manifest.file.path}:{field.line}: Flux keeps this image by its policy {field.marker}, "
            "and would put its own tag back",
            "take the $imagepolicy comment away, or say `allow_image_policy: true`",
        )


def allow_by_name(ask: Ask, hop: Hop, moves: Sequence[Move], claim: Sequence[Commit]) -> tuple[Move, ...]:
    """The moves, with what somebody let pass by name; raises Refusal for what nobody did.

    Our commits on the promotion's branch say what was let pass when it was proposed.
    """
    said = {text for commit in claim for text in commit.trailer(ALLOWED)}

    def note_drop(move: Move) -> Move:
        what = f"drop {move.before}"
        allowed = hop.orders.drop or what in said
        return replace(move, allowed=(what,)) if _is_refused(lambda: _refuse_drop(ask, hop, move), allowed) else move

    def note_mixed(move: Move) -> Move:
        allowed = hop.orders.mixed or _MIXED in said
        mixed = _is_refused(lambda: _refuse_mixed(ask, hop, moves), allowed)
        return replace(move, allowed=(*move.allowed, _MIXED)) if mixed else move

    if any(manifest.copied for manifest in hop.target.manifests[hop.service]):
        return tuple(moves)  # nothing runs there yet
    noted = for_each(moves, note_drop)
    return (*for_each(noted[:1], note_mixed), *noted[1:])


def warnings(target: str, moves: Iterable[Move]) -> tuple[str, ...]:
    """What an approver has to know about what was let pass."""
    return tuple(dict.fromkeys(text for move in moves for text in _warnings(target, move)))


def _warnings(target: str, move: Move) -> Iterator[str]:
    origin = move.origin
    if isinstance(origin, Given) and origin.unproven:
        yield f"unproven: {origin.environment} never ran {origin.image.tag} ({move.digest.short}); {origin.unproven}"
    for text in move.allowed:
        if text == _MIXED:
            yield f"{origin.environment} runs images of {move.service} in different versions, which was allowed by name"
        else:
            yield f"{target} may lose what {_version(move.before)} has and {move.tag} hasn't, which was allowed by name"


def _is_refused(check: Callable[[], None], allowed: object) -> bool:
    """Whether it would be refused if somebody didn't allow it. Raises Refusal where nobody does."""
    try:
        check()
    except Refusal:
        if not allowed:
            raise
        return True
    return False


# --- half an update -------------------------------------------------------------------------------------


def _refuse_mixed(ask: Ask, hop: Hop, moves: Sequence[Move]) -> None:
    """Images that go by one version wait for each other, where they did so before."""
    now = {move.before.tag for move in moves}
    first = moves[0]
    other = next((move for move in moves if move.origin.image.tag != first.origin.image.tag), None)
    if hop.orders.image or len(now) > 1 or None in now or other is None or not _go_together(ask, hop, moves):
        return
    one, two = (f"{move.origin.image.repository.rpartition('/')[2]} {move.origin.image.tag}" for move in (first, other))
    raise Refusal(
        f"{first.origin.environment} runs {one} and {two}, while {hop.target.environment.name} has all of "
        f"{hop.service} at {first.before.tag}: it seems to be updated by half",
        "it goes on when their tags agree; if they are meant to differ, `promote --allow-mixed` lets them",
    )


def _go_together(ask: Ask, hop: Hop, moves: Sequence[Move]) -> bool:
    """Whether tags that differ at the source mean anything: they don't where the target's would be the same as ever."""
    if len({move.tag for move in moves}) > 1:
        return True
    histories = [History(hop.target.rev, path) for path in dict.fromkeys(move.path for move in moves)]
    ask.together(*histories)
    came_from: dict[ImageRef, str | None] = {}
    for history in histories:
        answer = ask(history)
        for _, image, record in every_record(answer.value if not isinstance(answer, Absent) else ()):
            came_from.setdefault(image, record.source.tag)
    before = [came_from.get(move.before.at(move.before.tag, None)) for move in moves]
    return None not in before and len(set(before)) == 1


# --- what would be dropped ------------------------------------------------------------------------------


def _refuse_drop(ask: Ask, hop: Hop, move: Move) -> None:
    """Refuse to put an older image, or one without a hotfix, in the place of what the target runs."""
    if move.before.tag == move.tag:
        return
    code = hop.config.code(hop.service)
    revisions = _revisions(ask, hop, move) if code else None
    if code and revisions:
        _refuse_lost_commits(ask, hop, move, code, revisions)
    elif move.before.tag and is_older(split_arch(move.tag)[0], split_arch(move.before.tag)[0]):
        raise Refusal(
            f"would drop {move.before.tag} in {hop.target.environment.name}, which is newer than {move.tag}",
            _remedy(hop, f"a version after {move.before.tag}"),
        )


def _refuse_lost_commits(ask: Ask, hop: Hop, move: Move, code: Repository, revisions: tuple[str, str]) -> None:
    now, new = revisions
    if now == new:
        return
    name, target = _version(move.before), hop.target.environment.name
    try:
        answer = ask(Commits(code, new, now))
    except NotKnown as unknown:
        why = unknown.blocked
        raise NotKnown(
            f"whether {move.tag} has all that {name} in {target} has is not known: {why.reason}",
            f"{why.remedy}; `promote --allow-downgrade` doesn't ask" if why.remedy else "see `source` of the service",
            why.code,
        ) from None
    lost = answer.value if not isinstance(answer, Absent) else ()
    if lost:
        count = f"{len(lost)} commits" if len(lost) > 1 else "a commit"
        raise Refusal(
            f"would drop hotfix {name} in {target}: it has {count} of {code.project} that {move.tag} lacks, "
            f"{lost[0].sha[:12]} the newest",
            _remedy(hop, "a version that has them"),
        )


def _remedy(hop: Hop, release: str) -> str:
    source = hop.source.environment.name
    return f"bring {release} to {source}; `promote --allow-downgrade` proposes it all the same"


def _revisions(ask: Ask, hop: Hop, move: Move) -> tuple[str, str] | None:
    """The commits that the target's image and the proposed one were built from; None where one doesn't say."""
    place = _place_of(hop, move.before)
    digest = _digest_of(ask, place, move.before)
    if place is None or digest is None:
        return None
    wanted = Labels(place, digest), Labels(move.source, move.digest)
    ask.together(*wanted)
    now, new = (_revision(ask, question) for question in wanted)
    return (now, new) if now and new else None


def _place_of(hop: Hop, image: ImageRef) -> Location | None:
    """Where the target's image is: in its registry, before a first promotion in the source's."""
    for environment in (hop.target.environment, hop.source.environment):
        if hop.config.path_in(environment.registry, image) is not None:
            return Location(environment.registry, image.repository)
    return None


def _digest_of(ask: Ask, place: Location | None, image: ImageRef) -> Digest | None:
    if image.digest is not None or place is None or image.tag is None:
        return image.digest
    answer = ask(TagDigest(place, image.tag))
    return None if isinstance(answer, Absent) else answer.value


def _revision(ask: Ask, question: Labels) -> str | None:
    answer = ask(question)
    said = answer.value.get(_REVISION, "") if not isinstance(answer, Absent) else ""
    return said if _COMMIT.fullmatch(said) else None


def _version(image: ImageRef) -> str:
    return image.tag or (image.digest.short if image.digest else image.name)
