"""A layout as the text of a `promobot.yaml`, with what is unsure beside the place that it is about."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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
class Home:
    """Where a repository is on the forge: its project, and the branch that is deployed."""

    project: str
    branch: str


def write_config(layout: Layout, homes: Sequence[Home], forge_path: str) -> str:
    """The configuration; `homes` are those of the repositories by number, `forge_path` the local forge's folder."""
    lines = [
        *_forges(forge_path),
        "",
        *_registries(layout),
        "",
        "environments:",
        *(line for one in layout.environments for line in _environment(one, homes[one.repository])),
        *(line for name in layout.silent for line in _silent(name)),
    ]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _forges(path: str) -> Iterator[str]:
    yield "forges:"
    yield "  # Merge requests over bare repositories, <path>/<project>.git, on this machine: see docs/local-forge.md."
    yield f"  local: {{type: local, path: {_scalar(path)}}}"


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


def _environment(one: Environment, home: Home) -> Iterator[str]:
    yield from (line for doubt in one.unsure for line in _comment(f"unsure: {doubt}", 2))
    yield f"  - name: {_scalar(one.name)}"
    if one.source is not None:
        yield f"    from: {_scalar(one.source)}"
    project, branch = _scalar(home.project), _scalar(home.branch)
    yield f"    repository: {{forge: local, project: {project}, branch: {branch}}}"
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
