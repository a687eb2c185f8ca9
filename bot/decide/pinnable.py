"""Which images an overlay only inherits and could have to itself by kustomize's `images`."""

from __future__ import annotations

import re

from bot.config import Config
from bot.decide.bases import Inherited, is_kustomization, read_base
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Ask, Refusal
from bot.manifests import Form, scalar_at

# What kustomize's `images` reach: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
_CONTAINER = re.compile(r".*/(?:containers|initContainers)/[0-9]+/image")


def missing_images(ask: Ask, config: Config, snapshot: Snapshot, manifest: Manifest) -> tuple[Inherited, ...]:
    """The images that move and that a manifest only inherits. Raises Refusal where they can't be pinned."""
    own = names_in(manifest)
    base = read_base(ask, snapshot.rev, manifest.file.path)
    nearest: dict[str, Inherited] = {}
    for each in base.images:
        if config.moves_to(snapshot.environment.name, each.image) and each.image.name not in own:
            first = nearest.setdefault(each.image.name, each)
            if first.image != each.image and not is_kustomization(first.file.path):
                raise Refusal(
                    f"{first.place} names {first.image}, but {each.place} names {each.image}",
                    f"name one version in the base, or write the image in {manifest.file.path} by hand",
                )
    for each in nearest.values():
        _refuse_unreachable(manifest, each)
    return tuple(nearest.values())


def names_in(manifest: Manifest) -> set[str]:
    """What the overlay calls images by itself, and what they are called below it."""
    names = set()
    for field in manifest.fields:
        if field.image is not None:
            below = scalar_at(manifest.file.path, manifest.file.content, field.document, f"{field.pointer}/name")
            names |= {field.image.name, *([below.text] if below else [])}
    return names


def _refuse_unreachable(manifest: Manifest, each: Inherited) -> None:
    by_hand = f"write the image with its repository in {manifest.file.path} by hand, as {each.place} has it"
    if not is_kustomization(manifest.file.path):
        raise Refusal(f"{manifest.file.path} is no kustomization, and only those can have `images`", by_hand)
    if is_kustomization(each.file.path):
        if scalar_at(each.file.path, each.file.content, each.field.document, f"{each.field.pointer}/newName"):
            raise Refusal(f"{each.place} renames the image by `newName`, so its name in the base isn't known", by_hand)
    elif each.field.form is not Form.STRING or not _CONTAINER.fullmatch(each.field.pointer):
        raise Refusal(f"{each.place} isn't a container's image, and kustomize's `images` changes only those", by_hand)
    if each.image.tag is None and each.image.digest is None:
        raise Refusal(
            f"{each.place} names {each.image} without tag and digest", f"write a tag or digest in {each.place} first"
        )
