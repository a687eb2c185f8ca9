"""An image that somebody names in place of what the source runs, and whether the source ever ran it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.decide.environments import Manifest, fields_at
from bot.decide.facts import Ask, Refusal
from bot.decide.pairing import Hop, Pair
from bot.decide.proving import destination_of, history_of, last_change, must_be_borne_out, prove
from bot.decide.trailers import Record, every_record
from bot.errors import ExitCode
from bot.images import Digest, ImageParts, ImageRef
from bot.promotion import Given, Proof
from bot.questions import Landed, Location, TagDigest
from bot.repositories import Landing

# Of the commits of the source's branch that changed the manifest, as many are read.
_MOST = 50


@dataclass(frozen=True)
class _Evidence:
    """That the source ran a digest, as `image`, at a commit, how that is known, and whether it `runs` it now."""

    image: ImageRef
    commit: str
    proof: Proof
    runs: bool = False


def given_pairs(hop: Hop, pairs: Sequence[Pair], given: ImageParts) -> tuple[Pair, ...]:
    """The pairs of the image that is meant, with the given tag and digest. Raises Refusal where it is none of them."""
    meant = [pair for pair in pairs if _is_meant(hop, pair.source[2], given)]
    names = ", ".join(dict.fromkeys(pair.source[2].name for pair in pairs))
    if not meant:
        raise Refusal(
            f"{given} is none of the images of {hop.service} in {hop.source.environment.name}, which are {names}",
            "give one of these with a tag or digest: `--image NAME:TAG`",
            ExitCode.USAGE,
        )
    if given.repository is None and len({pair.source[2].name for pair in pairs}) > 1:
        raise Refusal(
            f"{hop.service} has several images, and {given} doesn't say which is meant: {names}",
            f"write the name too, such as `--image {pairs[0].source[2].name}{given}`",
            ExitCode.USAGE,
        )
    return tuple(replace(pair, source=(*pair.source[:2], pair.source[2].at(given.tag, given.digest))) for pair in meant)


def _is_meant(hop: Hop, image: ImageRef, given: ImageParts) -> bool:
    wanted = given.ref
    if wanted is None:
        return True
    if wanted.registry is None:
        return wanted.repository in {image.repository, hop.source_path(image)}
    return wanted.name == image.name


def prove_given(
    ask: Ask, hop: Hop, pair: Pair, claimed: Mapping[ImageRef, Record]
) -> tuple[Pair, Digest, Proof, Given]:
    """The given image with its tag and digest, and what is known of it.

    Raises Refusal where the source never ran it and nobody says why it shall go all the same.
    """
    digest = _digest(ask, hop, pair, claimed)
    evidence = _evidence(ask, hop, pair, digest)
    image = pair.source[2]
    if image.tag is None and evidence is not None:
        image = evidence.image.at(evidence.image.tag, digest)
    if image.tag is None:
        raise Refusal(
            f"{image} has no tag, and {hop.target.environment.name} needs one for its copy",
            f"give a tag too: `--image {image.name}:TAG@{image.digest}`",
            ExitCode.USAGE,
        )
    environment, path = hop.source.environment.name, pair.source[0].file.path
    resolved = replace(pair, source=(*pair.source[:2], image))
    if evidence is not None:
        return resolved, digest, evidence.proof, Given(environment, evidence.commit, image, path, runs=evidence.runs)
    if not hop.orders.unproven:
        raise Refusal(
            f"{environment} never ran {image.at(image.tag, None)} ({digest.short}), by the history of {path}",
            f"deploy it to {environment} first; if it has to go untested, "
            f"{hop.orders.command(hop.service, hop.target.environment.name, '--unproven', 'REASON')} proposes it",
        )
    return resolved, digest, Proof.NOTHING, Given(environment, "", image, path, hop.orders.unproven)


def _digest(ask: Ask, hop: Hop, pair: Pair, claimed: Mapping[ImageRef, Record]) -> Digest:
    """The digest that was given, or what the tag was resolved to when it was first proposed."""
    image = pair.source[2]
    place = Location(hop.source.environment.registry, image.repository)
    now = ask.maybe(TagDigest(place, image.tag)) if image.tag else None
    if image.digest is not None:
        if now is not None and now != image.digest:
            raise Refusal(
                f"{image.at(image.tag, None)} points to {now.short} in registry {place.registry}, and not to "
                f"{image.digest.short}",
                "leave the tag out of `--image`, or give the digest that it points to",
                ExitCode.USAGE,
            )
        return image.digest
    claim = claimed.get(destination_of(hop, pair)) if image.tag else None
    if claim is not None and claim.source == image:
        must_be_borne_out(ask, hop, pair, claim, now)
        return claim.digest
    if now is None:
        raise Refusal(
            f"{image} is not in registry {place.registry}", f"`promobot tags {hop.service}` lists what is there"
        )
    return now


# --- what the source ran --------------------------------------------------------------------------------


def _evidence(ask: Ask, hop: Hop, pair: Pair, digest: Digest) -> _Evidence | None:
    """What it runs now, else what the commits that led there say: by their trailers, by the manifest that they left."""
    return _in_manifest(ask, hop, pair, digest) or next(_in_history(ask, hop, pair, digest), None)


def _in_manifest(ask: Ask, hop: Hop, pair: Pair, digest: Digest) -> _Evidence | None:
    manifest, field, _ = pair.source
    assert field.image is not None, "pairs hold readable images only"  # noqa: S101  narrows the type
    running = replace(pair, source=(manifest, field, field.image))
    try:
        now, proof = prove(ask, hop, running, None)
    except Refusal:
        return None  # what it runs now is in doubt; that says nothing of what it ran
    return _Evidence(field.image, last_change(ask, hop, pair), proof, runs=True) if now == digest else None


def _in_history(ask: Ask, hop: Hop, pair: Pair, digest: Digest) -> Iterator[_Evidence]:
    """What the branch itself had: a commit of what was merged into it may say what nothing ever ran."""
    manifest, _, given = pair.source
    landings = ask.maybe(Landed(hop.source.rev, manifest.file.path, _MOST)) or ()
    named = [(image, landing.commit) for landing in landings for image in _named_at(landing, manifest)]
    had = {image.at(image.tag, None) for image, _ in named if image.digest in {None, digest}}
    for commit, image, record in every_record(history_of(ask, hop, pair)):
        if image.name == given.name and record.digest == digest and image in had:
            yield _Evidence(image, commit.sha, Proof.RECORD)
    tag = given.tag if given.tag and _leads_to(ask, hop, given, digest) else None
    for image, at in named:
        if image.name == given.name and (image.digest == digest or (not image.digest and tag and image.tag == tag)):
            yield _Evidence(image, at, Proof.HISTORY)


def _leads_to(ask: Ask, hop: Hop, image: ImageRef, digest: Digest) -> bool:
    place = Location(hop.source.environment.registry, image.repository)
    return ask.maybe(TagDigest(place, image.tag or "")) == digest


def _named_at(landing: Landing, manifest: Manifest) -> Iterator[ImageRef]:
    yield from (field.image for field in fields_at(manifest, landing.content) if field.image is not None)
