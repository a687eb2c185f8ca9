"""Which digest an image of the source is, how that is known, and where it goes."""

from __future__ import annotations

from bot.decide.facts import Ask, Refusal
from bot.decide.pairing import Hop, Pair
from bot.decide.tags import target_tag
from bot.decide.trailers import Record, records
from bot.errors import ExitCode
from bot.images import Digest, ImageRef
from bot.promotion import Proof
from bot.questions import History, Location, TagDigest
from bot.repositories import Commit


def destination_of(hop: Hop, pair: Pair) -> ImageRef:
    """The target's own repository path in the target's registry, under the target's tag for this version."""
    image = pair.source[2]
    path = hop.target_path(pair.target)
    assert path is not None, "pairs hold movable targets only"  # noqa: S101  narrows the type
    environment, place = hop.target.environment.name, _place(hop, pair)
    if image.tag is None:
        raise Refusal(
            f"{place}: {image} has no tag, and {environment} needs one for its copy",
            f"write the tag beside the digest in {pair.source[0].file.path}",
        )
    try:
        tag = target_tag(hop.settings.tag, image.tag)
    except ValueError as error:
        raise Refusal(
            f"{place}: {error}", f"release it under another tag, or change `tag` of environment {environment}"
        ) from None
    try:
        return hop.target_registry.image(path).at(tag, None)
    except ValueError as error:
        raise Refusal(
            f"{place}: {error}", f"correct `repositories` of environment {environment}", ExitCode.USAGE
        ) from None


def _place(hop: Hop, pair: Pair) -> str:
    """Where the image is named that is to be promoted."""
    return "--image" if hop.orders.image else f"{pair.source[0].file.path}:{pair.source[1].line}"


def prove(ask: Ask, hop: Hop, pair: Pair, claim: Record | None) -> tuple[Digest, Proof]:
    """The digest that the source environment runs, and how that is known (promise 1 of docs/architecture.md)."""
    image = pair.source[2]
    if image.digest is not None:
        return image.digest, Proof.MANIFEST
    location = Location(hop.source.environment.registry, image.repository)
    now = ask.maybe(TagDigest(location, image.tag or ""))
    promoted = records(history_of(ask, hop, pair))
    record = promoted.get(image)
    if record is not None:
        if now is not None and now != record.digest:
            raise Refusal(
                f"drift: {image} was promoted as {record.digest.short}, but its tag now points to {now.short}",
                f"find out who moved the tag in registry {location.registry}; move it back, or release a new version",
            )
        return record.digest, Proof.RECORD
    if claim is not None:
        must_be_borne_out(ask, hop, pair, claim, now)
        return claim.digest, Proof.REGISTRY
    if now is None:
        raise Refusal(
            f"{image} is not in registry {location.registry}, though {_place(hop, pair)} names it",
            f"push the image, or correct {pair.source[0].file.path}; `promobot tags {hop.service}` lists what is there",
        )
    return now, Proof.REGISTRY


def must_be_borne_out(ask: Ask, hop: Hop, pair: Pair, claim: Record, now: Digest | None) -> None:
    """Refuse a claim that neither registry confirms: whoever may push a branch can write one, for any digest."""
    destination = destination_of(hop, pair)
    copy = TagDigest(Location(hop.target.environment.registry, destination.repository), destination.tag or "")
    if claim.digest in {now, ask.maybe(copy)}:
        return
    raise Refusal(
        f"commit {claim.commit[:12]} on the promotion's branch says that {pair.source[2]} is {claim.digest.short}, but "
        f"its tag {f'now points to {now.short}' if now else 'is gone'}: somebody moved it, or somebody else made the "
        "commit",
        "look at who pushed the commit, then delete the branch: then promobot looks the tag up again",
    )


def history_of(ask: Ask, hop: Hop, pair: Pair) -> tuple[Commit, ...]:
    """The commits that led to what the source's manifest says, newest first."""
    return ask.maybe(History(hop.source.rev, pair.source[0].file.path)) or ()


def last_change(ask: Ask, hop: Hop, pair: Pair) -> str:
    """The commit that last changed the source's manifest: unlike the branch's head, it says the same tomorrow."""
    commits = history_of(ask, hop, pair)
    return commits[0].sha if commits else hop.source.rev.commit
