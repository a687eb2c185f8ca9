"""Tags of an image as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from bot.catalog import Listing, TagEntry, differing, same_digest
from bot.cli.call import Call
from bot.cli.visible import inline
from bot.counting import counted
from bot.errors import BotError
from bot.images import Digest
from bot.registry import Kind

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal

# So many tags of the same digest are named beside each other.
_FEW = 3
_LINUX = "linux/"


@dataclass(frozen=True)
class TagTable:
    """One image's tags: what each registry lists, and where those that are shown lead, highest version first.

    `shown` of `total` different tags were looked up; `hidden` are those of signatures and the like.
    """

    name: str
    listings: Sequence[Listing]
    tagged: Sequence[TagEntry]
    shown: int
    total: int
    hidden: int

    @property
    def errors(self) -> tuple[BotError, ...]:
        """Everything that could not be found out."""
        errors = [listing.error for listing in self.listings] + [one.error for one in self.tagged]
        return tuple(error for error in errors if error is not None)

    @cached_property
    def same(self) -> Mapping[Digest, tuple[str, ...]]:
        """The tags that lead to each digest."""
        return same_digest(self.tagged)

    @cached_property
    def differing(self) -> frozenset[str]:
        """The tags about which registries disagree."""
        return differing(self.tagged)

    def others(self, one: TagEntry, few: int) -> tuple[tuple[str, ...], int]:
        """The first few of the other tags that lead to the same digest, and how many more there are."""
        tags = self.same.get(one.digest, ()) if one.digest else ()
        first = tuple(islice((tag for tag in tags if tag != one.tag), few))
        return first, max(len(tags) - 1 - len(first), 0)


# --- JSON -----------------------------------------------------------------------------------------------


def table_data(table: TagTable) -> answers.TagTable:
    """An image's tags as `tags -o json` prints them."""
    return {
        "name": table.name,
        "shown": table.shown,
        "total": table.total,
        "registries": [_listing_data(listing) for listing in table.listings],
        "digests": {digest.text: list(tags) for digest, tags in table.same.items()},
        "tags": [_tagged_data(table, one) for one in table.tagged],
    }


def _listing_data(listing: Listing) -> answers.Listing:
    return {
        "registry": listing.holder.registry,
        "repository": listing.holder.repository,
        "environments": list(listing.holder.environments),
        "present": None if listing.error else listing.tags is not None,
        "tags": None if listing.tags is None else len(listing.tags),
        "missing": [{"environment": environment, "tag": tag} for environment, tag in listing.missing],
        "error": str(listing.error) if listing.error else "",
    }


def _tagged_data(table: TagTable, one: TagEntry) -> answers.Tag:
    overview = one.overview
    return {
        "tag": one.tag,
        "registry": one.holder.registry,
        "digest": str(one.digest) if one.digest else None,
        "kind": overview.kind.value if overview else None,
        "created": overview.created.isoformat() if overview and overview.created else None,
        "platforms": list(overview.platforms) if overview else None,
        "runs_in": [environment for environment, _ in one.holder.runs_tag(one.tag, one.digest)],
        "drift_in": [environment for environment, drift in one.holder.runs_tag(one.tag, one.digest) if drift],
        "differs": one.tag in table.differing,
        "error": str(one.error) if one.error else "",
    }


# --- text -----------------------------------------------------------------------------------------------


def show_table(call: Call, table: TagTable) -> None:
    """Who holds the image, its tags, what the marks mean, and what could not be found out."""
    terminal = call.terminal()
    terminal.title(table.name)
    several = len(table.listings) > 1
    for listing in table.listings:
        terminal.say(_holder_line(listing), indent=2)
    if table.tagged:
        view = _View(table, several=several, whole=bool(call.args.verbose), linux=_all_linux(table.tagged))
        terminal.table(view.headers, view.rows())
        _show_legend(terminal, view)
    elif not table.errors:
        terminal.say("no tags" if table.total == 0 and not call.args.match else "no tag matches")
    for listing in table.listings:
        for environment, tag in listing.missing:
            lacks = f"✗ {environment} runs {tag}, which registry {listing.holder.registry} hasn't"
            terminal.say(Text(lacks, style="red"))
    for error in {str(error): error for error in table.errors}.values():
        terminal.say(Text(f"✗ {error.message}", style="red"))
        if error.hint:
            terminal.say(f"→ {error.hint}", indent=2)


def _holder_line(listing: Listing) -> str:
    holder = listing.holder
    environments = [name for name in holder.environments if name != holder.registry]
    used_by = f" ({', '.join(holder.environments)})" if environments else ""
    if listing.error is not None:
        state = "unknown"
    elif listing.tags is None:
        state = "no such repository"
    else:
        state = counted(len(listing.tags), "tag")
    anonymously = "" if holder.configured else ", asked anonymously: it isn't in the configuration"
    return f"{holder.registry}{used_by}: {holder.repository}, {state}{anonymously}"


def _all_linux(tagged: Sequence[TagEntry]) -> bool:
    return all(platform.startswith(_LINUX) for one in tagged if one.overview for platform in one.overview.platforms)


@dataclass
class _View:
    """Rows of a table, and which marks are in them."""

    table: TagTable
    several: bool
    whole: bool
    linux: bool

    def __post_init__(self) -> None:
        self.marks: dict[str, str] = {}

    @property
    def headers(self) -> tuple[str, ...]:
        registries = ("REGISTRY",) if self.several else ()
        return "TAG", "DIGEST", "CREATED", "PLATFORMS", *registries, ""

    def rows(self) -> Iterator[tuple[Text | str, ...]]:
        """One for each tag and digest, with every registry where it is."""
        together: dict[tuple[str, object], list[TagEntry]] = {}
        for one in self.table.tagged:
            # What isn't known is not the same as something else that isn't known.
            key = one.digest or one.holder
            together.setdefault((one.tag, key), []).append(one)
        for same in together.values():
            yield self._row(same)

    def _row(self, same: Sequence[TagEntry]) -> tuple[Text | str, ...]:
        one = next((each for each in same if each.overview), same[0])
        differs = one.tag in self.table.differing
        registries = (", ".join(each.holder.registry for each in same),) if self.several else ()
        return (
            Text(one.tag, style="yellow" if differs else ""),
            self._digest(one),
            f"{one.overview.created:%Y-%m-%d}" if one.overview and one.overview.created else "–",
            self._platforms(one),
            *registries,
            self._notes(same, differs=differs),
        )

    def _digest(self, one: TagEntry) -> str:
        if one.digest is None:
            return "unknown" if one.error else "gone"
        return one.digest.text if self.whole else one.digest.short.removeprefix("sha256:")

    def _platforms(self, one: TagEntry) -> str:
        if one.overview is None:
            return "unknown" if one.error else "–"
        if one.overview.kind not in {Kind.IMAGE, Kind.INDEX}:
            return str(one.overview.kind.value)
        names = [name.removeprefix(_LINUX) if self.linux else name for name in one.overview.platforms]
        return inline(", ".join(names)) or "–"

    def _notes(self, same: Sequence[TagEntry], *, differs: bool) -> Text:
        notes: list[Text] = []
        runs = [run for each in same for run in each.holder.runs_tag(each.tag, each.digest)]
        if here := [environment for environment, drift in runs if not drift]:
            notes.append(self._mark("●", ", ".join(here), "green", "runs there"))
        notes += [
            self._mark("✗", environment, "red", "its manifest says another digest")
            for environment, drift in runs
            if drift
        ]
        if differs:
            notes.append(self._mark("≠", "", "yellow", "registries disagree"))
        others, more = self.table.others(same[0], _FEW)
        if others:
            rest = f" and {more:,} more" if more else ""
            notes.append(self._mark("=", ", ".join(others) + rest, "dim", "same digest"))
        return Text("  ").join(notes)

    def _mark(self, sign: str, text: str, style: str, meaning: str) -> Text:
        self.marks.setdefault(sign, meaning)
        return Text(f"{sign} {text}".rstrip(), style=style)


def _show_legend(terminal: Terminal, view: _View) -> None:
    if view.marks:
        terminal.say(Text("   ".join(f"{sign} {meaning}" for sign, meaning in view.marks.items()), style="dim"))
