"""The words by which people call environments and the folders around them, and what promotes to what by custom."""

from __future__ import annotations

import re
from functools import lru_cache

# By custom, what has the higher number gets its images from what has the lower.
_RANKS = {
    "sandbox": 5,
    "dev": 10,
    "develop": 10,
    "development": 10,
    "ci": 15,
    "int": 20,
    "integration": 20,
    "test": 30,
    "testing": 30,
    "tst": 30,
    "e2e": 35,
    "qa": 40,
    "uat": 50,
    "acceptance": 50,
    "stage": 60,
    "staging": 60,
    "stg": 60,
    "preprod": 70,
    "preprd": 70,
    "preproduction": 70,
    "prod": 80,
    "prd": 80,
    "production": 80,
    "live": 80,
}
# Words for much else: alone, without another environment beside, they say nothing.
_WEAK = frozenset({"ci", "int", "integration", "live", "sandbox", "test", "testing", "tst", "e2e"})
# Folders and files that are called after what they are, not after a service.
_KINDS = """\
app application applications apps base bases chart charts cluster clusters common component components config
configs controllers default deploy deployment deployments environment environments env envs flux flux-system gitops
global helm helm-release helm-values helmfile helmrelease helmreleases image images infra infrastructure k8s
kubernetes kustomization kustomize main manifests overlay overlays overrides patch patches release releases
resources secrets service services shared stack stacks tenants values workloads
"""
_GENERIC = frozenset(_KINDS.split())
# What stands beside environments and is none.
_SHARED = frozenset({"base", "bases", "common", "default", "global", "shared", "template", "templates"})
# What is in there is made from, tried with or shown by other manifests than those that run.
_ASIDE = frozenset({"docs", "example", "examples", "fixtures", "hack", "templates", "test-data", "testdata", "tests"})
_SEPARATOR = re.compile(r"[-_.]")


def is_environment(name: str) -> bool:
    """Whether the whole name is a word for an environment."""
    return _plain(name) in _RANKS


def is_weak(name: str) -> bool:
    """Whether the name is a word for an environment, but for much else too."""
    return _plain(name) in _WEAK


def is_generic(name: str) -> bool:
    """Whether a folder or file of this name isn't called after a service."""
    return name.lower() in _GENERIC


def is_shared(name: str) -> bool:
    """Whether environments inherit from what has this name."""
    return name.lower() in _SHARED


def is_aside(name: str) -> bool:
    """Whether what a folder of this name holds isn't deployed from there."""
    return name.lower() in _ASIDE


def tokens(name: str) -> list[str]:
    """The words of a name such as `eu-prod`."""
    return _SEPARATOR.split(name)


@lru_cache(maxsize=1 << 14)
def rank(name: str) -> tuple[int, str] | None:
    """Where an environment stands in the custom's order, and what its name says besides; None where no word tells.

    `eu-prod` is (80, "eu"), and so is `euprod`.
    """
    if is_environment(name):
        return _RANKS[_plain(name)], ""
    words = tokens(name.lower())
    for word in words:
        if word in _RANKS:
            return _RANKS[word], "-".join(other for other in words if other != word)
    glued = max((word for word in _RANKS if len(word) > 2 and name.lower().endswith(word)), key=len, default="")
    return (_RANKS[glued], name.lower().removesuffix(glued)) if glued else None


def _plain(name: str) -> str:
    return _SEPARATOR.sub("", name.lower())
