"""A layout as the text of a `promobot.yaml`, with what is unsure beside the place that it is about."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.layout.hosts import NO_REGISTRY
from bot.layout.tree import Environment, Field, Layout

_PLAIN = re.compile(r"[A-Za-z][\w./-]*")
_LOOPBACK = re.compile(r"(?:localhost|127\.[\d.]+)(?:[:/]|$)")
_WIDTH = 110
_HEAD = """\
# Written by `promobot init`, from what the manifests look like. Look at what says "unsure", then run `promobot check`.
# `promobot schema` says of every key what it means, docs/configuration.md explains them.

"""


@dataclass(frozen=True)
class Server:
    """A GitLab or GitHub by its looks, and its address."""

    type: Literal["gitlab", "github"]
    url: str


@dataclass(frozen=True)
class Home:
    """Where a repository is on the forge: its project, and the branch that is deployed.

    `server` is where it was cloned from, where that is a forge that knows the project by the same name.
    """

    project: str
    branch: str
    server: Server | None = None


def write_config(layout: Layout, homes: Sequence[Home], forge_path: str) -> str:
    """The configuration; `homes` are those of the repositories by number, `forge_path` the local forge's folder.

    Servers that they were cloned from stand beside that in comments, which take its place once they are none.
    """
    servers = _names(homes[one.repository].server for one in layout.environments)
    lines = [
        *_forges(forge_path),
        *(line for server, name in servers.items() for line in _server(server, name)),
        "",
        *_registries(layout),
        "",
        "environments:",
        *(line for one in layout.environments for line in _environment(one, homes[one.repository], servers)),
        *(line for name in layout.silent for line in _silent(name)),
    ]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _names(servers: Iterable[Server | None]) -> Mapping[Server, str]:
    """Each by a name of its own, so that no two share a token."""
    found = [server for server in dict.fromkeys(servers) if server is not None]
    kinds = [server.type for server in found]
    before = [kinds[:number].count(kind) for number, kind in enumerate(kinds)]
    return {server: f"{server.type}{count + 1 if count else ''}" for server, count in zip(found, before, strict=True)}


def _forges(path: str) -> Iterator[str]:
    yield "forges:"
    yield "  # Merge requests over bare repositories, <path>/<project>.git, on this machine: see docs/local-forge.md."
    yield f"  local: {{type: local, path: {_scalar(path)}}}"


def _server(server: Server, name: str) -> Iterator[str]:
    yield f"  # Or at {server.url} itself, see docs/{server.type}.md: uncomment this, and `repository` of each"
    yield "  # environment, in place of the lines with `local`."
    yield f"  # {name}:"
    yield f"  #   type: {server.type}"
    yield f"  #   url: {_scalar(server.url)}"
    yield f"  #   token_env: {name.upper()}_TOKEN"


def _registries(layout: Layout) -> Iterator[str]:
    yield "registries:"
    for name, url in layout.registries.items():
        if url == NO_REGISTRY:
            yield from _comment("unsure: no image says its registry; write what images begin with", 2)
        yield f"  {_scalar(name)}:"
        yield f"    url: {_scalar(url)}"
        if _LOOPBACK.match(url):
            yield "    plain_http: true               # as Docker does it for this machine"
        yield "    # auth: {type: docker}          to log in as `docker login` did; without it, anonymously"


def _environment(one: Environment, home: Home, servers: Mapping[Server, str]) -> Iterator[str]:
    yield from (line for doubt in one.unsure for line in _comment(f"unsure: {doubt}", 2))
    yield f"  - name: {_scalar(one.name)}"
    if one.source is not None:
        yield f"    from: {_scalar(one.source)}"
    there = f"project: {_scalar(home.project)}, branch: {_scalar(home.branch)}"
    yield f"    repository: {{forge: local, {there}}}"
    if home.server is not None:
        yield f"    # repository: {{forge: {servers[home.server]}, {there}}}"
    yield from _comment(f"{len(one.services)} found: {', '.join(one.services)}", 4)
    yield "    paths:"
    yield from (f"      - {json.dumps(path, ensure_ascii=False)}" for path in one.paths)
    if one.exclude:
        yield "    exclude:"
        yield from (f"      - {json.dumps(path, ensure_ascii=False)}" for path in one.exclude)
    if one.fields:
        yield "    fields:"
        yield from (line for field in one.fields for line in _field(field, several=len(one.paths) > 1))
    yield f"    registry: {_scalar(one.registry)}"
    if one.tag:
        yield f"    tag: {json.dumps(one.tag)}      # {one.source} has pre-releases, and {one.name} has none"


def _field(field: Field, *, several: bool) -> Iterator[str]:
    """One that is for a path names it where there are several."""
    yield from _comment(f"used in {field.where}", 6)
    yield f"      - pointer: {json.dumps(field.pointer, ensure_ascii=False)}"
    yield f"        holds: {field.holds}"
    if field.image:
        yield f"        image: {json.dumps(field.image, ensure_ascii=False)}"
    if several:
        yield f"        path: {json.dumps(field.path, ensure_ascii=False)}"


def _silent(name: str) -> Iterator[str]:
    yield from _comment(f"unsure: {name} looks like an environment, but its manifests name no image: those are", 2)
    yield from _comment("inherited from a base, or in charts. See `promobot pin`.", 2)


def _comment(text: str, indent: int) -> Iterable[str]:
    begin = " " * indent + "# "
    return textwrap.wrap(
        text, _WIDTH, initial_indent=begin, subsequent_indent=begin, break_long_words=False, break_on_hyphens=False
    )


def _scalar(text: str) -> str:
    """Plain where nobody could read it otherwise; `on` or `null` would be something else."""
    ambiguous = text.lower() in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    return text if _PLAIN.fullmatch(text) and not ambiguous else json.dumps(text, ensure_ascii=False)
