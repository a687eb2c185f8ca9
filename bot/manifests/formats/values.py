"""Helm values files, recognised by name: values.yaml, values-prod.yaml, prod-values.yaml, prod.values.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.manifests import shapes
from bot.manifests.document import Mapping, Scalar
from bot.manifests.site import Site
from bot.manifests.walk import Place

_NAME = re.compile(r"(?:values(?:-.+)?|.+[-.]values)\.ya?ml")


def recognises(path: str, root: Mapping) -> bool:
    """By the file's name, unless the document says what Kubernetes object it is.

    A lone `kind` is a chart's own value (`kind: DaemonSet`).
    """
    keys = {key.text for key, _ in root.pairs if isinstance(key, Scalar)}
    return _NAME.fullmatch(path.rpartition("/")[2]) is not None and not {"apiVersion", "kind"} <= keys


def sites(document: int, root: Mapping) -> Iterator[Site]:
    """The images anywhere in the document."""
    yield from shapes.sites(Place(document), "", root)
