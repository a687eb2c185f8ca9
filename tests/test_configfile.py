"""Faults in a configuration are told with file, line and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import BasicAuth, Config, DockerAuth
from bot.configfile import load_config
from bot.errors import ConfigError, ExitCode
from bot.images import ImageRef

GOOD = """\
forges:
  work: {type: local, path: git}
registries:
  e2e: {url: e2e.example.com}
  prd:
    url: localhost:5000/team
    auth:
      type: basic
      username: bot
      password_file: secrets/prd
environments:
  - name: e2e
    repository: {forge: work, project: platform/gitops}
    paths: ["apps/{service}/e2e.yaml"]
    registry: e2e
  - name: prod
    from: e2e
    repository: {forge: work, project: sre/gitops, branch: release}
    paths: ["apps/{service}/prod.yaml"]
    registry: prd
    tag: "{major}.{minor}.{patch}"
"""
BASIC = "      type: basic\n      username: bot\n      password_file: secrets/prd\n"


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "promobot.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.message.replace(str(tmp_path), "DIR")


def test_a_good_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    assert [(source.name, target.name) for source, target in config.hops] == [("e2e", "prod")]
    assert config.environment("prod").repository.branch == "release"


def test_only_the_items_of_a_list_are_told_where_they_are_what_is_wrong(tmp_path: Path) -> None:
    assert fault(tmp_path, GOOD.replace("paths:", "path:")).splitlines() == [
        "DIR/promobot.yaml:12: environments.0.paths: missing",
        "DIR/promobot.yaml:14: environments.0.path: unknown key, did you mean paths?",
        "DIR/promobot.yaml:16: environments.1.paths: missing",
        "DIR/promobot.yaml:19: environments.1.path: unknown key, did you mean paths?",
    ]


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    auth = config.registries["prd"].auth
    assert config.forges["work"].path == tmp_path / "git"
    assert isinstance(auth, BasicAuth)
    assert auth.password_file == tmp_path / "secrets/prd"
    docker = load(tmp_path, GOOD.replace(BASIC, "      type: docker\n      config: login/config.json\n"))
    assert docker.registries["prd"].auth == DockerAuth(type="docker", config=tmp_path / "login/config.json")


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("      type: ecr\n", ":8: registries.prd.auth.type: ecr is none of basic, docker"),
        ("      type: basc\n", ":8: registries.prd.auth.type: basc is none of basic, docker, did you mean basic?"),
        ("      username: bot\n", ":7: registries.prd.auth: missing type: basic or docker"),
        ("      - docker\n", ":7: registries.prd.auth: must be a mapping, `key: value`"),
        ("      type: docker\n      confg: x\n", ":9: registries.prd.auth.confg: unknown key, did you mean config?"),
        ("      type: docker\n      username: x\n", ":9: registries.prd.auth.username: unknown key"),
        (
            "      type: basic\n      usrname: x\n      password_env: X\n",
            ":9: registries.prd.auth.usrname: unknown key, did you mean username?",
        ),
        (
            "      type: basic\n      username: x:y\n      password_env: X\n",
            ":9: registries.prd.auth.username: a user name can't hold a colon",
        ),
        (
            "      type: basic\n      username: ''\n      password_env: X\n",
            ":9: registries.prd.auth.username: must not be empty",
        ),
        (
            "      type: basic\n      username: x\n",
            ":7: registries.prd.auth: give either password_env or password_file",
        ),
        (
            "      type: docker\n    concurrency: 0\n",
            ":9: registries.prd.concurrency: must be greater than or equal to 1",
        ),
        (
            "      type: docker\n    concurrency: 65\n",
            ":9: registries.prd.concurrency: must be less than or equal to 64",
        ),
        (
            "      type: docker\n    endpoint: http://localhost:5000\n",
            ":9: registries.prd.endpoint: 'http://localhost:5000' is no host[:port], such as localhost:5000",
        ),
        (
            "      type: docker\n    endpoint: localhost:5000/v2\n",
            ":9: registries.prd.endpoint: 'localhost:5000/v2' is no host[:port], such as localhost:5000",
        ),
        (
            "      type: docker\n    token_hosts: [auth.example.com, https://x.example.com]\n",
            ":9: registries.prd.token_hosts.1: 'https://x.example.com' is no host[:port], such as auth.example.com",
        ),
    ],
)
def test_faults_in_how_to_log_in(tmp_path: Path, auth: str, says: str) -> None:
    """`auth` is one of several shapes, told apart by `type`, which must not show in the place that is named."""
    assert fault(tmp_path, GOOD.replace(BASIC, auth)).splitlines()[-1].startswith(f"DIR/promobot.yaml{says}")


def test_how_to_talk_to_a_registry(tmp_path: Path) -> None:
    more = "    concurrency: 4\n    token_hosts: [auth.example.com, 'localhost:5001']\nenvironments:\n"
    registry = load(tmp_path, GOOD.replace("environments:\n", more)).registries["prd"]
    assert (registry.concurrency, registry.token_hosts) == (4, ("auth.example.com", "localhost:5001"))
    assert load(tmp_path, GOOD).registries["prd"].concurrency == 16


@pytest.mark.parametrize("endpoint", ["registry", "registry:5000", "127.0.0.1:5000", "'[::1]:5000'", "r.example.com"])
def test_where_to_connect(tmp_path: Path, endpoint: str) -> None:
    more = f"    endpoint: {endpoint}\nenvironments:\n"
    assert load(tmp_path, GOOD.replace("environments:\n", more)).registries["prd"].endpoint == endpoint.strip("'")


def test_where_prefixes_nest_an_image_lives_in_the_longest(tmp_path: Path) -> None:
    nested = (
        "registries:\n  shop: {url: localhost:5000/shop}\n  pay: {url: localhost:5000/shop/pay}\n"
        "  alias: {url: localhost:5000/shop/pay}\n"
    )
    config = load(tmp_path, GOOD.replace("registries:\n", nested))
    names = ("shop", "pay", "alias", "e2e")
    image = ImageRef.parse("localhost:5000/shop/pay/api:1")
    assert [config.path_in(name, image) for name in names] == [None, "api", "api", None]
    image = ImageRef.parse("localhost:5000/shop/payroll/api:1")
    assert [config.path_in(name, image) for name in names] == ["payroll/api", None, None, None]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "registry: prd",
            "registy: prd",
            "DIR/promobot.yaml:20: environments.1.registy: unknown key, did you mean",
        ),
        ("    tag:", "    tagg:", "DIR/promobot.yaml:21: environments.1.tagg: unknown key, did you mean"),
        (
            "password_file",
            "pasword_file",
            "DIR/promobot.yaml:10: registries.prd.auth.pasword_file: unk",
        ),
        ("environments:\n", "environments: []\nother:\n", "DIR/promobot.yaml:11: environments: must not be empty"),
        ("{type: local, path: git}", "git", "DIR/promobot.yaml:2: forges.work: must be a mapping"),
        ("type: local", "type: gitlab", "DIR/promobot.yaml:2: forges.work.type: must be 'local'"),
        (
            "  - name: prod\n",
            "  - name: e2e\n",
            "DIR/promobot.yaml:16: environments.1.name: a second envir",
        ),
        (
            "registry: prd",
            "registry: prod",
            "DIR/promobot.yaml:20: environments.1.registry: prod is not",
        ),
        (
            "forge: work, project: sre",
            "forge: wrk, project: sre",
            "environments.1.repository: wrk is not among",
        ),
        (
            "from: e2e",
            "from: e3e",
            "DIR/promobot.yaml:17: environments.1.from: e3e is not among",
        ),
        ("name: e2e\n", "name: e2e\n    from: prod\n", "environments.0.from: a circle: e2e from prod from e2e"),
        (
            "{service}/prod",
            "{svc}/prod",
            "DIR/promobot.yaml:19: environments.1.paths.0: 'apps/{svc}/prod.yaml' must hold {service}",
        ),
        ("apps/{service}/prod", "../{service}/prod", "must stay inside the repository"),
        ("{service}/prod", "{team}{service}/prod", "where one placeholder ends and the next begins can't be told"),
        ("{minor}", "{mino}", "environments.1.tag: unknown placeholder {mino}; there are {v},"),
        ("tag: ", 'floating_tags: ["{major}.{minor}.0"]\n    tag: ', "{major}.{minor}.0 is a version of its own"),
        ("tag: ", 'floating_tags: ["v{major}.{minor}.{patch}"]\n    tag: ', "is a version of its own"),
        (
            "tag: ",
            'floating_tags: ["{major}{arch}"]\n    tag: ',
            "a floating tag has no {arch}; it may have {v}, {major}",
        ),
        (
            "registry: e2e\n  - name: prod\n",
            "registry: prd\n    floating_tags: [stable]\n  - name: prod\n    floating_tags: ['{major}', stable]\n",
            "environments.1.floating_tags.1: stable follows e2e already, in the same registry",
        ),
        (
            "    tag: ",
            "    floating_tags: []\n  - {name: eu, from: e2e, repository: {forge: work, project: a/b}, "
            'paths: ["{service}/eu"], registry: prd}\nservices: [{match: "*", floating_tags: [stable]}]\n#',
            "services.0.floating_tags.0: stable would follow several environments in one registry",
        ),
        ("{patch}", "{patch", "environments.1.tag: a brace without its partner"),
        ("name: prod\n", "name: prod..eu\n", "DIR/promobot.yaml:16: environments.1.name: prod..eu can't be part of"),
        (
            "e2e.example.com",
            "https://e2e.example.com",
            "registries.e2e.url: write host[:port][/prefix]",
        ),
        ("e2e.example.com", "e2e", "registries.e2e.url: begin with a host"),
        ("      password_file: secrets/prd\n", "", "registries.prd.auth: give either password_env or password_file"),
        ("    url: localhost:5000/team\n", "", "DIR/promobot.yaml:5: registries.prd.url: missing"),
        ("e2e: {url: e2e.example.com}", "e2e: {url: a.b, url: c.d}", "DIR/promobot.yaml:4: url is given twice"),
        (
            "tag: ",
            "fields: [{pointer: x/y, holds: tag, image: a.b/c}]\n    tag: ",
            "DIR/promobot.yaml:21: environments.1.fields.0.pointer: 'x/y' is no JSON pointer",
        ),
        (
            "tag: ",
            "fields:\n      - pointer: /x\n        holds: tag\n    tag: ",
            "DIR/promobot.yaml:22: environments.1.fields.0: `holds: tag` needs `image`",
        ),
        ("tag: ", "fields: [{pointer: /x, holds: image, image: a.b/c}]\n    tag: ", "says it by itself"),
        ("tag: ", "fields: [{pointer: /x, holds: tag, image: 'a.b/c:1'}]\n    tag: ", "leave tag and digest out"),
        ("tag: ", "fields: [{pointer: /x, holds: tag, image: null}]\n    tag: ", "`holds: tag` needs `image`"),
        ("tag: ", "fields: [{pointer: /x, holds: tag, image: A B}]\n    tag: ", "not a repository path"),
        ("tag: ", "fields: [{pointer: /x, hold: image}]\n    tag: ", "fields.0.hold: unknown key, did you mean holds?"),
        (
            "tag: ",
            "fields:\n      - pointer: /x\n        path: apps/{service}/pro.yaml\n        holds: image\n    tag: ",
            "DIR/promobot.yaml:23: environments.1.fields.0.path: apps/{service}/pro.yaml is not among paths, did you",
        ),
        (
            'paths: ["apps/{service}/prod.yaml"]',
            'paths: ["a/{service}", "b/{service}"]\n    fields: [{pointer: /x, holds: image}]',
            "DIR/promobot.yaml:20: environments.1.fields.0: say by `path` which of `paths` this is in",
        ),
        ("tag: ", "also_promote: [version]\n    tag: ", "environments.1.also_promote.0: 'version' is no JSON pointer"),
        ("tag: ", "write: digests\n    tag: ", "environments.1.write: must be 'as-found', 'tag', 'digest' or"),
        ("registries:", "registries: [", "not YAML"),
        ("name: e2e\n", "name: E2E\n", "DIR/promobot.yaml:12: environments.0.name: must be of a-z, 0-9, dots,"),
        ("tag: ", "gates: {soak: 30}\n    tag: ", "environments.1.gates.soak: 30 is no duration, such as 30m, 2h"),
        ("tag: ", "replace_unreleased: maybe\n    tag: ", "environments.1.replace_unreleased: must be true or false"),
        ("tag: ", "approvers: {required: two}\n    tag: ", "environments.1.approvers.required: must be a whole number"),
        ("name: prod\n", "name: 3\n", "DIR/promobot.yaml:16: environments.1.name: must be a valid string"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert says in fault(tmp_path, GOOD.replace(old, new, 1))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("registry: prd", "registy: prd").replace("type: local", "typ: local")
    assert len(fault(tmp_path, text).splitlines()) >= 3


@pytest.mark.parametrize("content", ["", "- a\n", "just text\n", "? [a, b]\n: c\n"])
def test_a_file_of_another_kind(tmp_path: Path, content: str) -> None:
    assert "DIR/promobot.yaml:1: " in fault(tmp_path, content)


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "alias" in fault(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("content", ["[" * 200_000, "- " * 300_000 + "x"])
def test_deep_nesting_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match="nested more than"):
        load_config(path)


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x", "!!int ''", "!!float x", "!!binary ä"])
def test_a_scalar_that_is_not_what_its_tag_says_is_a_fault(tmp_path: Path, value: str) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(f"author: {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="author"):
        load_config(path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "larger than" in fault(tmp_path, "#" * (1 << 21))


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load_config(tmp_path / "promobot.yaml")
    assert "promobot init" in caught.value.hint
