"""What is in it: two environments of one repository, manifests, commits and digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.config import Config
from bot.decide import Texts
from bot.images import Digest
from bot.repositories import Commit, Repository
from bot.resources import load_templates

SHOP = Repository("local", "shop/gitops")
E2E, STAGING = "registry-e2e.example.com", "registry-staging.example.com"
TEXTS = Texts(load_templates())


def configured(
    e2e: Mapping[str, object] | None = None,
    staging: Mapping[str, object] | None = None,
    services: Sequence[Mapping[str, object]] = (),
    further: Sequence[Mapping[str, object]] = (),
    **registries: Mapping[str, object],
) -> Config:
    """Two environments of one repository, with these keys besides, rules for services, and what is `further`."""
    repository = {"forge": "local", "project": "shop/gitops"}
    return Config.model_validate(
        {
            "forges": {"local": {"type": "local", "path": "."}},
            "registries": {"e2e": {"url": E2E}, "staging": {"url": STAGING}, **registries},
            "environments": [
                {
                    "name": "e2e",
                    "repository": repository,
                    "paths": ["apps/{service}/e2e/values.yaml"],
                    "registry": "e2e",
                    **(e2e or {}),
                },
                {
                    "name": "staging",
                    "from": "e2e",
                    "repository": repository,
                    "paths": ["apps/{service}/staging/values.yaml"],
                    "registry": "staging",
                    "tag": "{major}.{minor}.{patch}",
                    "approvers": {"groups": ["team"]},
                    **(staging or {}),
                },
                *further,
            ],
            "services": list(services),
        }
    )


CONFIG = configured()


def digest(seed: int) -> Digest:
    """A digest that is easy to tell from another."""
    return Digest(f"sha256:{seed:064x}")


def values(registry: str, tag: str, *, repository: str = "shop/api", extra: str = "") -> bytes:
    """A values file that names one image."""
    return f"image:\n  repository: {registry}/{repository}\n  tag: {tag}\n{extra}".encode()


def commit(sha: str, *, email: str = "promobot@localhost", committer: str = "", **trailers: str | list[str]) -> Commit:
    """A commit, by its author unless somebody else is its `committer`.

    `Promoted_Image="…"` becomes the trailer Promoted-Image, a list several of them.
    """
    pairs = [
        (key.replace("_", "-"), text)
        for key, value in trailers.items()
        for text in (value if isinstance(value, list) else [value])
    ]
    return Commit(sha, email, committer or email, tuple(pairs))
