"""The company with a forge of each kind, and what people do there: what promotions on every forge are tested with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType

from tests.company import Company
from tests.promotion.shops.github import GitHubAppShop, GitHubShop, github_app_shop, github_shop
from tests.promotion.shops.gitlab import GitLabShop, gitlab_shop
from tests.promotion.shops.local import LocalShop, local_shop
from tests.promotion.shops.shop import ANN, Shop, Shown

__all__ = [
    "ALL_SHOPS",
    "ANN",
    "SHOPS",
    "GitHubAppShop",
    "GitHubShop",
    "GitLabShop",
    "LocalShop",
    "Shop",
    "Shown",
    "github_app_shop",
    "github_shop",
    "gitlab_shop",
]

SHOPS: Mapping[str, Callable[[Company], AbstractContextManager[Shop]]] = MappingProxyType(
    {"local": local_shop, "gitlab": gitlab_shop, "github": github_shop}
)
# And those that differ from one of them in how commits come about alone.
ALL_SHOPS: Mapping[str, Callable[[Company], AbstractContextManager[Shop]]] = MappingProxyType(
    {**SHOPS, "github-api": github_app_shop}
)
