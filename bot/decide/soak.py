"""The gate `soak`: for how long the source environment has named the digest that is to be promoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from bot.decide.environments import Manifest, fields_at
from bot.decide.facts import Ask, Forbidden, Refusal, for_each
from bot.decide.pairing import Hop
from bot.decide.sentences import sentence
from bot.decide.trailers import Record, records
from bot.images import Digest, ImageRef
from bot.plan import Check
from bot.promotion import FromEnvironment, Move
from bot.questions import History, Landed, MergedBy
from bot.repositories import Landing, Rev


@dataclass(frozen=True)
class Soaked:
    """Since when the source environment has named all of the digests, for at least as long as `soak`."""

    since: datetime
    soak: timedelta

    @property
    def check(self) -> Check:
        """As merge requests tell it."""
        return Check("soak", f"{_span(self.soak)} at least")


def must_have_soaked(ask: Ask, hop: Hop, moves: Sequence[Move], now: datetime) -> Soaked | None:
    """Refuse what changes here and has not been in the source environment for as long as `gates.soak` says.

    None where nothing has to. What somebody gave by hand and doesn't run there has to run nowhere; its warnings say so.
    """
    soak = hop.settings.gates.soak
    changing = [move for move in moves if move.before != move.after and _runs(move)]
    if soak is None or not changing:
        return None
    manifests = {manifest.file.path: manifest for manifest in hop.source.manifests[hop.service]}
    ask.together(*(Landed(hop.source.rev, path) for path in dict.fromkeys(move.origin.path for move in changing)))
    times = for_each(changing, lambda move: _since(ask, hop, move, manifests[move.origin.path], now))
    since, youngest = max(zip(times, changing, strict=True), key=lambda pair: pair[0])
    if since + soak > now:
        version = f"{youngest.service} {youngest.origin.image.tag or 'image'} ({youngest.digest.short})"
        raise Forbidden(
            f"{version} soaks in {hop.source.environment.name} until {_minute(since + soak)}",
            f"nothing to do: the first run after that proposes it (`gates.soak` of {hop.target.environment.name} is "
            f"{_span(soak)})",
        )
    return Soaked(since, soak)


def passed_over(hops: Mapping[str, Sequence[Hop]], moves: Sequence[Move]) -> Iterator[str]:
    """What an approver has to know of services, each with its ways, that would have had to soak."""
    for service in dict.fromkeys(move.service for move in moves if not _runs(move)):
        soak = hops[service][0].settings.gates.soak
        if soak is not None:
            passed = f"the soak of {_span(soak)} was skipped, since the image of {{}} was given by --image"
            yield sentence(passed, service)


def _runs(move: Move) -> bool:
    """Whether the source runs it now, whoever named it."""
    return isinstance(move.origin, FromEnvironment) or move.origin.runs


def _since(ask: Ask, hop: Hop, move: Move, manifest: Manifest, now: datetime) -> datetime:
    """When the source's branch came to name this digest, after which it never named another one."""
    rev = hop.source.rev
    promoted = records(ask.maybe(History(rev, move.origin.path)) or ())
    landings = ask.maybe(Landed(rev, move.origin.path)) or ()
    image = move.origin.image
    named = tuple(takewhile(lambda landing: move.digest in _digests(manifest, landing, image, promoted), landings))
    first = _oldest_known(ask, hop, move, manifest, named)
    if first is None:
        raise Refusal(
            f"since when {hop.source.environment.name} has run {move.digest.short} isn't known: {move.origin.path} "
            f"names {image.tag} without a digest, and no commit of promobot recorded which one that was",
            f"write the digest beside the tag in {move.origin.path}, or remove `gates.soak` from "
            f"{hop.target.environment.name}",
        )
    merged = ask.maybe(MergedBy(rev.repository, first.commit))
    landed = (merged.merged_at if merged else None) or first.at
    return min(landed, now)  # a clock that is ahead makes nothing older, nor younger than just now


def _oldest_known(ask: Ask, hop: Hop, move: Move, manifest: Manifest, named: Sequence[Landing]) -> Landing | None:
    """The oldest at which the digest was known: what a tag was is told by the record that was there, not by later ones.

    `named` are the landings that name the digest by what is recorded today, newest first.
    """
    image, repository = move.origin.image, hop.source.rev.repository
    for some in (named[-1:], named):  # the oldest mostly brought the record
        by_tag = [landing for landing in some if move.digest not in _digests(manifest, landing, image, {})]
        then = {landing: History(Rev(repository, landing.commit), move.origin.path) for landing in by_tag}
        ask.together(*then.values())
        for landing in reversed(some):
            history = ask.maybe(then[landing]) if landing in then else None
            promoted = records(history or ())
            if move.digest in _digests(manifest, landing, image, promoted):
                return landing
    return None


def _digests(
    manifest: Manifest, landing: Landing, image: ImageRef, promoted: dict[ImageRef, Record]
) -> Iterator[Digest]:
    """What the manifest as it landed said that this image is."""
    for field in fields_at(manifest, landing.content):
        if field.image is None or field.image.name != image.name:
            continue
        if field.image.digest is not None:
            yield field.image.digest
        elif field.image in promoted:
            yield promoted[field.image].digest


def _minute(at: datetime) -> str:
    """The whole minute at which it has come, so that nobody who comes then is told to wait."""
    whole = at.astimezone(UTC).replace(second=0, microsecond=0)
    return f"{whole if whole >= at else whole + timedelta(minutes=1):%Y-%m-%d %H:%M} UTC"


def _span(span: timedelta) -> str:
    """As the configuration writes it: `1d12h`."""
    hours, minutes = span.seconds // 3600, span.seconds // 60 % 60
    parts = ((span.days, "d"), (hours, "h"), (minutes, "m"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0m"
