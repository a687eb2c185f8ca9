"""`promobot init`: what it writes, where, and what it says of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.config import Config
from bot.config.forges import GitHubForge, GitLabForge
from bot.configfile import load_config
from bot.errors import ExitCode
from tests.cli.conftest import Promobot

FIXTURES = Path(__file__).parents[2] / "fixtures/gitops-repo"
ORIGIN = "https://robot:hunter2@gitlab.example.com/shop/{}.git"


def git(folder: Path, *words: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
    done = subprocess.run(
        ["git", *who, *words],  # noqa: S607
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fixtures as somebody's clones from a server, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMOBOT_CACHE", str(tmp_path / "cache"))
    for name in ("platform-gitops", "sre-gitops-prod"):
        clone = tmp_path / name
        shutil.copytree(FIXTURES / name, clone)
        git(clone, "init", "--quiet", "--initial-branch=trunk")
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=first")
        git(clone, "remote", "add", "origin", ORIGIN.format(name))
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two environments in a folder without Git; the current folder is another."""
    for env, tag in (("dev", 2), ("prod", 1)):
        file = tmp_path / "estate" / "apps" / "cart" / env / "values.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(f"image: registry.example.com/shop/cart:{tag}\n", encoding="utf-8")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return tmp_path / "estate"


def test_check_works_at_once_after_a_trial_of_two_clones(clones: Path, promobot: Promobot) -> None:
    said = promobot("init", "platform-gitops", "sre-gitops-prod", "--try")
    assert said.code == ExitCode.DONE
    assert said.out.startswith("promobot.yaml: written\n")
    assert said.out.endswith("next: promobot check, then promobot status\n")
    checked = promobot("check", "-o", "json")
    assert (checked.code, checked.data["problems"]) == (ExitCode.DONE, [])
    assert {image["environment"] for image in checked.data["images"]} == {"e2e", "staging", "prod"}
    config = load_config(clones / "promobot.yaml")
    projects = {env.name: (env.repository.project, env.repository.branch) for env in config.environments}
    assert projects == {
        "e2e": ("shop/platform-gitops", "trunk"),
        "staging": ("shop/platform-gitops", "trunk"),
        "prod": ("shop/sre-gitops-prod", "trunk"),
    }
    copy = clones / ".promobot/git/shop/sre-gitops-prod.git"
    assert git(copy, "rev-parse", "trunk") == git(clones / "sre-gitops-prod", "rev-parse", "HEAD")
    assert (clones / ".promobot/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_no_password_of_the_origin_is_written_or_said(clones: Path, promobot: Promobot) -> None:
    said = promobot("init", "platform-gitops")
    assert said.code == ExitCode.DONE
    assert "uncomment what promobot.yaml has for gitlab.example.com/shop/platform-gitops, or `promobot" in said.out
    assert "hunter2" not in said.out + said.err + (clones / "promobot.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://robot:hunter2@gitlab.example.com/shop/on.git", "https://gitlab.example.com"),
        ("http://gitlab:8929/shop/team/gitops-1.git", "http://gitlab:8929"),
        ("git@gitlab.example.com:shop/gitops.git", "https://gitlab.example.com"),
        ("ssh://git@gitlab.example.com:2222/shop/gitops.git", "https://gitlab.example.com"),
        ("ssh://git@altssh.gitlab.com:443/shop/gitops.git", "https://gitlab.com"),
        ("git@github.com:shop/gitops.git", "https://github.com"),
        ("ssh://git@ssh.github.com:443/shop/gitops.git", "https://github.com"),
        ("https://shop.ghe.com/shop/gitops", "https://shop.ghe.com"),
    ],
)
def test_what_is_commented_out_takes_the_place_of_the_local_forge(
    clones: Path, promobot: Promobot, origin: str, url: str
) -> None:
    git(clones / "platform-gitops", "remote", "set-url", "origin", origin)
    assert promobot("init", "platform-gitops", "--try").code == ExitCode.DONE
    assert promobot("check").code == ExitCode.DONE
    config = uncommented(clones / "promobot.yaml")
    ((name, forge),) = config.forges.items()
    assert isinstance(forge, GitLabForge | GitHubForge)
    assert (forge.type, forge.url, forge.token_env) == (name, url, f"{name.upper()}_TOKEN")
    project = re.sub(r".*\w[:/](?=shop/)|\.git$", "", origin)
    assert {(one.repository.forge, one.repository.project) for one in config.environments} == {(name, project)}
    assert {one.repository.branch for one in config.environments} == {"trunk"}


def test_two_servers_have_two_tokens(clones: Path, promobot: Promobot) -> None:
    git(clones / "sre-gitops-prod", "remote", "set-url", "origin", "git@gitlab.com:sre/gitops-prod.git")
    assert promobot("init", "platform-gitops", "sre-gitops-prod", "--try").code == ExitCode.DONE
    config = uncommented(clones / "promobot.yaml")
    tokens = {name: forge.token_env for name, forge in config.forges.items() if isinstance(forge, GitLabForge)}
    assert tokens == {"gitlab": "GITLAB_TOKEN", "gitlab2": "GITLAB2_TOKEN"}
    assert [one.repository.forge for one in config.environments] == ["gitlab", "gitlab", "gitlab2"]


@pytest.mark.parametrize(
    "origin",
    [
        "git@git.example.com:shop/gitops.git",
        "git@github.com:gitops.git",
        "git@github.com:shop/team/gitops.git",
        "git@gitlab.example.com:shop/git ops.git",
        "https://gitlab.example.com\u2028x: 1/shop/gitops.git",
        "git@gitlab.example.com:shop/gitops\u2028x: 1.git",
    ],
)
def test_no_server_is_guessed_where_the_origin_is_none_of_its_projects(
    clones: Path, promobot: Promobot, origin: str
) -> None:
    git(clones / "platform-gitops", "remote", "set-url", "origin", origin)
    (left,) = promobot("init", "platform-gitops", "--stdout", "-o", "json").data["left"]
    assert "itself, name its forge among `forges`" in left
    assert promobot("init", "platform-gitops", "--try").code == ExitCode.DONE
    assert "# repository:" not in (clones / "promobot.yaml").read_text(encoding="utf-8")
    assert promobot("check").code == ExitCode.DONE


def uncommented(path: Path) -> Config:
    """The file as its comments say to go on: servers' lines uncommented, the local forge's deleted."""
    ours = r"git(?:lab|hub)2?|  type|  url|  token_env|repository"
    text = re.sub(rf"(?m)^( *)# ((?:{ours}):)", r"\1\2", path.read_text(encoding="utf-8"))
    path.write_text(re.sub(r"(?m)^.*\blocal[:,].*\n", "", text), encoding="utf-8")
    return load_config(path)


@pytest.mark.parametrize(
    "origin",
    [
        "https:/u:hunter2@gitlab.example.com/shop/gitops.git",
        "u:hunter2@gitlab.example.com/shop/gitops.git",
        "https://u:hunter2@[gitlab/shop/gitops.git",
    ],
)
def test_an_origin_with_a_slip_of_the_pen_is_not_said(clones: Path, promobot: Promobot, origin: str) -> None:
    git(clones / "platform-gitops", "remote", "set-url", "origin", origin)
    said = promobot("init", "platform-gitops")
    assert said.code == ExitCode.DONE
    assert "hunter2" not in said.out + said.err + (clones / "promobot.yaml").read_text(encoding="utf-8")


def test_a_trial_overwrites_nothing_by_a_link_that_somebody_left(clones: Path, promobot: Promobot) -> None:
    precious = clones / "precious"
    precious.write_text("mine", encoding="utf-8")
    (clones / ".promobot").mkdir()
    (clones / ".promobot/.gitignore").symlink_to(precious)
    assert promobot("init", "platform-gitops", "--try").code == ExitCode.DONE
    assert precious.read_text(encoding="utf-8") == "mine"


def test_clones_of_a_local_forge_need_no_copy(clones: Path, promobot: Promobot) -> None:
    git(clones, "clone", "--quiet", "--bare", "platform-gitops", "srv/gitops.git")
    git(clones / "platform-gitops", "remote", "set-url", "origin", str(clones / "srv/gitops.git"))
    said = promobot("init", "platform-gitops", "-o", "json")
    assert said.data["left"] == []
    assert promobot("check").code == ExitCode.DONE
    assert not (clones / ".promobot").exists()


def test_a_part_of_a_clone_has_the_repositorys_paths(clones: Path, promobot: Promobot) -> None:
    said = promobot("init", "platform-gitops/apps/inventory", "-o", "json", "--stdout")
    assert [env["paths"] for env in said.data["environments"]] == [
        ["apps/{service}/e2e/helmrelease.yaml"],
        ["apps/{service}/staging/helmrelease.yaml"],
    ]


@pytest.fixture
def branched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose remote has a branch for each environment, of which `main` is checked out."""
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "--quiet", "--initial-branch=main")
    for branch, tag in (("main", 0), ("env/dev", 3), ("env/production", 1), ("feature/test", 9)):
        git(source, "checkout", "--quiet", "-B", branch)
        for service in ("cart", "web"):
            file = source / "apps" / service / "values.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"image: registry.example.com/shop/{service}:{tag}\n", encoding="utf-8")
        git(source, "add", "--all")
        git(source, "commit", "--quiet", f"--message={branch}")
    git(source, "checkout", "--quiet", "main")
    git(tmp_path, "clone", "--quiet", str(source), "gitops")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMOBOT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "gitops"


def test_branches_that_are_called_like_environments_are_some(branched: Path, promobot: Promobot) -> None:
    said = promobot("init", branched, "--try", "-o", "json")
    found = [(one["name"], one["from"], one["branch"], one["paths"]) for one in said.data["environments"]]
    assert found == [
        ("dev", None, "env/dev", ["apps/{service}/values.yaml"]),
        ("production", "dev", "env/production", ["apps/{service}/values.yaml"]),
    ]
    assert {one["reason"].partition(",")[0] for one in said.data["unsure"]} == {
        "its branch is called like an environment"
    }
    checked = promobot("check", "-o", "json")
    images = {(one["environment"], one["image"].rpartition("/")[2]) for one in checked.data["images"]}
    assert images == {("dev", "cart:3"), ("dev", "web:3"), ("production", "cart:1"), ("production", "web:1")}


def test_branches_of_other_names_are_named_in_order(branched: Path, promobot: Promobot) -> None:
    said = promobot("init", branched, "--try", "--order", "main,production", "-o", "json")
    found = [(one["name"], one["from"], one["branch"]) for one in said.data["environments"]]
    assert found == [("main", None, "main"), ("production", "main", "env/production"), ("dev", None, "env/dev")]
    assert promobot("check").code == ExitCode.DONE


def test_one_branch_alone_is_asked_about(branched: Path, promobot: Promobot) -> None:
    git(branched, "branch", "--remotes", "--delete", "origin/env/production")
    said = promobot("init", branched)
    assert said.code == ExitCode.USAGE
    assert "the branch env/dev is called like an environment, and no other" in said.err
    assert "--order env/dev,main" in said.err
    assert promobot("init", branched, "--order", "env/dev,main").code == ExitCode.DONE


def test_folders_called_like_environments_are_some_rather_than_branches(branched: Path, promobot: Promobot) -> None:
    for env in ("qa", "live"):
        shutil.copytree(branched / "apps", branched / env)
    said = promobot("init", branched, "-o", "json")
    assert {(one["name"], one["branch"]) for one in said.data["environments"]} == {("qa", "main"), ("live", "main")}


@pytest.mark.parametrize(
    ("names", "order", "expected"),
    [
        ("gitops-dev gitops-prod", "", [("dev", None), ("prod", "dev")]),
        ("a-non-prod a-prod-eu a-prod-us", "", [("non-prod", None), ("prod-eu", "non-prod"), ("prod-us", "non-prod")]),
        ("test-manifests live", "", None),
        ("gitops-test gitops-prod", "", [("test", None), ("prod", "test")]),
        ("gitops-prod", "", [("prod", None)]),
        ("gitops-test", "", None),
        ("lab.gitops ward.gitops", "lab,ward", [("lab", None), ("ward", "lab")]),
    ],
)  # fmt: skip
def test_a_repository_for_each_environment(
    tmp_path: Path, promobot: Promobot, names: str, order: str, expected: list[tuple[str, str | None]] | None
) -> None:
    for name in names.split():
        file = tmp_path / name / "releases" / "cart" / "release.yaml"
        file.parent.mkdir(parents=True)
        file.write_text("image: registry.example.com/shop/cart:1\n", encoding="utf-8")
    more = ["--order", order] if order else []
    config = tmp_path / "promobot.yaml"
    said = promobot("init", *(tmp_path / name for name in names.split()), "-c", config, "--try", *more, "-o", "json")
    if expected is None:
        assert said.code == ExitCode.USAGE
        return
    assert [(one["name"], one["from"]) for one in said.data["environments"]] == expected
    assert {path for one in said.data["environments"] for path in one["paths"]} == {"releases/{service}/release.yaml"}
    assert "its repository is called like an environment" in said.data["unsure"][0]["reason"]
    assert promobot("check", "-c", config).code == ExitCode.DONE


@pytest.mark.parametrize("order", ["ams,fra", " fra, ams ,"])
def test_somebody_who_knows_says_what_environments_are_called(tmp_path: Path, promobot: Promobot, order: str) -> None:
    for place in ("ams", "fra", "lon"):
        file = tmp_path / "estate" / "clusters" / place / "cart.yaml"
        file.parent.mkdir(parents=True)
        file.write_text("image: registry.example.com/shop/cart:1\n", encoding="utf-8")
    config = tmp_path / "promobot.yaml"
    said = promobot("init", tmp_path / "estate", "-c", config)
    assert said.code == ExitCode.USAGE
    assert "--order ams,fra,lon" in said.err
    first, second = order.replace(" ", "").strip(",").split(",")
    said = promobot("init", tmp_path / "estate", "-c", config, "--order", order, "-o", "json")
    assert [(one["name"], one["from"]) for one in said.data["environments"]] == [(first, None), (second, first)]


def test_a_name_in_order_that_nothing_has_is_refused(folder: Path, promobot: Promobot) -> None:
    said = promobot("init", folder, "--order", "dev,prdo")
    assert said.code == ExitCode.USAGE
    assert "no manifest that names an image is called after prdo\n  → these are environments: dev, prod\n" in said.err
    assert not Path("promobot.yaml").exists()


def test_a_linked_work_tree_is_a_clone_too(clones: Path, promobot: Promobot) -> None:
    git(clones / "platform-gitops", "worktree", "add", "--quiet", "-b", "try", str(clones / "linked"))
    said = promobot("init", "linked", "--try", "-o", "json")
    assert {env["project"] for env in said.data["environments"]} == {"shop/platform-gitops"}
    assert promobot("check").code == ExitCode.DONE


def test_a_file_that_is_there_stays(folder: Path, promobot: Promobot) -> None:
    config = Path("promobot.yaml")
    config.write_text("mine", encoding="utf-8")
    said = promobot("init", folder)
    assert (said.code, config.read_text(encoding="utf-8")) == (ExitCode.CONFLICT, "mine")
    assert "promobot.yaml exists already" in said.err
    assert promobot("init", folder, "--force").code == ExitCode.DONE
    assert load_config(config).names == ("dev", "prod")
    assert [file.name for file in Path().iterdir()] == ["promobot.yaml"]


@pytest.mark.parametrize("name", ["link/qa.env", "../secret/qa.env", "{secret}/qa.env", "gone.env"])
def test_values_that_a_helmfile_names_elsewhere_arent_read(tmp_path: Path, promobot: Promobot, name: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "qa.env").write_text("image: registry.example.com/secret:1\n", encoding="utf-8")
    estate = tmp_path / "estate"
    estate.mkdir()
    (estate / "link").symlink_to(tmp_path / "secret")
    values = json.dumps([name.format(secret=tmp_path / "secret")])
    (estate / "helmfile.yaml").write_text(f"environments: {{qa: {{values: {values}}}}}\n", encoding="utf-8")
    said = promobot("init", estate, "-c", tmp_path / "promobot.yaml")
    assert "no environments recognised; no manifest names an image; helmfile" in said.err


def test_a_link_to_nowhere_is_a_file_that_is_there(folder: Path, promobot: Promobot) -> None:
    Path("promobot.yaml").symlink_to("elsewhere")
    assert promobot("init", folder).code == ExitCode.CONFLICT
    assert promobot("init", folder, "--force").code == ExitCode.USAGE
    assert [file.name for file in Path().iterdir()] == ["promobot.yaml"]


def test_stdout_writes_nothing(folder: Path, promobot: Promobot) -> None:
    Path("promobot.yaml").write_text("mine", encoding="utf-8")
    said = promobot("init", folder, "--stdout")
    assert said.code == ExitCode.DONE
    assert [file.name for file in Path().iterdir()] == ["promobot.yaml"]
    Path("promobot.yaml").write_text(said.out, encoding="utf-8")
    assert load_config(Path("promobot.yaml")).names == ("dev", "prod")
    assert "left to do" in said.err


def test_json_says_what_the_file_says(folder: Path, promobot: Promobot) -> None:
    said = promobot("init", folder, "-o", "json", "-c", "other.yaml")
    assert said.data | {"left": []} == {
        "config": "other.yaml",
        "written": True,
        "environments": [
            {
                "name": name,
                "from": source,
                "project": "estate",
                "branch": "main",
                "paths": [f"apps/{{service}}/{name}/values.yaml"],
                "exclude": [],
                "registry": "images",
                "services": ["cart"],
            }
            for name, source in (("dev", None), ("prod", "dev"))
        ],
        "registries": {"images": "registry.example.com/shop"},
        "unsure": [],
        "left": [],
        "text": None,
    }
    assert said.data["left"][0].startswith(".promobot/git/estate.git isn't there")
    assert [file.name for file in Path().iterdir()] == ["other.yaml"]


def test_what_is_unsure_stands_in_the_file_too(folder: Path, promobot: Promobot) -> None:
    values = folder / "apps" / "cart" / "blue" / "values.yaml"
    values.parent.mkdir()
    values.write_text("image: cart:3\n", encoding="utf-8")
    said = promobot("init", folder)
    text = Path("promobot.yaml").read_text(encoding="utf-8")
    before, _, _ = text.partition("  - name: blue\n")
    assert before.endswith(
        "  # unsure: its name doesn't tell where it stands: add `from` if its images come from another environment\n"
        "  # unsure: no image says its registry: write its address instead of registry.example.com\n"
    )
    assert "? blue: its name doesn't tell where it stands" in said.out
    assert "left to do: write the registry's address" in said.out


@pytest.mark.parametrize("name", ['a"b', "a'b", "a: b", "a#b", "dé v", "on", "null", "x" * 200])
def test_whatever_folders_are_called_the_file_can_be_read(name: str, folder: Path, promobot: Promobot) -> None:
    shutil.move(folder / "apps", folder / name)
    assert promobot("init", folder).code == ExitCode.DONE
    assert load_config(Path("promobot.yaml")).environments[0].paths == (f"{name}/{{service}}/dev/values.yaml",)


def test_nothing_recognised_is_an_answer(folder: Path, promobot: Promobot) -> None:
    shutil.move(folder / "apps" / "cart" / "dev", folder / "cart")
    shutil.rmtree(folder / "apps")
    said = promobot("init", folder)
    assert said.code == ExitCode.USAGE
    assert "no environments recognised; one manifest names images" in said.err
    assert promobot("init", folder / "missing").code == ExitCode.USAGE
    assert [file.name for file in Path().iterdir()] == []


def test_what_isnt_committed_isnt_in_the_copy(clones: Path, promobot: Promobot) -> None:
    clone = (clones / "platform-gitops").rename(clones / "my clone")
    values = clone / "apps/payments/e2e/values.yaml"
    values.write_text(values.read_text(encoding="utf-8").replace("3.7.2", "3.7.3"), encoding="utf-8")
    said = promobot("init", "my clone", "--try", "-o", "json")
    (left,) = (task for task in said.data["left"] if "otherwise" in task)
    copy = ".promobot/git/shop/platform-gitops.git"
    assert left.startswith(f"{copy} has apps/payments/e2e/values.yaml otherwise than my clone: commit, and")
    git(clone, "commit", "--quiet", "--all", "--message=second")
    command = left.split("`")[1]
    git(clones, *shlex.split(command)[1:])
    again = promobot("init", "my clone", "--try", "--force", "-o", "json")
    assert again.data["left"] == said.data["left"][1:]


def test_where_nothing_can_be_written_nothing_is_left(folder: Path, promobot: Promobot) -> None:
    said = promobot("init", folder, "-c", "missing/promobot.yaml")
    assert said.code == ExitCode.USAGE
    assert "missing/promobot.yaml can't be written: No such file or directory" in said.err


def test_where_no_copy_can_be_made_the_place_is_told(folder: Path, promobot: Promobot) -> None:
    Path(".promobot").write_text("in the way", encoding="utf-8")
    said = promobot("init", folder, "--try")
    assert said.code == ExitCode.USAGE
    assert f"{Path('.promobot').absolute()}" in said.err
    assert "can't be written: Not a directory" in said.err
    assert "name one by -c FILE" in said.err
    assert not Path("promobot.yaml").exists()


def test_a_copy_that_is_there_stays(folder: Path, promobot: Promobot) -> None:
    assert promobot("init", folder, "--try").code == ExitCode.DONE
    copy = Path(".promobot/git/estate.git")
    head = git(copy, "rev-parse", "main")
    (folder / "apps/cart/dev/values.yaml").write_text("image: registry.example.com/shop/cart:9\n", encoding="utf-8")
    assert promobot("init", folder, "--try", "--force").code == ExitCode.DONE
    assert git(copy, "rev-parse", "main") == head


def test_of_two_repositories_with_the_same_environments_one_is_left_out_and_told(
    folder: Path, promobot: Promobot
) -> None:
    more = folder / "apps/web"
    shutil.copytree(folder / "apps/cart", more)
    other = folder.parent / "here" / "other"
    shutil.copytree(folder, other)
    shutil.rmtree(other / "apps/web")
    shutil.move(other / "apps/cart", other / "apps/pay")
    said = promobot("init", folder, "other", "--try", "-o", "json")
    assert [one["project"] for one in said.data["environments"]] == ["estate", "estate"]
    (left,) = said.data["left"]
    assert left.startswith(
        f"other is left out with its dev, prod (pay), as an environment is in one repository and {folder}"
    )
    command = left.split("`")[1].split()
    assert promobot(*command[1:]).code == ExitCode.DONE
    assert [env.repository.project for env in load_config(Path("other.yaml")).environments] == ["other", "other"]
