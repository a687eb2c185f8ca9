"""A world for one case of the fault matrix: work at registries behind proxies, one kind of request broken."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from bot.demo.oci import Image
from bot.demo.registries import RunningRegistry
from bot.errors import ConflictError, RegistryError
from bot.images import Digest
from bot.registry.client import ImageRepository
from tests.proxy import FaultProxy, Kind, Seen, start_proxy
from tests.registry.copies import missing
from tests.registry.places import repository_of

TAG = "1.2.0"
_UPLOAD = re.compile(r"(/blobs/uploads/)[^/?]+")


@dataclass(frozen=True)
class Limits:
    """Time limits of a case, in seconds: for each answer, and for each try of a copy."""

    answer: float = 10.0
    copy: float = 20.0


@dataclass(frozen=True)
class Site:
    """Where work is done: each repository behind a proxy, and `direct`, the destination without one."""

    source: ImageRepository
    destination: ImageRepository
    direct: ImageRepository
    image: Image
    cache: Path
    limits: Limits


@dataclass(frozen=True)
class Work:
    """What is done at a site, such as a copy: `act` makes `tags` hold the image, or raises RegistryError.

    `prepare` brings about what it finds there and returns what the tags hold before.
    """

    name: str
    image: Callable[[str], Image]
    prepare: Callable[[Site], Digest | None]
    act: Callable[[Site], object]
    tags: tuple[str, ...] = (TAG,)
    one_registry: bool = False


@dataclass(frozen=True)
class Request:
    """A kind of request: what is addressed by which method, at `source`, `destination` or `registry` (both)."""

    side: str
    method: str
    address: str

    def __str__(self) -> str:
        return f"{self.side}: {self.method} {self.address}"


@dataclass
class Breaker:
    """A proxy's gate: breaks the first `times` requests of one kind."""

    side: str
    names: Mapping[str, str]
    target: Request | None = None
    kind: Kind | None = None
    times: int = 0
    struck: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Seen) -> Kind | None:
        if self.request(request) != self.target:
            return None
        with self.lock:
            self.struck += 1
            return self.kind if self.struck <= self.times else None

    def request(self, seen: Seen) -> Request:
        """What kind of request it is: names, digests and identifiers of uploads replaced by what they stand for."""
        path, _, query = seen.path.partition("?")
        for text, name in self.names.items():
            path = path.replace(text, name)
        mount = "?mount" if "mount=" in query else ""
        return Request(self.side, seen.method, _UPLOAD.sub(r"\1{upload}", path) + mount)


@dataclass(frozen=True)
class World:
    """A site, the breakers of its proxies, and the proxies; `new_run` gives the site as another process sees it."""

    site: Site
    new_run: Callable[[Limits], Site]
    breakers: tuple[Breaker, ...]
    proxies: tuple[FaultProxy, ...]

    def requests(self) -> tuple[Request, ...]:
        """Every kind of request so far, in the order of the first of each."""
        return tuple(
            dict.fromkeys(
                breaker.request(seen)
                for breaker, proxy in zip(self.breakers, self.proxies, strict=True)
                for seen in proxy.seen
            )
        )

    def break_(self, request: Request, kind: Kind, times: int) -> None:
        for breaker in self.breakers:
            breaker.target, breaker.kind, breaker.times, breaker.struck = request, kind, times, 0

    @property
    def struck(self) -> int:
        """How many requests of the broken kind came."""
        return sum(breaker.struck for breaker in self.breakers)

    def heal(self) -> None:
        for breaker in self.breakers:
            breaker.target = None
        for proxy in self.proxies:
            proxy.heal()


def _names(image: Image, source: str, destination: str) -> dict[str, str]:
    names = {source: "{from}", destination: "{to}", TAG: "{tag}"}
    names |= {str(image.digest): "{index}" if image.children else "{manifest}"}
    for each in (image, *image.children):
        names.setdefault(str(each.digest), "{child}")
        for position, blob in enumerate(each.blobs):
            names[_digest(blob)] = "{layer}" if position else "{config}"
    return names


def _digest(blob: bytes) -> str:
    return str(Image("", blob).digest)


@contextmanager
def world_of(
    work: Work, registries: tuple[RunningRegistry, RunningRegistry], cache: Path, limits: Limits
) -> Iterator[World]:
    """Make a site with repositories and an image that no other case has, its registries behind proxies."""
    unique = uuid4().hex[:12]
    source_path, destination_path = f"from-{unique}/app", f"to-{unique}/app"
    image = work.image(unique)
    names = _names(image, source_path, destination_path)
    with ExitStack() as stack:
        sides = ("registry",) if work.one_registry else ("source", "destination")
        breakers = tuple(Breaker(side, names) for side in sides)
        proxies = tuple(
            stack.enter_context(start_proxy(registry, gate=breaker))
            for registry, breaker in zip(registries[-len(sides) :], breakers, strict=True)
        )

        direct = stack.enter_context(repository_of(registries[1].access("direct"), destination_path))

        def new_run(limits: Limits) -> Site:
            source, destination = (
                stack.enter_context(repository_of(proxy.access(name), path, timeout=limits.answer))
                for proxy, name, path in (
                    (proxies[0], "e2e", source_path),
                    (proxies[-1], "staging", destination_path),
                )
            )
            return Site(source, destination, direct, image, cache, limits)

        yield World(new_run(limits), new_run, breakers, proxies)


def outcome(site: Site, work: Work, before: Digest | None) -> tuple[bool, list[str]]:
    """Do the work once: whether it succeeded, and what is wrong with how it ended."""
    try:
        work.act(site)
    except (RegistryError, ConflictError) as error:
        done, wrong = False, _unclear(error)
    else:
        done, wrong = True, []
    held = {tag: site.direct.registry.digest(site.direct.path, tag) for tag in work.tags}
    allowed = {site.image.digest} if done else {site.image.digest, before}
    wrong += [f"{tag} holds {digest}" for tag, digest in held.items() if digest not in allowed]
    if site.image.digest in held.values():
        wrong += [f"{digest} is missing below the tag" for digest in missing(site.direct, site.image)]
    return done, wrong


def _unclear(error: RegistryError | ConflictError) -> list[str]:
    """What an error's text lacks."""
    demands = {
        "no hint": bool(error.hint),
        "no registry is named": "registry e2e" in error.message or "registry staging" in error.message,
        "more than a line": "\n" not in error.message,
        "a traceback": "Traceback" not in str(error),
    }
    return [f"{demand}: {error}" for demand, met in demands.items() if not met]
