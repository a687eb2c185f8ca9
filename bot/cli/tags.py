"""`promobot tags`: which tags of an image each registry of the chain has, where they lead, and which run where."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING

from bot.catalog import Holder, Listing, TagEntry, list_tags, look_up, of_image, of_service
from bot.cli.call import Call
from bot.cli.reference import parse_reference, world_if_any
from bot.cli.tagviews import TagTable, show_table, table_data
from bot.cli.terminal import ProgressLine
from bot.config import is_service
from bot.errors import ExitCode, RegistryError, UsageError, did_you_mean
from bot.images import ImageRef
from bot.promotion import Deployed
from bot.reconcile import look_around, worst
from bot.registries import Registries
from bot.versions import newest_first

if TYPE_CHECKING:
    from bot.cli import answers

# What cosign and the fallback for referrers call what is attached to a digest.
_ATTACHED = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")
_NEAR = 5
# Comparing takes milliseconds for a long tag, so no more than this many of the newest are compared.
_COMPARED = 500


def main(call: Call) -> ExitCode:
    """Find out who may hold the image, list, look up what is shown."""
    tag, chains, registries, unread = _asked(call)
    tables = [_table(call, registries, name, holders, tag) for name, holders in chains]
    for table in tables:
        _refuse_nothing(table, tag)
    if call.json:
        answer: answers.Tags = {"images": [table_data(table) for table in tables]}
        call.print_json(answer)
    else:
        for table in tables:
            show_table(call, table)
            _say_what_is_left_out(call, table)
    for item in unread:
        call.terminal(stderr=True).say(f"promobot: what runs there isn't known: {item.problem}")
    codes = [item.code for item in unread]
    return worst([*codes, *(error.exit_code for table in tables for error in table.errors)])


def _asked(
    call: Call,
) -> tuple[str | None, list[tuple[str, tuple[Holder, ...]]], Registries, Sequence[Deployed]]:
    """The one tag that is asked for, who may hold each image, how to ask, and environments that can't be read."""
    name = call.args.name
    if not set("/:@") & set(name):
        return None, *_of_service(call, name)
    image = parse_reference(name)
    if image.digest is not None:
        raise UsageError(f"{name}: a digest has no tags of its own", hint=f"promobot inspect {name}")
    return image.tag, *_of_image(call, image)


def _of_service(
    call: Call, service: str
) -> tuple[list[tuple[str, tuple[Holder, ...]]], Registries, Sequence[Deployed]]:
    if not is_service(service):
        raise UsageError(f"{service!r} is neither a service's name nor an image", hint="an image is [host/]path[:tag]")
    world = call.world()
    deployed = look_around(world)
    unread = [item for item in deployed if item.code is not ExitCode.DONE and item.service in {"*", service}]
    chains = of_service(world.config, deployed, service)
    if not chains:
        known = sorted({item.service for item in deployed if item.ours})
        reasons = "".join(f"; {item.problem}" for item in unread)
        raise UsageError(
            f"no environment names an image of a service {service}{did_you_mean(service, known)}{reasons}",
            hint="`promobot status` lists services; an image is [host/]path, such as docker.io/nginx",
        )
    return [(service, holders) for holders in chains], world.registries, unread


def _of_image(
    call: Call, image: ImageRef
) -> tuple[list[tuple[str, tuple[Holder, ...]]], Registries, Sequence[Deployed]]:
    world = world_if_any(call)
    if world is not None and (image.registry is None or of_image(world.config, image)):
        deployed = look_around(world)
        unread = [item for item in deployed if item.code is not ExitCode.DONE and item.service == "*"]
        return [(image.repository, of_image(world.config, image, deployed))], world.registries, unread
    whole = image.as_docker_reads_it()
    holder = Holder(whole.registry or "", whole.repository, configured=False)
    return [(whole.name, (holder,))], call.registries(), ()


def _table(call: Call, registries: Registries, name: str, holders: Sequence[Holder], tag: str | None) -> TagTable:
    listings = list_tags(registries, holders)
    known = {tag for listing in listings for tag in listing.tags or ()}
    wanted = newest_first(one for one in known if _wanted(call, one, tag))
    shown = wanted if call.args.all else wanted[: call.args.limit]
    running = {image.tag for holder in holders for _, image in holder.runs}
    shown += [one for one in wanted[len(shown) :] if one in running]
    hidden = 0 if call.args.all else sum(_ATTACHED.fullmatch(one) is not None for one in known)
    return TagTable(name, listings, _look_up(call, registries, listings, shown), len(shown), len(wanted), hidden)


def _wanted(call: Call, tag: str, only: str | None) -> bool:
    if only is not None:
        return tag == only
    if not call.args.all and _ATTACHED.fullmatch(tag):
        return False
    return not call.args.match or any(fnmatchcase(tag, glob) for glob in call.args.match)


def _look_up(
    call: Call, registries: Registries, listings: Sequence[Listing], tags: Sequence[str]
) -> tuple[TagEntry, ...]:
    held = [(listing.holder, frozenset(listing.tags or ())) for listing in listings]
    pairs = [(holder, tag) for tag in tags for holder, own in held if tag in own]
    lock, done = Lock(), 0
    with ProgressLine(call.terminal(stderr=True)) as progress:

        def tick() -> None:
            nonlocal done
            with lock:
                done += 1
                progress.show(f"{done:,} of {len(pairs):,} tags looked up")

        return tuple(look_up(registries, pairs, tick))


def _refuse_nothing(table: TagTable, tag: str | None) -> None:
    """What nobody has is no empty list, as long as everybody said so."""
    if table.errors:
        return
    if all(listing.tags is None for listing in table.listings):
        held = ", ".join(f"{listing.holder.registry} ({listing.holder.repository})" for listing in table.listings)
        raise RegistryError(f"{table.name}: no such repository in {held}", hint=_elsewhere(table))
    if tag is not None and not table.tagged:
        near = ", ".join(near_tags(tag, table.listings)) or "none"
        raise RegistryError(f"{table.name}: no tag {tag}", hint=f"near it: {near}")


def _elsewhere(table: TagTable) -> str:
    if any(listing.holder.configured for listing in table.listings):
        return f"check its spelling; from Docker Hub it would be docker.io/{table.name}"
    return "check its spelling"


def near_tags(tag: str, listings: Sequence[Listing]) -> list[str]:
    """The tags that look most like one that isn't there, else the newest."""
    known = newest_first({one for listing in listings for one in listing.tags or () if not _ATTACHED.fullmatch(one)})
    return difflib.get_close_matches(tag, known[:_COMPARED], n=_NEAR, cutoff=0.5) or known[:_NEAR]


def _say_what_is_left_out(call: Call, table: TagTable) -> None:
    notes = call.terminal(stderr=True)
    for line in _left_out(table):
        notes.say(line)


def _left_out(table: TagTable) -> Iterator[str]:
    if table.shown < table.total:
        yield f"{table.shown:,} of {table.total:,} tags; --limit N shows more, --all every one"
    if table.hidden:
        yield f"{table.hidden:,} of signatures and the like not shown (--all)"
