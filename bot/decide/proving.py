"""Which digest an image of the source is, how that is known, and where it goes."""

from __future__ import annotations

from bot.decide.facts import Ask, Refusal
from bot.decide.pairing import Hop, Pair
from bot.decide.tags import target_tag
from bot.decide.trailers import Record, records
from bot.errors import ExitCode
from bot.images import Digest, ImageRef
from bot.promotion import Proof
from bot.questions import Absent, History, Location, TagDigest
from bot.repositories import Commit


def destination_of(hop: Hop, pair: Pair) -> ImageRef:
    """The target's own repository path in the target's registry, under the target's tag for this version."""
    image = pair.source[2]
    path = hop.target_path(pair.target)
    assert path is not None, "pairs hold movable targets only"  # noqa: S101  narrows the type
    if image.tag is None:
        raise Refusal(
            f"{pair.source[0].file.path}:{pair.source[1].line}: {image} has no tag to name the copy by",
            "write the tag beside the digest",
        )
    environment = hop.target.environment.name
    try:
        tag = target_tag(hop.settings.tag, image.tag)
    except ValueError as error:
        raise Refusal(
            str(error), f"release it under another tag, or change `tag` of environment {environment}"
        ) from None
    try:
        return hop.target_registry.image(path).at(tag, None)
    except ValueError as error:
        raise Refusal(str(error), f"correct `repositories` of environment {environment}", ExitCode.USAGE) from None


def prove(ask: Ask, hop: Hop, pair: Pair, claim: Record | None) -> tuple[Digest, Proof]:
    """The digest that the source environment runs, and how that is known (promise 1 of docs/architecture.md)."""
    image = pair.source[2]
    if image.digest is not None:
        return image.digest, Proof.MANIFEST
    location = Location(hop.source.environment.registry, image.repository)
    now = ask(TagDigest(location, image.tag or ""))
    promoted = records(history_of(ask, hop, pair))
    record = promoted.get(image)
    if record is not None:
        if not isinstance(now, Absent) and now.value != record.digest:
            raise Refusal(
                f"{image} was promoted as {record.digest.short} and its tag now points to {now.value.short}: drift",
                "find out who moved the tag; put it back, or promote a new version",
            )
        return record.digest, Proof.RECORD
    if claim is not None:
        must_be_borne_out(ask, hop, pair, claim, None if isinstance(now, Absent) else now.value)
        return claim.digest, Proof.REGISTRY
    if isinstance(now, Absent):
        raise Refusal(
            f"{image} is not in registry {location.registry}, though {hop.source.environment.name} names it",
            "push the image, or correct the manifest",
        )
    return now.value, Proof.REGISTRY


def must_be_borne_out(ask: Ask, hop: Hop, pair: Pair, claim: Record, now: Digest | None) -> None:
    """Refuse a claim that neither registry confirms: whoever may push a branch can write one, for any digest."""
    destination = destination_of(hop, pair)
    copied = ask(TagDigest(Location(hop.target.environment.registry, destination.repository), destination.tag or ""))
    if claim.digest == now or (not isinstance(copied, Absent) and claim.digest == copied.value):
        return
    raise Refusal(
        f"the promotion's branch says that {pair.source[2]} was {claim.digest.short}, but it is now "
        f"{now.short if now else 'absent'} and that isn't copied yet: the tag moved, or somebody else wrote the commit",
        "look at who pushed the branch, then delete it: the tag will be resolved again",
    )


def history_of(ask: Ask, hop: Hop, pair: Pair) -> tuple[Commit, ...]:
    """The commits that led to what the source's manifest says, newest first."""
    answer = ask(History(hop.source.rev, pair.source[0].file.path))
    return () if isinstance(answer, Absent) else answer.value


def last_change(ask: Ask, hop: Hop, pair: Pair) -> str:
    """The commit that last changed the source's manifest: unlike the branch's head, it says the same tomorrow."""
    commits = history_of(ask, hop, pair)
    return commits[0].sha if commits else hop.source.rev.commit
