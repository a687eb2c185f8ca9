"""What runs where: every image that the environments' manifests name, whether it moves or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from bot.config import Config, EnvironmentConfig, is_service
from bot.decide.environments import Manifest, Nameless, Snapshot, read_environments
from bot.decide.facts import Ask, Facts, Refusal, Unanswered
from bot.images import ImageRef
from bot.promotion import Deployed
from bot.questions import Absent, Found, Location, Need, Question, TagDigest
from bot.repositories import Rev

# So many hosts are named of what there is.
_FEW = 3


def survey(config: Config, facts: Facts) -> Need | tuple[Deployed, ...]:
    """Every image of every service, by environment. An environment that can't be read is one entry with a problem."""
    ask = Ask(facts)
    found: list[Deployed] = []
    questions: dict[Question[Any], None] = {}
    for environment in config.environments:
        try:
            (snapshot,) = read_environments(ask, config, (environment,), ())
            found.extend(_of_environment(config, snapshot))
        except Unanswered as need:
            questions.update(dict.fromkeys(need.questions))
        except Refusal as refusal:
            found.append(_unreadable(environment, refusal))
    return Need(tuple(questions)) if questions else tuple(found)


def with_presence(config: Config, deployed: Iterable[Deployed], facts: Facts) -> Iterator[Deployed]:
    """The same, with what is known by now of the registries; nothing is asked for it."""
    for item in deployed:
        if not item.ours or item.image is None or item.image.tag is None:
            yield item
            continue
        location = Location(config.environment(item.environment).registry, item.image.repository)
        match facts.answers.get(TagDigest(location, item.image.tag)):
            case Found(digest):
                drift = None if item.image.digest is None else item.image.digest != digest
                yield replace(item, present=True, drift=drift)
            case Absent():
                yield replace(item, present=False)
            case _:
                yield item


def elsewhere(config: Config, deployed: Iterable[Deployed]) -> Iterator[tuple[EnvironmentConfig, str]]:
    """Environments whose images are all from other registries than their own and their sources', and what they say."""
    images: dict[str, list[ImageRef]] = {}
    for item in deployed:
        if item.image is not None:
            images.setdefault(item.environment, []).append(item.image)
    for environment in config.environments:
        theirs = images.get(environment.name, [])
        registries = {each.registry for each in (environment, *config.upstream(environment))}
        if theirs and all(config.registries[name].path_of(image) is None for name in registries for image in theirs):
            hosts = list(dict.fromkeys(image.registry or image.name for image in theirs))
            more = f" and {len(hosts) - _FEW} more" if len(hosts) > _FEW else ""
            url = config.registries[environment.registry].url
            yield environment, f"no image in {environment.name} is from {url}, but from {', '.join(hosts[:_FEW])}{more}"


def _of_environment(config: Config, snapshot: Snapshot) -> Iterator[Deployed]:
    for service, manifests in snapshot.manifests.items():
        for manifest in manifests:
            yield from _of_manifest(config, snapshot, service, manifest)
    for file in snapshot.nameless:
        yield _left_out(config, snapshot, file)


def _of_manifest(config: Config, snapshot: Snapshot, service: str, manifest: Manifest) -> Iterator[Deployed]:
    name, path = snapshot.environment.name, manifest.file.path
    try:
        for field in manifest.fields:
            ours = field.image is not None and config.moving_path(name, field.image) is not None
            pointer = f"{field.document}:{field.pointer}"
            yield Deployed(name, service, snapshot.rev, path, field.line, pointer, field.image, ours, field.gap)
    except Refusal as refusal:
        blocked = refusal.blocked
        yield Deployed(
            name, service, snapshot.rev, path, 1, "", None, ours=False, problem=blocked.reason, code=blocked.code
        )


def _left_out(config: Config, snapshot: Snapshot, file: Nameless) -> Deployed:
    name, problem = snapshot.environment.name, f"left out: no service can be called {file.name!r}"
    if is_service(file.name):
        problem = f"left out: by `names`, {file.name} is called {config.name_of(file.name, name)} in {name}"
    return Deployed(name, file.name, snapshot.rev, file.path, 1, "", None, ours=False, problem=problem)


def _unreadable(environment: EnvironmentConfig, refusal: Refusal) -> Deployed:
    rev = Rev(environment.repository.repository, "")
    blocked = refusal.blocked
    return Deployed(environment.name, "*", rev, "", 0, "", None, ours=False, problem=blocked.reason, code=blocked.code)
