"""Two services that want one version tag for different bits, in the same pass: one gets it, the other is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.demo.oci import build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.company import Company


def test_a_version_tag_does_not_move_within_a_pass(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, ["api", "worker"])
    bits = {tag: company.push_e2e("api", tag, build_index(tag, size=1 << 16)) for tag in ("1.1.3-rc2", "1.1.3-rc3")}
    for environment, tag in (("e2e", "1.1.3-rc3"), ("staging", "1.1.2")):
        path = f"apps/worker/{environment}/helmrelease.yaml"
        company.commit("main", path, company.manifest("api", environment, tag))
    assert company.promobot("reconcile", "--strict", "-o", "json") == ExitCode.BLOCKED
    results = json.loads(capsys.readouterr().out)["results"]
    assert sorted(result["outcomes"][-1]["outcome"] for result in results) == ["Done", "Refused"]
    (request,) = company.requests()
    tag = {"promobot/staging/api": "1.1.3-rc2", "promobot/staging/worker": "1.1.3-rc3"}[request.source_branch]
    assert company.staging_digest("api", "1.1.3") == bits[tag]
