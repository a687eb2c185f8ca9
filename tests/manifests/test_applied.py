"""Which folders Flux applies, and how another one is said in the same style."""

from __future__ import annotations

import pytest

from bot.manifests import find_applied

FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: %s}\n"


@pytest.mark.parametrize(
    ("text", "folder", "instead"),
    [
        ("./apps/api/dev", "apps/api/dev", "./apps/api/prod"),
        ("apps/api/dev/", "apps/api/dev", "apps/api/prod/"),
        ("/apps/api/dev", "apps/api/dev", "/apps/api/prod"),
        ("./apps/./api//dev", "apps/api/dev", "./apps/api/prod"),
        ("./", "", "./apps/api/prod"),
    ],
)
def test_folders(text: str, folder: str, instead: str) -> None:
    (found,) = find_applied("a.yaml", (FLUX % text).encode())
    assert (found.document, found.pointer, found.folder) == (0, "/spec/path", folder)
    assert found.instead("apps/api/prod") == instead


def test_other_kinds_and_paths_of_nothing_dont_count() -> None:
    other = (FLUX % "a").replace("kustomize.toolkit", "x.toolkit")
    documents = ["- kustomize.toolkit.fluxcd.io", other, FLUX % "''", FLUX % "[a]", FLUX % "b", ""]
    found = find_applied("a.yaml", "\n---\n".join(documents).encode())
    assert [(one.document, one.folder) for one in found] == [(4, "b")]
