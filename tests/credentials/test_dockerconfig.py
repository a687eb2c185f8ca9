"""Docker's config.json, as docker, podman and their like write it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.config import DockerAuth, RegistryConfig
from bot.credentials import login_for
from bot.errors import ConfigError, ExitCode
from bot.registry import Login

PASSWORD = "pw"


def entry(username: str, password: str = PASSWORD) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def login(tmp_path: Path, content: Any, url: str = "registry.example.com/shop", endpoint: str | None = None) -> Login:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    auth = DockerAuth(type="docker", config=path)
    found = login_for("prd", RegistryConfig(url=url, endpoint=endpoint, auth=auth), {})
    assert found is not None
    return found


def fault(tmp_path: Path, content: Any, url: str = "registry.example.com/shop") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        login(tmp_path, content, url)
    assert caught.value.exit_code is ExitCode.USAGE
    begin = f"registries.prd.auth: {tmp_path}/config.json: "
    assert caught.value.message.startswith(begin)
    assert "canary" not in str(caught.value)
    return ConfigError(caught.value.message.removeprefix(begin), hint=caught.value.hint)


@pytest.mark.parametrize(
    ("keys", "url", "chosen"),
    [
        (["registry.example.com"], "registry.example.com", "registry.example.com"),
        (["registry.example.com"], "registry.example.com/a/b", "registry.example.com"),
        (
            ["registry.example.com", "registry.example.com/a", "registry.example.com/a/b", "registry.example.com/a/c"],
            "registry.example.com/a/b",
            "registry.example.com/a/b",
        ),
        (["registry.example.com", "registry.example.com/a"], "registry.example.com/a/b", "registry.example.com/a"),
        (["registry.example.com/a", "registry.example.com"], "registry.example.com/ab", "registry.example.com"),
        (["localhost", "localhost:5000"], "localhost:5000/a", "localhost:5000"),
        (["https://registry.example.com/v1/"], "registry.example.com/a", "https://registry.example.com/v1/"),
        (["https://registry.example.com"], "registry.example.com/a", "https://registry.example.com"),
        (["http://localhost:5000/v2/"], "localhost:5000", "http://localhost:5000/v2/"),
        (
            ["https://registry.example.com/v1/", "registry.example.com"],
            "registry.example.com",
            "registry.example.com",
        ),
        (["https://index.docker.io/v1/"], "docker.io/org", "https://index.docker.io/v1/"),
        (["https://index.docker.io/v1/", "docker.io/org"], "docker.io/org", "docker.io/org"),
        (["docker.io"], "registry-1.docker.io", "docker.io"),
    ],
)
def test_the_key_that_fits_best(tmp_path: Path, keys: list[str], url: str, chosen: str) -> None:
    auths = {key: entry(f"user{number}") for number, key in enumerate(keys)}
    assert login(tmp_path, {"auths": auths}, url) == Login(f"user{keys.index(chosen)}", "pw")


@pytest.mark.parametrize("key", ["registry.example.com.evil.org", "example.com", "registry.example.com:444", "shop"])
def test_no_other_hosts_key_fits(tmp_path: Path, key: str) -> None:
    found = fault(tmp_path, {"auths": {key: entry("canary", "canary")}})
    assert found.message == "auths has no login for registry.example.com/shop"
    assert found.hint == "docker login registry.example.com, as who runs this"


def test_the_name_comes_before_the_endpoint(tmp_path: Path) -> None:
    auths = {"10.0.0.1:5000": entry("by-endpoint"), "registry.example.com": entry("by-name")}
    url, endpoint = "registry.example.com/shop", "10.0.0.1:5000"
    assert login(tmp_path, {"auths": auths}, url, endpoint).username == "by-name"
    del auths["registry.example.com"]
    assert login(tmp_path, {"auths": auths}, url, endpoint).username == "by-endpoint"


@pytest.mark.parametrize("password", ["pw", "p:w:", "päss", "a", "ab", "abc", "p w", ">>>???", "x" * 5000])
@pytest.mark.parametrize("form", ["padded", "bare", "url", "lines", "two keys"])
def test_forms_of_a_login(tmp_path: Path, password: str, form: str) -> None:
    pair = f"bot:{password}".encode()
    padded = base64.b64encode(pair).decode()
    entries: dict[str, dict[str, str]] = {
        "padded": {"auth": padded},
        "bare": {"auth": padded.rstrip("=")},
        "url": {"auth": base64.urlsafe_b64encode(pair).decode()},
        "lines": {"auth": base64.encodebytes(pair).decode()},
        "two keys": {"username": "bot", "password": password},
    }
    assert login(tmp_path, {"auths": {"registry.example.com": entries[form]}}) == Login("bot", password)


def test_zero_bytes_at_the_end_are_no_part_of_a_password(tmp_path: Path) -> None:
    assert login(tmp_path, {"auths": {"registry.example.com": entry("bot", "pw\0\0")}}).password == "pw"


def test_a_login_in_the_file_counts_whatever_store_is_named(tmp_path: Path) -> None:
    data = {"auths": {"registry.example.com": entry("bot")}, "credsStore": "desktop", "currentContext": "x"}
    assert login(tmp_path, data).username == "bot"


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (
            {"auths": {"registry.example.com": {}}, "credsStore": "desktop"},
            "credsStore: the login for registry.example.com is kept by the program docker-credential-desktop, "
            "which promobot doesn't call",
            "use `auth: {type: basic, …}`",
        ),
        (
            {"credHelpers": {"registry.example.com": "ecr-login"}, "credsStore": "desktop"},
            "credHelpers.registry.example.com: the login for registry.example.com is kept by the program "
            "docker-credential-ecr-login, which promobot doesn't call",
            "use `auth: {type: basic, …}`",
        ),
        (
            {"auths": {"registry.example.com": {"auth": "PHRva2VuPjo=", "identitytoken": "canary"}}},
            "auths.registry.example.com holds an identity token, which promobot can't log in by",
            "log in by user name and password",
        ),
        (
            {"auths": {"registry.example.com": {"auth": "canary!"}}},
            "auths.registry.example.com.auth is not base64",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": {"auth": base64.b64encode(b"canary").decode()}}},
            "auths.registry.example.com.auth is not base64 of username:password",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": entry("", "canary")}},
            "auths.registry.example.com.auth is not base64 of username:password",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": entry("bot", "")}},
            "auths.registry.example.com: its password is empty",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": entry("bot", "canary\ncanary")}},
            "auths.registry.example.com: its password holds more than one line",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": {"username": "canary:x", "password": "canary"}}},
            "auths.registry.example.com.username holds a colon",
            "log in again: docker login",
        ),
        (
            {"auths": {"registry.example.com": "canary"}},
            "auths.registry.example.com is not a login",
            "docker login registry.example.com makes one",
        ),
        ({"auths": ["canary"]}, "auths is not a JSON object", "docker login makes such a file"),
        ({"auths": []}, "auths is not a JSON object", "docker login makes such a file"),
        ({"auths": ""}, "auths is not a JSON object", "docker login makes such a file"),
        ({"credHelpers": "canary"}, "credHelpers is not a JSON object", "docker login makes such a file"),
        ({}, "auths has no login for registry.example.com/shop", "docker login registry.example.com, as who runs this"),
        ("canary", "not JSON", "docker login makes such a file"),
        ("", "not JSON", "docker login makes such a file"),
        ("[" * 100_000, "not JSON", "docker login makes such a file"),
        ('{"auths":' * 100_000 + "1" + "}" * 100_000, "not JSON", "docker login makes such a file"),
        ('{"auths": ' + "1" * 5000 + "}", "not JSON", "docker login makes such a file"),
        ("[]", "not a JSON object", "docker login makes such a file"),
        (" " * (1 << 20) + "{}", "more than 1048576 bytes", "that is not a config.json"),
    ],
)
def test_what_is_no_login_says_where_and_what_to_do(tmp_path: Path, data: Any, message: str, hint: str) -> None:
    found = fault(tmp_path, data)
    assert found.message == message
    assert found.hint.startswith(hint)


def test_where_the_file_is(tmp_path: Path) -> None:
    """As docker has it: DOCKER_CONFIG is the folder, else the one at home."""
    registry = RegistryConfig(url="registry.example.com", auth=DockerAuth(type="docker"))
    for folder, user in ((tmp_path / "there", "there"), (tmp_path / "home" / ".docker", "home")):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"auths": {"registry.example.com": entry(user)}}))
    there, home = str(tmp_path / "there"), str(tmp_path / "home")
    assert login_for("prd", registry, {"DOCKER_CONFIG": there, "HOME": home}) == Login("there", "pw")
    assert login_for("prd", registry, {"DOCKER_CONFIG": "", "HOME": home}) == Login("home", "pw")
    with pytest.raises(ConfigError, match="neither DOCKER_CONFIG nor HOME is set"):
        login_for("prd", registry, {})
    with pytest.raises(ConfigError) as caught:
        login_for("prd", registry, {"HOME": there})
    assert str(caught.value) == (
        f"registries.prd.auth: {there}/.docker/config.json: No such file or directory "
        "(docker login makes it, or name another file)"
    )


def test_a_user_name_of_half_a_character_is_none(tmp_path: Path) -> None:
    content = {"auths": {"registry.example.com": {"username": "\ud800", "password": "canary"}}}
    assert fault(tmp_path, content).message == "auths.registry.example.com.username is no text"


@pytest.mark.parametrize("found", [{}, {"email": "ann@example.com"}, {"auth": ""}, {"auth": None}, None])
def test_an_entry_that_says_nothing_is_what_a_store_leaves(tmp_path: Path, found: object) -> None:
    data = {"auths": {"registry.example.com": found}, "credsStore": "desktop"}
    assert fault(tmp_path, data).message.startswith("credsStore: the login for registry.example.com is kept by")


NO_LOGINS: tuple[object, ...] = (
    {"auth": 5},
    {"auth": ["canary"]},
    {"auth": {}},
    {"username": "canary"},
    {"identitytoken": 5},
    5,
    "canary",
)


@pytest.mark.parametrize("found", NO_LOGINS)
def test_an_entry_of_another_form_is_told(tmp_path: Path, found: object) -> None:
    told = fault(tmp_path, {"auths": {"registry.example.com": found}, "credsStore": "desktop"})
    assert told.message == "auths.registry.example.com is not a login"
    assert told.hint == "docker login registry.example.com makes one"


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)


ODD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "200 MB": (large, "more than 1048576 bytes"),
    "a folder": (Path.mkdir, "Is a directory"),
    "a pipe that nobody writes to": (os.mkfifo, "not a regular file"),
    "a device without an end": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "a link to itself": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "No such file or directory"),
    "bytes that are no text": (lambda path: path.write_bytes(b'{"auths": "\xff\xfe"}'), "not JSON"),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_a_file_that_is_none_is_told_in_bounded_time_and_memory(tmp_path: Path, kind: str) -> None:
    make, message = ODD_FILES[kind]
    make(tmp_path / "config.json")
    registry = RegistryConfig(
        url="registry.example.com", auth=DockerAuth(type="docker", config=tmp_path / "config.json")
    )
    tracemalloc.start()
    with pytest.raises(ConfigError) as caught:
        login_for("prd", registry, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.message == f"registries.prd.auth: {tmp_path}/config.json: {message}"
    assert caught.value.hint
    assert peak < 10_000_000


def test_a_link_to_the_file_will_do(tmp_path: Path) -> None:
    """As clusters mount secrets."""
    (tmp_path / "mounted").write_text(json.dumps({"auths": {"registry.example.com": entry("bot")}}))
    (tmp_path / "config.json").symlink_to("mounted")
    auth = DockerAuth(type="docker", config=tmp_path / "config.json")
    assert login_for("prd", RegistryConfig(url="registry.example.com", auth=auth), {}) == Login("bot", PASSWORD)


AS_NOBODY = """
import os, sys
from pathlib import Path
from bot.config import DockerAuth, RegistryConfig
from bot.credentials import login_for
from bot.errors import ConfigError

registry = RegistryConfig(url="registry.example.com", auth=DockerAuth(type="docker", config=Path(sys.argv[1])))
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    login_for("prd", registry, {})
except ConfigError as error:
    print(error.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")
    path.chmod(0)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"registries.prd.auth: {path}: Permission denied\n"
