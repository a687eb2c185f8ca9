"""The configuration's JSON Schema: what editors complete and check by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.cli import main
from bot.cli.schema import config_schema
from bot.configfile import load_config
from bot.errors import ConfigError

PUBLISHED = Path(__file__).parent.parent / "docs" / "promobot.schema.json"
EVERYTHING = """\
forges:
  work: {type: local, path: git, signing: {ssh_key_file: key}}
  lab: {type: gitlab, url: "https://gitlab.example.com", token_env: TOKEN, ca_file: ca.pem, git: "ssh://git@gitlab.example.com"}
  com: {type: gitlab, token_file: token, signing: {gpg_key: "0x0123456789ABCDEF"}}
  hub: {type: github, url: "https://github.example.com", token_file: token, git: "ssh://git@github.example.com"}
  app: {type: github, app: {id: 7, key_env: KEY, installation: 9}}
  own: {type: github, app: {id: Iv23, key_file: key.pem}, commits: api}
registries:
  e2e: {url: e2e.example.com, auth: {type: docker}}
  prd: {url: prd.example.com/team, concurrency: 4, token_hosts: [auth.example.com]}
environments:
  - name: e2e
    repository: {forge: work, project: platform/gitops}
    paths: ["apps/{team}/{service}/e2e.yaml"]
    exclude: ["apps/old/**"]
    registry: e2e
  - name: eu
    from: e2e
    repository:
      forge: work
      project: sre/gitops
      branch: release
      branches: "PLAT-12-{environment}-{unit}"
      pin_branches: "PLAT-12-pin-{environment}-{unit}"
    paths: ["apps/{team}/{service}/eu.yaml"]
    registry: prd
    images: ["shop/*"]
    repositories: {"shop/*": "live/shop-*"}
    tag: {match: "aat-(?P<sha>[0-9a-f]+)", to: "prod-{sha}"}
    write: digest
    also_promote: [/spec/chart/spec/version]
    when_missing: copy
    promote: auto
    supersede: wait
    merge: auto
    approvers: {groups: [sre], users: [kim], required: 2, rule: true}
    merge_requests: {labels: [release], draft: true, assignee: trigger}
    gates: {soak: 1d12h}
    floating_tags: ["{major}.{minor}", stable]
    replace_unreleased: true
    allow_image_policy: true
    lock: [tag, approvers]
    limits: {open_requests: 3}
  - name: us
    from: [e2e, eu]
    repository: {forge: work, project: sre/gitops}
    paths: ["apps/{service}/us.yaml"]
    registry: prd
    tag: "{major}.{minor}.{patch}"
    fields: [{pointer: /image/tag, holds: tag, image: "prd.example.com/team/{service}"}]
services:
  - match: "payments-*"
    environments: us
    owner: payments
    group: payments
    source: {forge: work, project: shop/payments}
    skip: [eu]
    names: {us: "{service}-live"}
    tag: same
groups:
  payments: {all_or_nothing: true}
author: {name: robot, email: robot@example.com}
templates: texts
"""


def faults(text: str) -> list[str]:
    schema = json.loads(config_schema())
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text))]


def test_the_published_schema_is_the_model_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`promobot schema > docs/promobot.schema.json` mends it."""
    assert main(["schema"], environ={}) == 0
    assert capsys.readouterr().out == PUBLISHED.read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(config_schema()))


def test_a_file_with_everything_fits(tmp_path: Path) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    load_config(path)
    assert faults(EVERYTHING) == []


def test_every_key_is_in_that_file() -> None:
    schema: dict[str, Any] = json.loads(config_schema())
    models = [schema, *schema["$defs"].values()]
    elsewhere = {"endpoint", "plain_http", "ca_file", "username", "password_env", "password_file", "config"}
    keys = {key for model in models for key in model.get("properties", {})} - elsewhere
    assert {key for key in keys if f"{key}:" not in EVERYTHING} == set()


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("promote: auto", "promotes: auto"),
        ("promote: auto", "promote: sometimes"),
        ("soak: 1d12h", "soak: two days"),
        ("soak: 1d12h", "soak: ''"),
        ("name: e2e", "name: E2E"),
        ("from: e2e", "from: {env: e2e}"),
        ("required: 2", "required: -1"),
        ("concurrency: 4", "concurrency: 400"),
        ("type: docker", "type: ecr"),
        ('match: "payments-*"', "match: []"),
        ("skip: [eu]", "skip: [3]"),
        ('to: "prod-{sha}"', 'into: "prod-{sha}"'),
        ("lock: [tag, approvers]", "lock: [name]"),
        ("PLAT-12-{environment}-{unit}", "PLAT-12-{environment}"),
        ("PLAT-12-pin-{environment}-{unit}", "PLAT-12-pin-{env}-{unit}"),
    ],
)
def test_what_the_model_refuses_the_schema_refuses_too(tmp_path: Path, good: str, bad: str) -> None:
    text = EVERYTHING.replace(good, bad, 1)
    assert text != EVERYTHING
    path = tmp_path / "promobot.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_config(path)
    assert faults(text) != []
