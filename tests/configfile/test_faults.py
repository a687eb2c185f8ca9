"""Faults in a configuration are told with file, line and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import BasicAuth, Config, DockerAuth, GitLabForge, LocalForge
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
LOCAL = "{type: local, path: git}"
GITLAB = "{type: gitlab, url: 'https://h/gitlab/', token_file: secrets/token, ca_file: ca.pem}"
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


def test_what_is_missing_under_a_wrong_name_is_told_once(tmp_path: Path) -> None:
    assert fault(tmp_path, GOOD.replace("paths:", "path:")).splitlines() == [
        "DIR/promobot.yaml:14: environments.0.path: unknown key, did you mean paths?",
        "DIR/promobot.yaml:19: environments.1.path: unknown key, did you mean paths?",
    ]


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    auth = config.registries["prd"].auth
    forge = config.forges["work"]
    assert isinstance(forge, LocalForge)
    assert forge.path == tmp_path / "git"
    assert isinstance(auth, BasicAuth)
    assert auth.password_file == tmp_path / "secrets/prd"
    gitlab = load(tmp_path, GOOD.replace(LOCAL, GITLAB)).forges["work"]
    assert isinstance(gitlab, GitLabForge)
    assert (gitlab.token_file, gitlab.ca_file) == (tmp_path / "secrets/token", tmp_path / "ca.pem")
    assert gitlab.url == "https://h/gitlab"
    docker = load(tmp_path, GOOD.replace(BASIC, "      type: docker\n      config: login/config.json\n"))
    assert docker.registries["prd"].auth == DockerAuth(type="docker", config=tmp_path / "login/config.json")


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ("      type: ecr\n", ":8: registries.prd.auth.type: ecr is none of basic, docker"),
        ("      type: basc\n", ":8: registries.prd.auth.type: basc is none of basic, docker, did you mean basic?"),
        ("      username: bot\n", ":7: registries.prd.auth: missing type: basic or docker"),
        ("      - docker\n", ":7: registries.prd.auth: must be a mapping with the keys type, username,"),
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
            ":9: registries.prd.concurrency: must be at least 1",
        ),
        (
            "      type: docker\n    concurrency: 65\n",
            ":9: registries.prd.concurrency: must be at most 64",
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
            "environments.1.repository.forge: wrk is not among forges, did you mean work?",
        ),
        (
            "from: e2e",
            "from: e3e",
            "DIR/promobot.yaml:17: environments.1.from.0: e3e is not among environments, did you mean e2e?",
        ),
        ("name: e2e\n", "name: e2e\n    from: prod\n", "environments.0.from: a circle: e2e from prod from e2e"),
        (
            "{service}/prod",
            "{svc}/prod",
            "DIR/promobot.yaml:19: environments.1.paths.0: 'apps/{svc}/prod.yaml' must hold {service}",
        ),
        ("apps/{service}/prod", "../{service}/prod", "must stay inside the repository"),
        ("{service}/prod", "{team}{service}/prod", "where one placeholder ends and the next begins can't be told"),
        (
            "{service}/prod",
            "{team}-{service}/{service}-{team}",
            "what {team} is can't be told, as it stands twice and in",
        ),
        ("{minor}", "{mino}", "environments.1.tag: unknown placeholder {mino}; there are {v},"),
        ("tag: ", 'floating_tags: ["{major}.{minor}.0"]\n    tag: ', "{major}.{minor}.0 is a version of its own"),
        ("tag: ", 'floating_tags: ["v{major}.{minor}.{patch}"]\n    tag: ', "is a version of its own"),
        (
            "tag: ",
            'floating_tags: ["{major}{arch}"]\n    tag: ',
            "a floating tag has no {arch}; it may have {v}, {major}",
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
        (
            "tag: ",
            "write: digests\n    tag: ",
            "environments.1.write: digests is none of as-found, tag, digest, tag+digest, did you mean digest?",
        ),
        ("registries:", "registries: [", "not YAML"),
        ("name: e2e\n", "name: E2E\n", "DIR/promobot.yaml:12: environments.0.name: must be of a-z, 0-9, dots,"),
        ("tag: ", "gates: {soak: 30}\n    tag: ", "environments.1.gates.soak: 30 is no duration, such as 30m, 2h"),
        ("tag: ", "replace_unreleased: maybe\n    tag: ", "environments.1.replace_unreleased: must be true or false"),
        ("tag: ", "approvers: {required: two}\n    tag: ", "environments.1.approvers.required: must be a whole number"),
        ("name: prod\n", "name: 3\n", "environments.1.name: must be a text: put it in quotes, YAML reads 3 here"),
        ("name: prod\n", "name: yes\n", "environments.1.name: must be a text: put it in quotes, YAML reads true here"),
        ("name: prod\n", f"name: {'x' * 64}\n", "environments.1.name: must have at most 63 characters"),
        ("registry: prd", "registry: [prd]", "environments.1.registry: must be a text, not a list"),
        ("registry: prd", "registry:", "environments.1.registry: must be a text, and is empty"),
        ("registry: prd", "registry: x", "environments.1.registry: x is not among registries; there are e2e, prd"),
        (
            "{forge: work, project: sre/gitops, branch: release}",
            "sre/gitops",
            "a mapping with the keys forge, project, branch",
        ),
        (
            "sre/gitops",
            "https://x/sre/gitops",
            "environments.1.repository.project: 'https://x/sre/gitops' is no project's path",
        ),
        ("sre/gitops", "sre/gitops.git", "no URL, no / at the ends, no .git"),
        ("branch: release", "branch: 'a b'", "environments.1.repository.branch: no branch can be called 'a b'"),
        ('paths: ["apps/{service}/prod.yaml"]', "paths: apps/x", 'environments.1.paths: must be a list: ["apps/x"]'),
        ("{service}/prod", "{service/prod", "'apps/{service/prod.yaml' has a brace without its partner"),
        ("apps/{service}/prod", "./{service}/prod", "leave out what is empty or . between slashes and at the ends"),
        ("tag: ", "exclude: [apps/old/]\n    tag: ", "at the ends; all that is in a folder is apps/old/**"),
        (
            "tag: ",
            "images: [/shop]\n    tag: ",
            "environments.1.images.0: '/shop' is no path of repositories: lower-case",
        ),
        ("tag: ", "repositories: {a: B}\n    tag: ", "environments.1.repositories: 'B' is no path of repositories"),
        ("tag: ", "gates: 2h\n    tag: ", "environments.1.gates: must be a mapping with the key soak"),
        ("tag: ", "approvers: [sre]\n    tag: ", "must be a mapping with the keys groups, users, required"),
        ("tag: ", "fields: {pointer: /x}\n    tag: ", "environments.1.fields: must be a list: put a dash before each"),
        ("tag: ", "when_missing: draft\n    tag: ", "environments.1.when_missing: must be copy, not draft"),
        ("tag: ", "promote: true\n    tag: ", "environments.1.promote: true is none of auto, manual"),
        ("tag: ", "promote: [auto]\n    tag: ", "environments.1.promote: a list is none of auto, manual"),
        ("tag: ", "lock: [tags]\n    tag: ", "environments.1.lock.0: tags is none of tag, write,"),
        (
            'tag: "{major}.{minor}.{patch}"',
            "tag: 3",
            "environments.1.tag: must be a text, or a mapping with the keys match, to",
        ),
        ('tag: "{major}.{minor}.{patch}"', "tag: ''", "environments.1.tag: must not be empty"),
        ('tag: "{major}.{minor}.{patch}"', "tag: '-{major}'", "environments.1.tag: '-{major}' makes no tag: letters,"),
        ("tag: ", "floating_tags: ['a b']\n    tag: ", "environments.1.floating_tags.0: 'a b' makes no tag"),
        ("tag: ", "floating_tags: [x, '']\n    tag: ", "environments.1.floating_tags.1: must not be empty"),
        (
            "tag: ",
            "floating_tags: ['{version}']\n    tag: ",
            "{version}: a floating tag has no {version}; it may have {v},",
        ),
        ("e2e.example.com", "e2e.example.com:99999/x", "'e2e.example.com:99999' is no host[:port]"),
        (
            "e2e.example.com",
            "e2e.example.com/Shop",
            "registries.e2e.url: 'Shop' is no path of repositories: lower-case",
        ),
        ("path: git", "path: ''", "forges.work.path: must not be empty"),
        ("path: git", "path: 3", "forges.work.path: must be a text: put it in quotes"),
        ("  work: {type: local, path: git}", "  work:", "forges.work: must be a mapping with the keys type, path"),
        (
            "      type: basic\n",
            "      typ: basic\n",
            "registries.prd.auth: missing type: basic or docker; typ is an unknown key",
        ),
        ("password_file: secrets/prd", "password_env: ''", "registries.prd.auth.password_env: must not be empty"),
        (
            "forges:",
            "author: {name: 'A <a@b>'}\nforges:",
            "author.name: 'A <a@b>' can't stand in a commit: one line, without <",
        ),
        ("forges:", "groups: {x: {}}\nforges:", "groups.x: x is not among the groups that services name"),
        ("forges:", "services: {match: a}\nforges:", "services: must be a list: put a dash before each of its items"),
        (
            "forges:",
            "services: [{match: a, skip: [e2e, prd]}]\nforges:",
            "services.0.skip.1: prd is not among environments",
        ),
        ("forges:", "services: [{match: a, names: {prd: b}}]\nforges:", "services.0.names.prd: prd is not among"),
        ("forges:", "services: [{match: a, names: {prod: '{x}'}}]\nforges:", "it may hold {service}, and no other"),
        (
            "forges:",
            "services: [{match: a, source: {forge: w, project: b}}]\nforges:",
            "services.0.source.forge: w is not",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert says in fault(tmp_path, GOOD.replace(old, new, 1))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("registry: prd", "registy: prd").replace("type: local", "typ: local")
    assert len(fault(tmp_path, text).splitlines()) == 2


def test_one_fault_is_not_told_as_another(tmp_path: Path) -> None:
    """Where two environments have one name, a circle may be none."""
    assert fault(tmp_path, GOOD.replace("name: prod", "name: e2e")).splitlines() == [
        "DIR/promobot.yaml:16: environments.1.name: a second environment named e2e"
    ]


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        ("{type: gitlab}", "forges.work: give either token_env or token_file"),
        ("{type: gitlab, token_env: A, token_file: b}", "forges.work: give either token_env or token_file"),
        ("{type: gitlab, token_env: A, commits: api}", "forges.work.commits: unknown key"),
        (
            "{type: github, token_env: A, commits: api, signing: {ssh_key_file: key}}",
            "forges.work: signing is for `commits: git`",
        ),
        ("{type: gitlab, token: x}", "forges.work.token: unknown key, did you mean token_env?"),
        (
            "{type: gitlb, token_env: A}",
            "forges.work.type: gitlb is none of local, gitlab, github, did you mean gitlab?",
        ),
        ("{type: gitlab, token_env: A, url: gitlab.com}", "'gitlab.com' is no address such as https://"),
        ("{type: gitlab, token_env: A, url: 'https://u:pa55@h'}", "no user or password belongs into the url"),
        ("{type: gitlab, token_env: A, url: 'https://h:99999'}", "'https://h:99999' is no address"),
        ("{type: gitlab, token_env: A, url: 'https://h/?a=b'}", "is no address such as https://"),
        ("{type: gitlab, token_env: A, git: 'https://h'}", "is no address such as ssh://git@"),
        ("{type: gitlab, token_env: A, git: 'ssh://git:pa55@h'}", "is no address such as ssh://git@"),
        ("{type: github}", "forges.work: give either token_env or token_file or app"),
        ("{type: github, token_env: A, app: {id: 1, key_env: K}}", "give either token_env or token_file or app"),
        ("{type: github, app: {id: 1}}", "forges.work.app: give either key_env or key_file"),
        ("{type: github, app: {id: 1, key_env: K, key_file: k}}", "forges.work.app: give either key_env or key_file"),
        ("{type: github, app: {key_env: K}}", "forges.work.app.id: missing"),
        ("{type: github, app: {id: 1, key: K}}", "forges.work.app.key: unknown key, did you mean key_env?"),
    ],
)
def test_faults_of_a_forge(tmp_path: Path, forge: str, says: str) -> None:
    said = fault(tmp_path, GOOD.replace(LOCAL, forge))
    assert said.startswith("DIR/promobot.yaml:2: ")
    assert says in said


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("tag:", "tga:", "`promobot schema` says of every key what it means"),
        ("name: prod", "name: 3", ""),
    ],
)
def test_where_to_read_on_is_told_of_keys_alone(tmp_path: Path, old: str, new: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert caught.value.hint == hint


@pytest.mark.parametrize(("key", "under"), [("soak: 3 days", "gates"), ("branch: main", "repository")])
def test_a_key_that_stands_one_level_too_high_is_told_where_it_goes(tmp_path: Path, key: str, under: str) -> None:
    said = fault(tmp_path, f"{GOOD}    {key}\n")
    assert said.endswith(f"{key.partition(':')[0]}: unknown key, it goes under `{under}`")
