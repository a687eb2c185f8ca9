"""The forges' own descriptions and recordings. They are no part of the project: PROMOBOT_TEST_DATA names the folder."""

from __future__ import annotations

from tests.manifests.corpus.index import DATA

FORGE_SCHEMAS = DATA / "forge-schemas"
ABSENT = f"no forge schemas at {FORGE_SCHEMAS}: nothing is checked against them; PROMOBOT_TEST_DATA can name its folder"


def present() -> bool:
    return FORGE_SCHEMAS.is_dir()
