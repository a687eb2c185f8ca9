"""promobot as people run it, before a registry that means harm: it says which one, and stays small."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.demo.oci import INDEX, MANIFEST, build_image
from tests.company import E2E, Company
from tests.registry import hostile
from tests.registry.hostile import Act, HostileRegistry, start_hostile
from tests.secrets import leaks, spellings_of

ROOT = Path(__file__).parents[2]
TAG = "1.1.3-rc2"
COMMANDS: dict[str, Callable[[Company], tuple[str, ...]]] = {
    "promote": lambda _: ("promote", "inventory", "--to", "staging"),
    "inspect": lambda company: ("inspect", f"{E2E}/{company.team}/inventory:{TAG}"),
    "tags": lambda company: ("tags", f"{E2E}/{company.team}/inventory"),
}
WORDS = b'{"errors": [{"code": "DENIED", "message": "\\u001b]0;owned\\u0007\\u202e\\r\\nall is well"}]}'
ACTS: dict[str, Act] = {
    "100 MB": hostile.large(MANIFEST, chunked=True),
    "gzip bomb": hostile.gzip_bomb(MANIFEST),
    "endless headers": hostile.endless_headers,
    "redirects": hostile.redirect("/v2/app/manifests/{number}"),
    "other content": hostile.says(build_image("other").manifest, MANIFEST),
    "nested": hostile.says(b"[" * 1_000_000, INDEX),
    "words": hostile.says(WORDS, "application/json", status=403),
}
# Kilobytes; without any harm done it is less than half of that.
SMALL = 120_000
# Between us and promobot, since the peak of a process is at least that of who started it (getrusage(2)).
LAUNCHER = """
import pathlib, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@pytest.fixture
def evil(company: Company) -> Iterator[HostileRegistry]:
    """What the configuration names as e2e's registry."""
    with start_hostile() as registry:
        registry.images = {TAG: build_image("inventory")}
        config = company.folder / "promobot.yaml"
        config.write_text(config.read_text().replace(f"endpoint: {company.e2e.host}", f"endpoint: {registry.host}"))
        yield registry


# What an ordinary run of the tests looks at; the others take as long each.
_SHOWN = {("promote", "100 MB"), ("promote", "other content"), ("inspect", "gzip bomb"), ("tags", "words")}
CASES = [
    pytest.param(command, name, marks=() if (command, name) in _SHOWN else pytest.mark.long)
    for command in COMMANDS
    for name in ACTS
]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_it_is_refused_by_name(company: Company, evil: HostileRegistry, command: str, name: str) -> None:
    evil.acts = {r"^GET /v2/.*/(manifests|tags)/": ACTS[name]}
    argv = [sys.executable, "-m", "bot", *COMMANDS[command](company)]
    launcher = [sys.executable, "-c", LAUNCHER, str(company.folder / "peak"), *argv]
    ended = subprocess.run(
        launcher, cwd=ROOT, env=company.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    text = ended.stdout.decode()
    assert ended.returncode == 3, text
    assert "registry e2e" in text
    assert "Traceback" not in text
    assert text.replace("\n", "").isprintable()
    assert int((company.folder / "peak").read_text()) < SMALL
    assert evil.taken < 60_000_000
    assert len(evil.seen) < 40
    assert leaks(spellings_of(company.e2e.login), text) == []
