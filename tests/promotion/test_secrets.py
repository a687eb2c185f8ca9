"""What a whole run of promobot shows and leaves behind: no password, whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.proxy import Fault, FaultProxy, Kind, Pause, Seen, start_proxy
from tests.registry.copies import wait_until
from tests.secrets import ProcessWatch, echo, leaking_files, leaks, spellings_of

ROOT = Path(__file__).parents[2]
# What an ordinary run of the tests looks at; the others take as long each.
_SHOWN = {("e2e", "GET"), ("staging", "PUT")}
PROMOTE = ("promote", "inventory", "--to", "staging", "-vv")


def canaries(company: Company) -> set[str]:
    return spellings_of(company.e2e.login, company.staging.login)


@contextmanager
def running(company: Company, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """promobot, as a process that may leave core files as large as it likes where it works."""

    def allow_cores() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    work = company.folder / "work"
    work.mkdir(exist_ok=True)
    environ = {**company.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *argv],
        cwd=work,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=allow_cores,  # noqa: PLW1509 - there are no threads here yet
    ) as process:
        yield process


def said_by(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout + stderr


def left_behind(company: Company) -> list[Path]:
    """The files of the company, its home, cache and temporary folder included, that have a password in them."""
    given = {company.folder / "staging-password", company.folder / "docker" / "config.json"}
    return [file for file in leaking_files(canaries(company), company.folder) if file not in given]


def use_docker_logins(company: Company, hosts: Mapping[str, RunningRegistry]) -> None:
    """Let the logins come from what `docker login` left; `hosts` are what the registries are reached as."""
    logins = {host: {"auth": registry.login.basic} for host, registry in hosts.items() if registry.login}
    file = company.folder / "docker" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": logins}))
    config = company.folder / "promobot.yaml"
    lines = [
        "    auth: {type: docker, config: docker/config.json}" if line.strip().startswith("auth:") else line
        for line in config.read_text().splitlines()
    ]
    config.write_text("\n".join(lines))


@pytest.mark.parametrize("docker", [False, True])
def test_a_promotion_that_succeeds(company: Company, *, docker: bool) -> None:
    if docker:
        use_docker_logins(company, {company.e2e.host: company.e2e, company.staging.host: company.staging})
    with ProcessWatch() as watch, running(company, *PROMOTE) as process:
        code, said = said_by(process)
    assert code == 0, said.decode()
    assert b"skopeo" in said  # it did talk
    assert any(b"--preserve-digests" in arguments for arguments in watch.arguments)
    assert leaks(canaries(company), said) == []
    assert leaks(canaries(company), b"\n".join(watch.arguments | watch.environments)) == []
    assert watch.holders <= {b"skopeo", b"setpriv", b"sh", Path(sys.executable).name.encode()}
    # Names of branches, messages of commits and texts of merge requests are packed: Git tells them.
    told = company.git("log", "--all", "--format=%H%D%an%ae%cn%ce%B") + str(company.all_requests())
    assert leaks(canaries(company), told) == []
    assert left_behind(company) == []


REFUSALS = [
    pytest.param(side, method, status, marks=() if (side, method) in _SHOWN and status == 403 else pytest.mark.long)
    for side, methods in (("e2e", ("HEAD", "GET")), ("staging", ("HEAD", "GET", "POST", "PUT")))
    for method in methods
    for status in (401, 403, 500)
]


@pytest.mark.parametrize(("side", "method", "status"), REFUSALS)
def test_a_promotion_that_a_registry_refuses_with_the_words_it_was_sent(
    company: Company, side: str, method: str, status: int
) -> None:
    def gate(request: Seen) -> Kind | None:
        return echo(status, request) if request.method == method else None

    registry = company.e2e if side == "e2e" else company.staging
    with start_proxy(registry, gate=gate) as proxy:
        company.connect(**{side: proxy})
        with running(company, *PROMOTE) as process:
            code, said = said_by(process)
        assert any("Authorization" in request.headers for request in proxy.seen)
    assert code == 3, said.decode()
    assert b"Traceback" not in said
    assert leaks(canaries(company), said) == []
    assert left_behind(company) == []


def test_what_crashes_leaves_no_core(company: Company) -> None:
    """Whoever runs promobot may have asked for core files: of promobot there are none, nor of what it starts."""
    with start_proxy(company.staging) as proxy:
        company.connect(staging=proxy)
        proxy.inject(Fault("^PATCH", Pause()))
        with running(company, *PROMOTE) as process:
            wait_until(lambda: proxy.count("^PATCH") > 0, within=60)
            skopeos = children_named(proxy, "skopeo")
            limits = [core_limit(pid) for pid in (process.pid, *skopeos)]
            for pid in (*skopeos, process.pid):
                os.kill(pid, signal.SIGABRT)
            proxy.release()
            code, said = said_by(process)
    assert code == -signal.SIGABRT
    assert len(skopeos) == 1
    assert set(limits) == {"0 0"}
    assert leaks(canaries(company), said) == []
    assert left_behind(company) == []
    assert list((company.folder / "work").iterdir()) == []


def children_named(proxy: FaultProxy, name: str) -> list[int]:
    """The processes of a program with the proxy's address in their arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = process.joinpath("cmdline").read_bytes().split(b"\0")
            named = any(each.rpartition(b"/")[2] == name.encode() for each in arguments)
            if named and any(proxy.host.encode() in each for each in arguments):
                found.append(int(process.name))
    return found


def core_limit(pid: int) -> str:
    """Soft and hard limit of a process for the size of its core file."""
    (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line]
    return " ".join(line.split()[4:6])
