"""What the doubles send is read as what happened, and is as the forges describe it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.forges.webhooks import GitHubSecret, GitLabToken, Key, Secret, key_of
from tests.doubles.contract.data import ABSENT as NO_DATA
from tests.doubles.contract.data import present
from tests.doubles.contract.github import webhook_faults
from tests.doubles.github.hooks import GitHubTelling
from tests.doubles.gitlab.hooks import GitLabTelling
from tests.doubles.hooks import WithHooks
from tests.forges.places import GitHubPlace, GitLabPlace, github_place, gitlab_place

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "glwt-canary"


@dataclass
class Ear:
    """Hears webhooks."""

    url: str = ""
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def keys(self, secret: Secret) -> list[Key | None]:
        return [key_of(headers, body, secret, now=NOW) for headers, body in self.heard]


@contextmanager
def ear() -> Iterator[Ear]:
    made = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.heard.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def lived(place: GitLabPlace | GitHubPlace, telling: Any, url: str) -> None:
    """Pushed, opened, pushed again, edited, closed by Ann."""
    hooks = WithHooks(place.running.app, telling, url, SECRET)
    place.running.app = hooks
    with hooks.sending():
        place.push("x", "2")
        number = place.open()
        place.push("x", "3")
        place.forge.update(place.project, number, title="new", body="why")
        place.closed_by_ann(number)
        hooks.look(place.running.url)


CASES: dict[str, tuple[Callable[[Path], Any], Callable[[Any], Any], Secret]] = {
    "gitlab": (gitlab_place, lambda place: GitLabTelling(place.gitlab), GitLabToken(SECRET)),
    "github": (github_place, lambda place: GitHubTelling(place.hub), GitHubSecret(SECRET)),
}


@pytest.mark.parametrize("forge", CASES)
def test_what_happens_is_told(tmp_path: Path, forge: str) -> None:
    make, telling, secret = CASES[forge]
    with ear() as listening, make(tmp_path) as place:
        lived(place, telling(place), listening.url)
    keys = listening.keys(secret)
    branch, request = Key(place.project, "x"), Key(place.project, number=1)
    assert set(keys) == {branch, request}
    assert keys.count(branch) == 2
    assert keys.count(request) >= 3
    assert SECRET.encode() not in b"".join(body for _, body in listening.heard)


@pytest.mark.skipif(not present(), reason=NO_DATA)
def test_githubs_are_as_described(tmp_path: Path) -> None:
    make, telling, _ = CASES["github"]
    with ear() as listening, make(tmp_path) as place:
        lived(place, telling(place), listening.url)
    found = [webhook_faults(headers["X-GitHub-Event"], json.loads(body)) for headers, body in listening.heard]
    assert found == [[]] * len(found)


def test_nobody_who_hears_them_is_no_harm(tmp_path: Path) -> None:
    with github_place(tmp_path) as place:
        lived(place, GitHubTelling(place.hub), "http://127.0.0.1:1/")


def test_an_address_elsewhere_is_none(tmp_path: Path) -> None:
    with github_place(tmp_path) as place, pytest.raises(AssertionError, match="stay on this machine"):
        WithHooks(place.running.app, GitHubTelling(place.hub), "http://example.com/", SECRET)
