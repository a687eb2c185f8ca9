"""No secret of a copy can be seen by others or found afterwards, even after a kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.oci import build_image, build_index
from bot.demo.registries import RunningRegistry, start_registry
from bot.registry.client import ImageRepository
from bot.registry.copying import Copied, Copier
from tests.proxy import Delay, Fault, start_proxy
from tests.registry.places import pushed, repository_of


class ArgumentSampler(threading.Thread):
    """Reads the command line of every process on this machine, as any local user could, until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[bytes] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.005):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())


def secrets_of(*repositories: ImageRepository) -> list[str]:
    logins = [repository.registry.access.login for repository in repositories]
    return [text for login in logins if login for text in (login.password, login.basic)]


def test_no_secret_is_in_arguments_logs_or_files(
    source: ImageRepository,
    destination: ImageRepository,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("HOME", str(tmp_path))
    digest = pushed(source, "v1", build_image("large", size=12_000_000, layers=3))
    sampler = ArgumentSampler()
    sampler.start()
    try:
        Copier(cache).copy(source, digest, destination, "v1")
    finally:
        sampler.done.set()
        sampler.join()
    assert any(
        b"--preserve-digests" in arguments and destination.path.encode() in arguments for arguments in sampler.seen
    )
    assert "--preserve-digests" in caplog.text
    assert [file.name for file in files_of(cache)] == ["ca.crt"]
    secrets = secrets_of(source, destination)
    assert len(secrets) == 4
    for secret in secrets:
        assert secret not in caplog.text
        assert not any(secret.encode() in arguments for arguments in sampler.seen)
        assert not [file for file in files_of(tmp_path) if secret.encode() in file.read_bytes()]


def files_of(directory: Path) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file()]


CHILD = """
    import sys
    from pathlib import Path
    from bot.images import Digest
    from bot.registry.access import Login, RegistryAccess
    from bot.registry.client import RegistryClient
    from bot.registry.client import ImageRepository
    from bot.registry.copying import Copier

    login = Login(*sys.stdin.readline().split())
    source, destination, path, digest, cache = sys.argv[1:]
    source, destination = (
        ImageRepository(RegistryClient(RegistryAccess(host, host, host, plain_http=True, login=login)), path)
        for host in (source, destination)
    )
    Copier(Path(cache)).copy(source, Digest(digest), destination, "v1")
"""


def test_killed_midway_it_leaves_no_process_no_secret_and_no_tag_and_runs_again(
    e2e_registry: RunningRegistry, copier: Copier, cache: Path, repository: str, tmp_path: Path
) -> None:
    login = e2e_registry.login
    assert login is not None
    with (
        repository_of(e2e_registry.access("e2e"), repository) as source,
        start_registry(tmp_path / "staging", login=login) as staging,
        start_proxy(staging) as slow,
        repository_of(slow.access("staging"), source.path) as destination,
    ):
        digest = pushed(source, "v1", build_index("app"))
        slow.inject(Fault("^PATCH", Delay(1)))
        argv = [sys.executable, "-c", textwrap.dedent(CHILD), e2e_registry.host, slow.host, source.path, str(digest)]
        environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        with subprocess.Popen([*argv, str(cache)], stdin=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdin is not None
            child.stdin.write(f"{login.username} {login.password}\n")
            child.stdin.flush()
            wait_until(lambda: slow.count("^PATCH") > 0)
            running = skopeos(slow.host)
            child.kill()
        assert len(running) == 1
        wait_until(lambda: not skopeos(slow.host))
        assert [file.name for file in files_of(cache)] == []
        assert not [file for file in files_of(tmp_path) if login.password.encode() in file.read_bytes()]
        assert destination.registry.digest(destination.path, "v1") is None
        assert copier.copy(source, digest, destination, "v1") == Copied(digest)


def skopeos(host: str) -> list[Path]:
    """The processes with this registry in their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"docker://{host}/".encode() in path.read_bytes():
                found.append(path)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
