"""What GitHub's refusals come to in words, and how its pauses and writes are spaced."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from bot.forges.github.dialect import GitHubDialect, pause_of
from bot.forges.github.sending import Spacing
from tests.doubles.contract.data import ABSENT, present
from tests.doubles.contract.test_github import recorded
from tests.registry.clients import Clock

FORBIDDEN = {"message": "Resource not accessible by integration"}


@pytest.mark.parametrize(
    ("headers", "content", "lacking"),
    [
        ({}, FORBIDDEN, ""),
        ({"X-Accepted-GitHub-Permissions": "pull_requests=write"}, FORBIDDEN, "the permission pull_requests=write"),
        ({"X-Accepted-GitHub-Permissions": "a=read; b=read"}, FORBIDDEN, "the permission a=read or  b=read"),
        ({"X-Accepted-GitHub-Permissions": "contents=read"}, {"message": "Not Found"}, ""),
        ({"X-Accepted-OAuth-Scopes": "repo", "X-OAuth-Scopes": "gist, read:org"}, {}, "the scope repo"),
        ({"X-Accepted-OAuth-Scopes": "public_repo, repo", "X-OAuth-Scopes": ""}, {}, "the scope public_repo or repo"),
        ({"X-Accepted-OAuth-Scopes": "repo", "X-OAuth-Scopes": "repo"}, {}, ""),
        ({"X-Accepted-OAuth-Scopes": "repo"}, {}, ""),
        ({"X-Accepted-OAuth-Scopes": "", "X-OAuth-Scopes": "gist"}, {}, ""),
        (
            {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso"},
            {},
            "the authorization for the organization's single sign-on",
        ),
    ],
)
def test_what_a_token_lacks(headers: dict[str, str], content: object, lacking: str) -> None:
    assert GitHubDialect().lacking(headers, content) == lacking


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {
                "message": "Validation Failed",
                "errors": [{"message": "no"}, "text", {"field": "head", "code": "invalid"}],
            },
            ("Validation Failed", "no", "text", "head: invalid"),
        ),
        ({"message": "m", "errors": [{"resource": "x"}, 1]}, ("m",)),
        ({"message": "m", "errors": "x"}, ("m",)),
        ({"error": "m"}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_what_is_said(content: object, said: tuple[str, ...]) -> None:
    assert GitHubDialect().said(content) == said


@pytest.mark.parametrize(
    ("status", "headers", "content", "limited"),
    [
        (429, {}, None, True),
        (403, {"Retry-After": "1"}, None, True),
        (403, {"X-RateLimit-Remaining": "0"}, {"message": "API rate limit exceeded for user ID 1."}, True),
        (403, {"X-RateLimit-Remaining": "10"}, {"message": "You have exceeded a secondary rate limit."}, True),
        (403, {"X-RateLimit-Remaining": "10"}, FORBIDDEN, False),
        (404, {"X-RateLimit-Remaining": "0"}, {"message": "Not Found"}, False),
        (500, {"Retry-After": "1"}, None, False),
    ],
)
def test_what_limits_the_rate(status: int, headers: dict[str, str], content: object, limited: bool) -> None:  # noqa: FBT001
    assert GitHubDialect().limited(status, headers, content) == limited


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1500"}, 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1500"}, 501.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "900"}, 1.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, 60.0),
        ({"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1500"}, 60.0),
        ({}, 60.0),
    ],
)
def test_how_long_it_wants_to_be_left_alone(headers: dict[str, str], seconds: float) -> None:
    assert pause_of(headers, 1000.0) == seconds


@pytest.mark.skipif(not present(), reason=ABSENT)
def test_every_recorded_refusal_is_read() -> None:
    refusals = [exchange for _, _, exchange in recorded() if exchange.status >= 400]
    assert len(refusals) > 10
    assert all(GitHubDialect().said(exchange.content) for exchange in refusals)
    assert not any(GitHubDialect().limited(exchange.status, {}, exchange.content) for exchange in refusals)


def test_writes_stand_apart_whoever_makes_them() -> None:
    clock = Clock()
    spacing = Spacing(1.0, clock=clock, sleep=clock.sleep)
    threads = [threading.Thread(target=spacing.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
        thread.join()
    assert clock.slept == [1.0, 1.0]
    clock.now += 10
    spacing.wait()
    assert clock.slept == [1.0, 1.0]


def test_help_loads_no_library_of_a_forge() -> None:
    code = (
        "import sys; from bot.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('github', 'gitlab', 'requests', 'jwt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
