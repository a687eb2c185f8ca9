"""The words by which people call environments and the folders around them, and what promotes to what by custom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    "sit": 40,
    "nonprod": 45,
    "nonprd": 45,
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
_WEAK = frozenset({"ci", "int", "integration", "live", "sandbox", "sit", "test", "testing", "tst", "e2e"})
# Folders and files that are called after what they are, not after a service.
_KINDS = """\
app application applications apps base bases chart charts cluster clusters common component components config
configs controllers default deploy deployment deployments environment environments env envs flux flux-system gitops
global helm helm-release helm-values helmfile helmrelease helmreleases image images infra infrastructure k8s
kubernetes kustomization kustomize main manifests overlay overlays overrides patch patches release releases
resources secrets service services shared stack stacks tenants values workloads
"""
_GENERIC = frozenset(_KINDS.split())
# Of these, what several services together are called.
_GROUPS = frozenset(
    {"app", "application", "applications", "apps", "components", "infra", "infrastructure", "release", "releases"}
    | {"service", "services", "stack", "stacks", "tenants", "workloads"}
)
# Folders whose folders are environments, or clusters, whatever these are called.
_HOLDS_ENVIRONMENTS = frozenset({"environment", "environments", "envs", "stages"})
_HOLDS_CLUSTERS = frozenset({"clusters", "fleet", "regions", "sites"})
# What names of branches may have before an environment: `env/prod`.
_BRANCHES = frozenset({"deploy", "env", "environment", "environments", "envs"})
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


def is_group(name: str) -> bool:
    """Whether it is called as several services together are."""
    return name.lower() in _GROUPS


def holds_environments(name: str) -> bool:
    """Whether what is in a folder of this name is an environment each."""
    return name.lower() in _HOLDS_ENVIRONMENTS


def holds_clusters(name: str) -> bool:
    """Whether what is in a folder of this name is a cluster each."""
    return name.lower() in _HOLDS_CLUSTERS


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
    for found in _environment_in(words, ()):
        return _RANKS["".join(found)], "-".join(word for word in words if word not in found)
    glued = max((word for word in _RANKS if len(word) > 2 and name.lower().endswith(word)), key=len, default="")
    return (_RANKS[glued], name.lower().removesuffix(glued)) if glued else None


def _plain(name: str) -> str:
    return _SEPARATOR.sub("", name.lower())


@lru_cache(maxsize=1 << 10)
def name_of(folder: str) -> str:
    """What an environment is called in a configuration, by the folder's, file's or branch's word for it."""
    return re.sub(r"[^a-z0-9._-]+|\.{2,}", "-", folder.lower()).strip("._-")[:63].removesuffix(".lock").strip("._-")


def environments_of_branches(branches: Iterable[str], order: Sequence[str] = ()) -> dict[str, str]:
    """Those branches that are called like environments, or as somebody says, with the environments' names."""
    found: dict[str, str] = {}
    for branch in branches:
        before, _, last = branch.rpartition("/")
        if name_of(last) in order or (is_environment(last) and (not before or before.lower() in _BRANCHES)):
            found[branch] = name_of(last)
    return found


def environments_of_repositories(names: Sequence[str], order: Sequence[str] = ()) -> list[str]:
    """The environment that each repository is called after, `gitops-prod` say; empty where it is none.

    What several have in common is no part of its name, and weak words count beside others only.
    """
    split = [tokens(name.lower()) for name in names]
    shared = set.intersection(*map(set, split)) if split else set()
    own = [next(_environment_in(words, order), []) for words in split]
    if not any(word for word in own if not is_weak("".join(word))):
        return [""] * len(names)
    pairs = zip(split, own, strict=True)
    return [
        name_of("-".join(word for word in words if word in found or word not in shared)) * bool(found)
        for words, found in pairs
    ]


def _environment_in(words: Sequence[str], order: Sequence[str]) -> Iterator[list[str]]:
    """One or two words beside each other that are an environment, two first: `non-prod` is no production."""
    for size in (2, 1):
        for start in range(len(words) - size + 1):
            found = [*words[start : start + size]]
            if "".join(found) in _RANKS or "-".join(found) in order:
                yield found


@dataclass(frozen=True)
class Vocabulary:
    """What is called an environment: the words for it, what somebody says in `order`, and what tools have `told`."""

    order: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()

    def is_environment(self, name: str) -> bool:
        """Whether the whole name is an environment's."""
        return self.is_certain(name) or is_environment(name)

    def is_certain(self, name: str) -> bool:
        """Whether it is one for somebody who knows."""
        return name in self.told or name_of(name) in self.order

    def is_weak(self, name: str) -> bool:
        """Whether the name is a word for an environment, but for much else too."""
        return is_weak(name) and not self.is_certain(name)
