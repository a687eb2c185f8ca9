"""No secret of a copy can be seen by others or found afterwards, even after a kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.oci import build_image, build_index, digest_of, push
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import RegistryError
from bot.process import run
from bot.registry.access import Login
from bot.registry.client import ImageRepository
from bot.registry.copying import Copied, Copier
from tests.proxy import Answer, Delay, Fault, FaultProxy, Pause, Seen, start_proxy
from tests.registry.copies import copier_of, wait_until
from tests.registry.places import pushed, repository_of
from tests.secrets import (
    EchoingTokens,
    ProcessWatch,
    echo,
    leaking_files,
    leaks,
    spellings,
    spellings_of,
    unnamed_files_of,
)


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
    with ProcessWatch() as watch:
        copier_of(cache).copy(source, digest, destination, "v1")
    assert any(
        b"--preserve-digests" in arguments and destination.path.encode() in arguments for arguments in watch.arguments
    )
    assert any(b"HOME=/nonexistent" in environment for environment in watch.environments)
    assert "--preserve-digests" in caplog.text
    turn, certificate = sorted(files_of(cache), key=lambda file: file.stat().st_size)
    assert (certificate.name, turn.parent.name, turn.read_bytes()) == ("ca.crt", "turns", b"")
    secrets = spellings_of(source.registry.access.login, destination.registry.access.login)
    assert leaks(secrets, caplog.text) == []
    assert leaks(secrets, b"\n".join(watch.arguments)) == []
    assert leaks(secrets, b"\n".join(watch.environments)) == []
    assert leaking_files(secrets, tmp_path) == []


def test_unnamed_files_are_open_in_nothing_but_us_and_skopeo(
    source: ImageRepository, quiet: tuple[FaultProxy, ImageRepository], cache: Path
) -> None:
    proxy, destination = quiet
    digest = pushed(source, "v1", build_image(source.path))
    proxy.inject(Fault("^PATCH", Pause()))
    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(copier_of(cache).copy, source, digest, destination, "v1")
        try:
            wait_until(lambda: proxy.count("^PATCH") > 0)
            (running,) = skopeos(proxy.host)
            # Another program that is started meanwhile, as Git would be, has none of them.
            other = run(["sh", "-c", "ls -l /proc/self/fd"], timeout=10)
            held = unnamed_files_of(running.parent)
            environment = running.parent.joinpath("environ").read_bytes()
        finally:
            proxy.release()
        copying.result()
    assert len(held) >= 3
    assert b"memfd" not in other.stdout
    assert leaks(spellings_of(source.registry.access.login), environment) == []
    assert unnamed_files_of(Path("/proc/self")) == []


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


# --- what registries say -----------------------------------------------------------------------------------

CANARY = Login("robot", "canary-6fd1b0-bäsic")
TOKEN = "canary-6fd1b0.bearer.token"
SECRETS = spellings(CANARY.password, TOKEN, "canary-6fd1b0")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry for the canary alone."""
    with start_registry(tmp_path / "guarded", login=CANARY) as registry:
        yield registry


@pytest.mark.parametrize("status", [401, 403, 429, 500])
@pytest.mark.parametrize("match", ["HEAD ", "GET /v2/ ", "POST ", "PATCH ", "PUT /v2/{}/blobs", "PUT /v2/{}/manifests"])
def test_a_registry_that_repeats_what_it_was_sent(
    source: ImageRepository,
    guarded: RunningRegistry,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
    match: str,
    status: int,
) -> None:
    caplog.set_level("DEBUG")
    found = match.format(source.path)

    def gate(request: Seen) -> Answer | None:
        # skopeo waits where it is asked to, and by itself for half a minute where it is not.
        answer = echo(status, request)
        answer = replace(answer, headers={**answer.headers, "Retry-After": "0"})
        return answer if found in f"{request} " else None

    with start_proxy(guarded, gate=gate) as proxy, repository_of(proxy.access("staging"), source.path) as destination:
        digest = pushed(source, "v1", build_image(source.path))
        with pytest.raises(RegistryError) as caught:
            copier_of(cache).copy(source, digest, destination, "v1")
    assert leaks(SECRETS, f"{caught.value}\n{caplog.text}") == []


@pytest.mark.parametrize("password", ["status", "5", "received unexpected HTTP"])
def test_a_password_that_is_a_word_changes_nothing(
    source: ImageRepository, tmp_path: Path, cache: Path, password: str
) -> None:
    """What skopeo says is judged with it, and shown without it."""
    with (
        start_registry(tmp_path / "staging", login=Login("robot", password)) as staging,
        start_proxy(staging) as proxy,
        repository_of(proxy.access("staging"), source.path) as destination,
    ):
        digest = pushed(source, "v1", build_image(source.path))
        proxy.inject(Fault("^PATCH", Answer(503)))
        assert copier_of(cache).copy(source, digest, destination, "v1") == Copied(digest)


@pytest.mark.parametrize(
    "refuses",
    ["nothing", "GET /v2/{}/blobs", "POST ", "PATCH ", "PUT /v2/{}/manifests/sha256", "PUT /v2/{}/manifests/v1"],
)
def test_tokens_are_as_secret_as_passwords(
    open_registry: RunningRegistry,
    repository: str,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    refuses: str,
) -> None:
    caplog.set_level("DEBUG")
    digest = push(open_registry.access("direct"), repository, "v1", build_index(repository))
    gate = EchoingTokens(CANARY, TOKEN, refuses.format(repository))
    with start_registry(tmp_path / "staging") as staging, ExitStack() as stack:

        def guarded(registry: RunningRegistry, name: str) -> ImageRepository:
            proxy = stack.enter_context(start_proxy(registry, gate=gate))
            return stack.enter_context(repository_of(replace(proxy.access(name), login=CANARY), repository))

        source, destination = guarded(open_registry, "e2e"), guarded(staging, "staging")
        said = ""
        with ProcessWatch() as watch:
            try:
                copier_of(cache).copy(source, digest, destination, "v1")
            except RegistryError as error:
                said = str(error)
    assert (said == "") == (refuses == "nothing")
    assert gate.granted > 0
    assert leaks(SECRETS, f"{said}\n{caplog.text}") == []
    assert leaks(SECRETS, b"\n".join(watch.arguments | watch.environments)) == []
    assert leaking_files(SECRETS, tmp_path) == []


@pytest.mark.parametrize("status", [200, 403, 500])
@pytest.mark.parametrize(
    "address", ["http://{}/signed?X-Amz-Signature=canary-6fd1b0", "http://u:canary-6fd1b0@{}/signed"]
)
def test_addresses_that_blobs_are_redirected_to_are_not_shown(
    open_registry: RunningRegistry,
    destination: ImageRepository,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
    address: str,
    status: int,
) -> None:
    """Large registries send readers of blobs to a store, by addresses that are good for anybody who has them."""
    caplog.set_level("DEBUG")
    repository = destination.path
    image = build_image(repository)
    digest = push(open_registry.access("direct"), repository, "v1", image)
    layer = image.blobs[1]
    store_answer = Answer(status, {"Content-Type": "application/octet-stream"}, layer if status == 200 else b"<Error/>")
    with start_proxy(open_registry, gate=lambda _: store_answer) as store:
        away = Answer(307, {"Location": address.format(store.host)})
        found = f"/blobs/{digest_of(layer)}"
        with (
            start_proxy(open_registry, gate=lambda seen: away if found in seen.path else None) as proxy,
            repository_of(replace(proxy.access("e2e"), login=CANARY), repository) as source,
        ):
            said = ""
            try:
                copier_of(cache).copy(source, digest, destination, "v1")
            except RegistryError as error:
                said = str(error)
        assert CANARY.basic not in str([request.headers for request in store.seen])
    assert (said == "") == (status == 200)
    assert leaks(SECRETS, f"{said}\n{caplog.text}") == []
