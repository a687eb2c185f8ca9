"""Lists that a registry gives in pages: whole or an error, and bounded."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode

from bot.errors import RegistryError
from bot.images import Digest, is_tag
from bot.registry.addresses import Address
from bot.registry.errors import Place
from bot.registry.http.transport import Response
from bot.registry.manifest import Descriptor, manifest_of, parse_referrers

# What one page may have is capped by many registries at 1000, and some refuse to be asked for more.
PAGE = 1000
_MOST_PAGES = 1000
_MOST_SECONDS = 600.0
_MOST_TAGS = 100_000
_MOST_REFERRERS = 10_000
# https://www.rfc-editor.org/rfc/rfc8288#section-3
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)

# Gives the page that a query names; None where the registry says that there is no such list.
Ask: TypeAlias = Callable[[str], Response | None]


def all_tags(ask: Ask, address: Address, place: Place) -> tuple[str, ...] | None:
    """Every tag in the registry's order, each once; None where there is no such repository.

    `address` is the list's own, without a query. Raises RegistryError for what is no such list, or has no end.
    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags
    """
    first = ask(f"n={PAGE}")
    if first is None:
        return None
    tags = _Tags(address, place)
    _walk(ask, first, tags.add, place)
    return tuple(tags.found)


def all_referrers(ask: Ask, first: Response, address: Address, place: Place) -> tuple[Descriptor, ...]:
    """Every referrer in the registry's order, each once, from the `first` page on.

    Raises RegistryError for what is no such list, or has no end.
    https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
    """
    referrers = _Referrers(address, place)
    _walk(ask, first, referrers.add, place)
    return tuple(referrers.found.values())


def _walk(ask: Ask, first: Response, add: Callable[[Response], str | None], place: Place) -> None:
    """Take page after page; `add` says what to ask next, None at the end."""
    query = add(first)
    deadline = time.monotonic() + _MOST_SECONDS
    for _ in range(_MOST_PAGES):
        if query is None:
            return
        if time.monotonic() > deadline:
            raise _endless(place, f"it goes on after {_MOST_SECONDS:g} s")
        page = ask(query)
        if page is None:
            raise RegistryError(f"{place}: a list there went away while it was read", hint="run again")
        query = add(page)
    raise _endless(place, f"it goes on after {_MOST_PAGES} pages")


@dataclass
class _Tags:
    address: Address
    place: Place
    found: dict[str, None] = field(default_factory=dict)
    asked: int = PAGE

    def add(self, page: Response) -> str | None:
        tags = _tags(page.body, self.place)
        known = len(self.found)
        self.found.update(dict.fromkeys(tags))
        query = self._following(page, tags)
        if query is not None and len(self.found) == known:
            raise _endless(self.place, "a page of it has no tag that was not on an earlier one")
        if len(self.found) > _MOST_TAGS:
            raise _endless(self.place, f"it has more than {_MOST_TAGS} tags")
        return query

    def _following(self, page: Response, tags: list[str]) -> str | None:
        """The query for the next page, by its link if that leads on in this list, else by the last tag.

        A registry that gives more than asked for knows no pages: that was all. One that gives just as many may be one
        of these, too; so it is asked for one less, to tell.
        """
        link = _next(page)
        if link is None and (not tags or len(tags) != self.asked):
            return None
        query = _query(link or "", self.address)
        if query is not None:
            self.asked = 0  # this registry makes links, so that their absence is the end
            return query
        if not tags:
            raise _endless(self.place, "it leads on to another address")
        self.asked = PAGE - 1
        return urlencode({"n": self.asked, "last": tags[-1]})


@dataclass
class _Referrers:
    address: Address
    place: Place
    found: dict[Digest, Descriptor] = field(default_factory=dict)

    def add(self, page: Response) -> str | None:
        try:
            entries = parse_referrers(manifest_of(page.media_type, page.body))
        except ValueError as error:
            raise _no_list(self.place, f"its list of referrers is none: {error}") from error
        known = len(self.found)
        for entry in entries:
            self.found.setdefault(entry.digest, entry)
        if len(self.found) > _MOST_REFERRERS:
            raise _endless(self.place, f"it has more than {_MOST_REFERRERS} referrers")
        link = _next(page)
        if link is None:
            return None
        query = _query(link, self.address)
        if query is None:
            raise _endless(self.place, "it leads on to another address")
        if len(self.found) == known:
            raise _endless(self.place, "a page of it has nothing that was not on an earlier one")
        return query


def _tags(body: bytes, place: Place) -> list[str]:
    try:
        tags = json.loads(body)["tags"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _no_list(place, "what it gives as its list of tags is none") from None
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and is_tag(tag) for tag in tags):
        raise _no_list(place, "its list of tags has something that is no tag")
    return tags


def _next(page: Response) -> str | None:
    """Where the answer says that the next page is."""
    for target, parameters in _LINK.findall(page.headers.get("Link", "")):
        if _NEXT.search(parameters):
            return str(target)
    return None


def _query(link: str, address: Address) -> str | None:
    """The link's query, all that is taken from it; None where it does not lead to the same list."""
    try:
        target = address.join(link)
    except ValueError:
        return None
    path, _, query = target.target.partition("?")
    return query if (target.origin, path) == (address.origin, address.target) and query else None


def _no_list(place: Place, why: str) -> RegistryError:
    return RegistryError(f"{place}: {why}", hint=f"is {place.access.endpoint} a registry? Tell its operator")


def _endless(place: Place, why: str) -> RegistryError:
    return RegistryError(f"{place}: an endless list: {why}", hint=f"tell the operator of registry {place.access.name}")
