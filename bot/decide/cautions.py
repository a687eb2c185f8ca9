"""What forbids moves that could be made: what would be dropped, half an update, and what Flux would put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from bot.decide.built import REVISION, is_commit, labels_after, labels_before
from bot.decide.facts import Ask, Forbidden, NotKnown, Refusal, for_each
from bot.decide.pairing import Hop, Pair
from bot.decide.sentences import sentence
from bot.decide.tags import split_arch
from bot.decide.trailers import ALLOWED, DROP, every_record
from bot.images import ImageRef
from bot.promotion import Given, Move
from bot.questions import Commits, History, Labels
from bot.repositories import Commit, Repository
from bot.versions import is_older

_MIXED = "mixed versions"


def refuse_policy(hop: Hop, pair: Pair, after: ImageRef) -> None:
    """Refuse to change what Flux changes by itself: it would put its own tag back."""
    manifest, field, before = pair.target
    if field.marker and before != after and not hop.settings.allow_image_policy:
        raise Forbidden(
            f"{manifest.file.path}:{field.line}: Flux sets the tag here by its image policy {field.marker}, "
            "and would overwrite what is promoted",
            "remove the `$imagepolicy` comment from that line, or set `allow_image_policy: true` for "
            f"{hop.target.environment.name}",
        )


def allow_by_name(ask: Ask, hop: Hop, moves: Sequence[Move], claim: Sequence[Commit]) -> tuple[Move, ...]:
    """The moves, with what somebody let pass by name; raises Refusal for what nobody did.

    Our commits on the promotion's branch say what was let pass when it was proposed.
    """
    said = {text for commit in claim for text in commit.trailer(ALLOWED)}

    def note_drop(move: Move) -> Move:
        what = f"{DROP}{move.before}"
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
        never = "unproven: {} never ran {} ({}); {}"
        yield sentence(never, origin.environment, origin.image.tag, move.digest.short, origin.unproven)
    for text in move.allowed:
        if text == _MIXED:
            mixed = "{} runs images of {} in different versions, which was allowed by --allow-mixed"
            yield sentence(mixed, origin.environment, move.service)
        else:
            lost = "{} may lose what {} has and {} doesn't have, which was allowed by --allow-downgrade"
            yield sentence(lost, target, _version(move.before), move.tag)


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
    target = hop.target.environment.name
    one, two = (f"{move.origin.image.repository.rpartition('/')[2]} {move.origin.image.tag}" for move in (first, other))
    raise Refusal(
        f"{first.origin.environment} runs {one} and {two}, while {target} runs {first.before.tag} of every image of "
        f"{hop.service}: the update of {first.origin.environment} seems to be unfinished",
        f"bring them to one version in {first.origin.environment}; if they are meant to differ, "
        f"{hop.orders.command(hop.service, target, '--allow-mixed')} allows it",
    )


def _go_together(ask: Ask, hop: Hop, moves: Sequence[Move]) -> bool:
    """Whether tags that differ at the source mean anything: they don't where the target's would be the same as ever."""
    if len({move.tag for move in moves}) > 1:
        return True
    histories = [History(hop.target.rev, path) for path in dict.fromkeys(move.path for move in moves)]
    ask.together(*histories)
    came_from: dict[ImageRef, str | None] = {}
    for history in histories:
        for _, image, record in every_record(ask.maybe(history) or ()):
            came_from.setdefault(image, record.source.tag)
    before = [came_from.get(move.before.at(move.before.tag, None)) for move in moves]
    return None not in before and len(set(before)) == 1


# --- what would be dropped ------------------------------------------------------------------------------


def _refuse_drop(ask: Ask, hop: Hop, move: Move) -> None:
    """Refuse to put an older image, or one without a hotfix, in the place of what the target runs."""
    if move.before.tag == move.tag:
        return
    code = hop.config.code(hop.service)
    now, new = _revisions(ask, hop, move) if code else ("", "")
    if code and now != new:
        _refuse_lost_commits(ask, hop, move, code, (now, new))
    elif move.before.tag and is_older(split_arch(move.tag)[0], split_arch(move.before.tag)[0]):
        # Of the same commit a newer version is a rebuild: what that mended, such as a base image, no commit tells.
        same = f", though both were built from commit {now[:12]}" if now else ""
        raise Forbidden(
            f"would be a downgrade: {hop.target.environment.name} runs {move.before.tag}, which is newer than "
            f"{move.tag}{same}",
            _remedy(hop, f"a version after {move.before.tag}"),
        )


def _refuse_lost_commits(ask: Ask, hop: Hop, move: Move, code: Repository, revisions: tuple[str, str]) -> None:
    now, new = revisions
    name, target = _version(move.before), hop.target.environment.name
    try:
        lost = ask.maybe(Commits(code, new, now))
    except NotKnown as unknown:
        why = unknown.blocked
        raise NotKnown(
            f"{target} runs {name}, and whether {move.tag} has all of its commits is not known: {why.reason}",
            f"{why.remedy or f'check `source` of {hop.service}'}; {_allow(hop)} proposes {move.tag} without this check",
            why.code,
        ) from None
    if lost:
        count = f"{len(lost)} commits" if len(lost) > 1 else "a commit"
        raise Forbidden(
            f"would lose a hotfix: {target} runs {name}, which has {count} of {code.project} that {move.tag} lacks, "
            f"{'the newest is ' if len(lost) > 1 else ''}{lost[0].sha[:12]}",
            _remedy(hop, "a version that has them"),
        )


def _remedy(hop: Hop, release: str) -> str:
    return f"bring {release} to {hop.source.environment.name}; {_allow(hop)} proposes this one all the same"


def _allow(hop: Hop) -> str:
    return hop.orders.command(hop.service, hop.target.environment.name, "--allow-downgrade")


def _revisions(ask: Ask, hop: Hop, move: Move) -> tuple[str, str]:
    """The commits that the target's image and the proposed one were built from; both empty where one doesn't say."""
    now, new = labels_before(ask.maybe, hop.config, move), labels_after(move)
    if now is None:
        return "", ""
    ask.together(now, new)
    one, other = _revision(ask, now), _revision(ask, new)
    return (one, other) if one and other else ("", "")


def _revision(ask: Ask, question: Labels) -> str:
    said = (ask.maybe(question) or {}).get(REVISION, "")
    return said if is_commit(said) else ""


def _version(image: ImageRef) -> str:
    return image.tag or (image.digest.short if image.digest else image.name)
