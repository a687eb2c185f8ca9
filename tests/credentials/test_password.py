"""Passwords from variables and files: what they hold is never said."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bot.config import BasicAuth, RegistryConfig
from bot.credentials import login_for
from bot.errors import ConfigError, ExitCode
from bot.registry import Login

URL = "registry.example.com/shop"


def from_file(path: Path) -> Login | None:
    auth = BasicAuth(type="basic", username="bot", password_file=path)
    return login_for("prd", RegistryConfig(url=URL, auth=auth), {})


def from_variable(environ: dict[str, str]) -> Login | None:
    auth = BasicAuth(type="basic", username="bot", password_env="PRD_PASSWORD")
    return login_for("prd", RegistryConfig(url=URL, auth=auth), environ)


def test_without_auth_nobody_logs_in() -> None:
    assert login_for("prd", RegistryConfig(url=URL), {"PRD_PASSWORD": "x"}) is None


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
@pytest.mark.parametrize(
    ("content", "password"),
    [(b"s3cret", "s3cret"), (b" a b ", " a b "), ("pässword".encode(), "pässword"), (b"caf\xe9", "caf\udce9")],
)
def test_a_line_end_is_no_part_of_it_and_everything_else_is(
    tmp_path: Path, content: bytes, end: bytes, password: str
) -> None:
    path = tmp_path / "password"
    path.write_bytes(content + end)
    assert from_file(path) == Login("bot", password)
    assert from_variable({"PRD_PASSWORD": os.fsdecode(content + end)}) == Login("bot", password)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"canary\ncanary\n", "holds more than one line"),
        (b"canary\rcanary", "holds more than one line"),
        (b"canary\x00", "holds control characters, which no password may"),
        (b"canary\x1b[31m", "holds control characters, which no password may"),
    ],
)
def test_what_is_no_password(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as of_file:
        from_file(path)
    assert of_file.value.message == f"registries.prd.auth.password_file: {path} {says}"
    if b"\x00" not in content:  # which no variable can hold
        with pytest.raises(ConfigError) as of_variable:
            from_variable({"PRD_PASSWORD": os.fsdecode(content)})
        assert of_variable.value.message == f"registries.prd.auth.password_env: PRD_PASSWORD {says}"
        assert "canary" not in str(of_variable.value)
    assert "canary" not in str(of_file.value)
    assert of_file.value.exit_code is ExitCode.USAGE


def test_a_missing_variable_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        from_variable({})
    assert str(caught.value) == ("registries.prd.auth.password_env: PRD_PASSWORD is not set (export PRD_PASSWORD=…)")
    with pytest.raises(ConfigError) as caught:
        from_file(tmp_path / "none")
    assert caught.value.message == f"registries.prd.auth.password_file: {tmp_path}/none: No such file or directory"
    assert caught.value.hint == "write the password into that file, readable by you alone"


def test_a_file_without_an_end_is_no_password() -> None:
    with pytest.raises(ConfigError, match="more than 65536 bytes"):
        from_file(Path("/dev/zero"))


def test_a_pipe_will_do(tmp_path: Path) -> None:
    """Which is what a shell's `<(…)` gives."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"s3cret\n",))
    writer.start()
    try:
        assert from_file(path) == Login("bot", "s3cret")
    finally:
        writer.join()
