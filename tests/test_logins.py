"""docs/logins.md is what happens: its configurations name logins that can be read, its commands leave such logins."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.cli import main
from bot.config import BasicAuth, RegistryConfig
from bot.configfile import load_config
from bot.credentials import login_for
from bot.demo.registries import RunningRegistry
from bot.registry import Login

PAGE = (Path(__file__).parents[1] / "docs/logins.md").read_text(encoding="utf-8")
REST = """
forges:
  here: {type: local, path: .}
environments:
  - name: prod
    repository: {forge: here, project: gitops}
    paths: ["apps/{service}/values.yaml"]
    registry: prod
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"test_logins.py -->\n```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def rows() -> list[list[str]]:
    """The table of registries: what is between backquotes in `url` and in `username`."""
    table = PAGE.partition("## Which registry wants what")[2].partition("\n\n")[2].partition("\n\n")[0]
    cells = [line.split("|")[2:4] for line in table.splitlines()[2:]]
    return [[" ".join(re.findall(r"`(.+?)`", cell)) for cell in row] for row in cells]


def test_the_configuration_names_logins_that_can_be_read(tmp_path: Path) -> None:
    (registries,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    secret = tmp_path / "prod"
    secret.write_text("from a file\n", encoding="utf-8")
    path = tmp_path / "promobot.yaml"
    path.write_text(registries.replace("/run/secrets/prod", str(secret)) + REST, encoding="utf-8")
    (tmp_path / "login.json").write_text(
        '{"auths": {"111111111111.dkr.ecr.eu-west-2.amazonaws.com": {"auth": "QVdTOmZyb20gZG9ja2Vy"}}}',
        encoding="utf-8",
    )
    configured = load_config(path).registries
    environ = {"HARBOR_SECRET": "from the environment"}
    assert {name: login_for(name, registry, environ) for name, registry in configured.items()} == {
        "e2e": Login("AWS", "from docker"),
        "staging": Login("robot$promobot", "from the environment"),
        "prod": Login("gitlab+deploy-token-1", "from a file"),
    }


def test_the_tables_registries_can_be_configured() -> None:
    urls = [url for url, _ in rows() if url]
    assert len(urls) >= 7
    for url in urls:
        assert RegistryConfig(url=url).url == url


def test_the_tables_users_can_be_configured() -> None:
    users = [user for _, user in rows() if user]
    assert "AWS" in users
    for user in users:
        assert BasicAuth(type="basic", username=user, password_env="TOKEN").username == user


def test_what_skopeo_leaves_lets_promobot_in(
    tmp_path: Path, e2e_registry: RunningRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert e2e_registry.login is not None
    monkeypatch.chdir(tmp_path)
    registry = {"url": e2e_registry.host, "plain_http": True, "auth": {"type": "docker", "config": "login.json"}}
    (tmp_path / "promobot.yaml").write_text(yaml.safe_dump({"registries": {"prod": registry}}) + REST, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", "--bare", "gitops.git"], check=True)  # noqa: S607
    (logs_in, said), (checks, found) = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block("console"), re.MULTILINE)
    here = logs_in.replace("registry.example.com", f"--tls-verify=false {e2e_registry.host}")
    here = here.replace("--username promobot", f"--username {e2e_registry.login.username}")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TOKEN": e2e_registry.login.password}
    assert subprocess.run(["sh", "-c", here], env=environ, check=True, capture_output=True, text=True).stdout == said  # noqa: S607
    main(checks.split()[1:], environ={"HOME": str(tmp_path), "PROMOBOT_CACHE": str(tmp_path / "cache")})
    assert found in capsys.readouterr().out


@pytest.mark.parametrize(("aws", "left"), [("echo new", "new\n"), ("exit 1", "old\n")])
def test_a_token_that_cannot_be_had_leaves_the_old_one(aws: str, left: str, tmp_path: Path) -> None:
    program = tmp_path / "bin/aws"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1 $2" = "ecr get-login-password" ] && {aws}\n', encoding="utf-8")
    program.chmod(0o700)
    (tmp_path / "ecr").write_text("old\n", encoding="utf-8")
    path = f"{program.parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", block("sh")], cwd=tmp_path, env={"PATH": path}, check=False)  # noqa: S607
    assert (tmp_path / "ecr").read_text(encoding="utf-8") == left
