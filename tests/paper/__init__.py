"""A world on paper: answers `decide`'s questions from dictionaries, for tests of what is decided and why."""

from tests.paper.estate import CONFIG, E2E, SHOP, STAGING, TEXTS, commit, configured, digest, values
from tests.paper.world import Paper

__all__ = [
    "CONFIG",
    "E2E",
    "SHOP",
    "STAGING",
    "TEXTS",
    "Paper",
    "commit",
    "configured",
    "digest",
    "values",
]
