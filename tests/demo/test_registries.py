"""The demo's registries are real: they keep images, passwords and certificates, and leave nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import urllib3

from bot.demo.oci import build_image, build_index, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.process import ProgramMissingError
from bot.registry.access import Login

LOGIN = Login("robot", "correct horse")


def status(registry: RunningRegistry, path: str, *, login: Login | None = None) -> int:
    headers = urllib3.make_headers(basic_auth=f"{login.username}:{login.password}") if login else {}
    headers["Accept"] = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    ca_certs = str(registry.ca_file) if registry.ca_file else None
    with urllib3.PoolManager(ca_certs=ca_certs, retries=False) as pool:
        return pool.request("GET", registry.url + path, headers=headers).status


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.parametrize("login", [None, LOGIN], ids=["anonymous", "password"])
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_every_kind_of_registry_takes_an_image(tmp_path: Path, login: Login | None, *, tls: bool) -> None:
    with start_registry(tmp_path, login=login, tls=tls) as registry:
        digest = push(registry.access("e2e"), "team/app", "v1", build_index("app"))
        assert status(registry, f"/v2/team/app/manifests/{digest}", login=login) == 200
        assert registry.url.startswith("https://" if tls else "http://")
        assert status(registry, "/v2/", login=None) == (401 if login else 200)
    assert gone(registry.pid)


def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    with start_registry(tmp_path, login=LOGIN) as registry:
        assert status(registry, "/v2/", login=Login("robot", "wrong")) == 401


def test_it_starts_again_on_the_same_directory_and_port(tmp_path: Path) -> None:
    with start_registry(tmp_path, login=LOGIN, tls=True) as first:
        digest = push(first.access("e2e"), "app", "v1", build_image("app"))
        ca = tmp_path.joinpath("ca.crt").read_bytes()
    port = int(first.host.rpartition(":")[2])
    with start_registry(tmp_path, port=port, login=LOGIN, tls=True) as second:
        assert second.host == first.host
        assert tmp_path.joinpath("ca.crt").read_bytes() == ca
        assert status(second, f"/v2/app/manifests/{digest}", login=LOGIN) == 200


def test_a_taken_port_is_an_error_that_says_so(tmp_path: Path) -> None:
    with start_registry(tmp_path / "a") as registry:
        port = int(registry.host.rpartition(":")[2])
        with pytest.raises(RegistryError, match="address already in use"), start_registry(tmp_path / "b", port=port):
            pass


def test_without_the_program_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissingError, match="apt-get install docker-registry"), start_registry(tmp_path / "a"):
        pass


def test_no_password_and_no_readable_secret_is_left_in_the_directory(tmp_path: Path) -> None:
    with start_registry(tmp_path, login=LOGIN, tls=True):
        pass
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"htpasswd", "server.key", "config.yaml"} <= {path.name for path in files}
    assert not [path for path in files if LOGIN.password.encode() in path.read_bytes()]
    for name in ("htpasswd", "server.key", "config.yaml"):
        assert tmp_path.joinpath(name).stat().st_mode & 0o777 == 0o600
    assert LOGIN.password not in repr(LOGIN)


PARENT = """
    import sys, time
    from pathlib import Path
    from bot.demo.registries import start_registry
    with start_registry(Path(sys.argv[1]), detach=sys.argv[2] == "detach") as registry:
        print(registry.pid, flush=True)
        time.sleep(60 if sys.argv[2] == "wait" else 0)
"""


def test_it_dies_with_its_parent_even_by_sigkill(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path), "wait"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    assert gone(pid)


def test_detached_it_does_not_outlive_a_failure_that_nobody_could_stop_it_after(tmp_path: Path) -> None:
    def fail_beside_it() -> None:
        with start_registry(tmp_path, detach=True) as registry:
            pids.append(registry.pid)
            raise KeyboardInterrupt

    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        fail_beside_it()
    assert gone(pids[0])


def test_detached_it_outlives_its_parent(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path), "detach"]
    pid = int(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout)
    try:
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
