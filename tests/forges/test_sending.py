"""How requests to any forge are sent: again where that is safe, at its pace, to it alone, and told without secrets."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import requests

from bot.errors import ConfigError, ExitCode, ForgeError
from bot.forges.access import ForgeAccess
from bot.forges.certainty import certain
from bot.forges.errors import LimitError, StatusError, UnansweredError
from bot.forges.sending import ForgeAdapter
from bot.network.pace import Pace
from tests.doubles.http import Request, Response
from tests.doubles.server import Pass, Running, serve
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Fault, Kind, Silence
from tests.registry.clients import Clock, Sleeps

TOKEN = "glpat-canary-4f21"


class Plain:
    """A forge that says things in `message`, and lacks in `lacks`."""

    def said(self, content: object) -> tuple[str, ...]:
        return (str(content["message"]),) if isinstance(content, dict) and "message" in content else ()

    def lacking(self, headers: Mapping[str, str], _: object) -> str:
        return headers.get("Lacks", "")

    def limited(self, status: int, headers: Mapping[str, str], _: object) -> bool:
        return status == 429 or (status == 403 and "Retry-After" in headers)


@dataclass
class Notes:
    """An app that keeps what is posted, and answers as it is told."""

    notes: list[str] = field(default_factory=list)
    answers: dict[str, Response] = field(default_factory=dict)
    together: threading.Barrier | None = None

    def route(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        if self.together:
            self.together.wait(10)
        if request.path in self.answers:
            return self.answers[request.path]
        if request.method == "POST":
            self.notes.append(request.body.decode())
        return Response(200, {"notes": self.notes, "token": request.headers.get("Token", "")})

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        raise AssertionError(f"{request} for {project}, {write}")

    def pushed(self, project: str) -> None:
        """Nobody does."""


@pytest.fixture
def app() -> Notes:
    return Notes()


@pytest.fixture
def forge(app: Notes) -> Iterator[Running]:
    with serve(app, prefix="/forge") as running:
        yield running


@contextmanager
def session(forge: Running, clock: Clock | None = None, **access: object) -> Iterator[requests.Session]:
    clock = clock or Clock()
    settings = replace(ForgeAccess("work", forge.url, TOKEN, "FORGE_TOKEN", forge.ca_file), **access)  # type: ignore[arg-type]
    with requests.Session() as made:
        made.headers["Token"] = TOKEN
        for scheme in ("http://", "https://"):
            made.mount(scheme, ForgeAdapter(settings, Plain(), clock.pace(), sleep=clock.sleep))
        yield made


@pytest.mark.parametrize(
    "kind",
    [
        CutBefore(),
        CutAfter(),
        CutMidway(),
        Answer(500),
        Answer(502, body=b"<html>"),
        Answer(503),
        AnswerAfter(504),
        AnswerAfter(408),
    ],
)
def test_a_read_is_sent_again_and_a_write_is_not(app: Notes, forge: Running, kind: Kind) -> None:
    clock = Clock()
    with session(forge, clock) as made:
        forge.inject(Fault("GET", kind, times=2))
        assert made.get(f"{forge.url}/x").json()["notes"] == []
        assert len(clock.slept) == 2
        forge.inject(Fault("POST", kind))
        with pytest.raises((StatusError, UnansweredError)) as caught:
            made.post(f"{forge.url}/x", data="note")
    assert isinstance(caught.value, StatusError | UnansweredError)
    assert caught.value.unsure
    assert forge.count("POST") == 1
    assert app.notes == ([] if isinstance(kind, CutBefore | Answer) else ["note"])


def test_a_read_that_fails_for_good(forge: Running) -> None:
    forge.inject(Fault("", CutBefore(), ALWAYS))
    with session(forge) as made, pytest.raises(UnansweredError) as caught:
        made.get(f"{forge.url}/x?private=1")
    assert caught.value.message == f"forge work: GET {forge.url}/x: the connection was cut"
    assert caught.value.exit_code is ExitCode.FORGE
    assert forge.count() == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("status", "headers"), [(429, {"Retry-After": "7"}), (403, {"Retry-After": "7"})])
def test_a_limit_is_waited_for_by_reads_and_writes(
    app: Notes, forge: Running, method: str, status: int, headers: dict[str, str]
) -> None:
    clock = Clock()
    forge.inject(Fault(method, Answer(status, headers), times=2))
    with session(forge, clock) as made:
        assert made.request(method, f"{forge.url}/x", data="note").status_code == 200
    assert clock.slept == [7, 7]
    assert app.notes == (["note"] if method == "POST" else [])


def test_a_limit_without_a_word_is_waited_for_longer_and_longer(forge: Running) -> None:
    clock = Clock()
    forge.inject(Fault("", Answer(429), times=4))
    with session(forge, clock) as made:
        made.get(f"{forge.url}/x")
    assert len(clock.slept) == 4
    assert clock.slept[3] > clock.slept[0]


@pytest.mark.parametrize("name", ["RateLimit-Reset", "X-RateLimit-Reset"])
def test_a_limit_that_says_when_it_begins_anew(forge: Running, name: str) -> None:
    clock = Clock()
    forge.inject(Fault("", Answer(429, {name: str(int(time.time()) + 30)})))
    with session(forge, clock) as made:
        made.get(f"{forge.url}/x")
    assert 20 < clock.slept[0] <= 30


def test_a_limit_that_is_too_long_ends_it_and_the_others_without_a_request(forge: Running) -> None:
    forge.inject(Fault("", Answer(429, {"Retry-After": "3600"})))
    with session(forge) as made:
        for path in ("x", "y"):
            with pytest.raises(LimitError, match=f"forge work: GET {forge.url}/{path}: .* wants 3600 s without any"):
                made.get(f"{forge.url}/{path}")
    assert forge.count() == 1


def test_a_wait_is_told() -> None:
    told, clock = list[float](), Clock()
    pace = Pace(1, tell=told.append, clock=clock, sleep=clock.sleep)
    pace.wait_for(20)
    with pace.turn(None):  # type: ignore[arg-type]
        assert told == [20]


@pytest.mark.parametrize(
    ("answer", "words", "hint"),
    [
        (Response(401, {"message": "expired"}), "the token is not accepted (HTTP 401): expired", "FORGE_TOKEN"),
        (Response(403, {"message": "no"}), "the token's user may not do this (HTTP 403): no", "rights"),
        (Response(403, {}, {"Lacks": "scope api"}), "the token lacks scope api (HTTP 403)", "put it into FORGE_TOKEN"),
        (Response(404, b"<html>gone"), "not found, or the token has no access (HTTP 404)", "check the project's path"),
        (Response(409, {"message": ["a", f"b {TOKEN}"]}), "the forge refuses (HTTP 409): ['a', 'b …']", "what it says"),
        (Response(422, [1]), "the forge refuses (HTTP 422)", ""),
        (Response(501, b""), "the forge failed (HTTP 501)", "when the forge works again"),
        (Response(400, {"message": "x\n\x1b[2J" + "y" * 500}), "(HTTP 400): x [2J" + "y" * 295, ""),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_to_do(
    app: Notes, forge: Running, answer: Response, words: str, hint: str
) -> None:
    app.answers["/api/x"] = answer
    with session(forge) as made, pytest.raises(StatusError) as caught:
        made.post(f"{forge.url}/api/x?q=1", json={})
    assert caught.value.message.startswith(f"forge work: POST {forge.url}/api/x: ")
    assert caught.value.message.endswith(words)
    assert hint in caught.value.hint
    assert caught.value.status == answer.status
    assert TOKEN not in f"{caught.value} {caught.value.said} {caught.value!r}"


def test_without_a_token_a_refusal_asks_for_one(app: Notes, forge: Running) -> None:
    app.answers["/x"] = Response(401)
    with session(forge, token="") as made, pytest.raises(StatusError, match="wants a token, and none is configured"):
        made.get(f"{forge.url}/x")


def test_the_token_goes_nowhere_else(app: Notes, forge: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stranger = Notes()
    with serve(stranger) as elsewhere, session(forge) as made:
        app.answers["/moved"] = Response(302, None, {"Location": f"{elsewhere.url}/x"})
        app.answers["/there"] = Response(301, None, {"Location": "/forge/x"})
        assert made.get(f"{forge.url}/there").json()["token"] == TOKEN
        for method, path in (("GET", "moved"), ("POST", "there")):
            with pytest.raises(
                ForgeError, match=r"the answer leads to http://127.0.0.1:.*/x, which promobot's token is not for"
            ):
                made.request(method, f"{forge.url}/{path}")
        with pytest.raises(ForgeError, match="leads to"):
            made.get(f"{elsewhere.url}/next-page")
        assert elsewhere.count() == 0
    assert TOKEN not in caplog.text


def test_certificates_are_of_the_systems_authorities_or_the_configured_one(
    app: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(app, tls_in=tmp_path) as forge:
        with session(forge) as made:
            assert made.get(f"{forge.url}/x").status_code == 200
        with session(forge, ca_file=None) as made, pytest.raises(UnansweredError, match="is not trusted: "):
            made.get(f"{forge.url}/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(forge.ca_file))
        with session(forge, ca_file=None) as made:
            assert made.get(f"{forge.url}/x").status_code == 200
    (tmp_path / "empty.pem").touch()
    for name in ("none.pem", "empty.pem"):
        with pytest.raises(ConfigError, match=f"{name}: the ca_file of forge work cannot be read"):
            ForgeAdapter(ForgeAccess("work", "https://x", ca_file=tmp_path / name), Plain(), Pace(1))


def test_a_silent_forge_is_given_up(forge: Running) -> None:
    forge.inject(Fault("", Silence(), ALWAYS))
    with session(forge, timeout=0.1) as made, pytest.raises(UnansweredError, match="no answer in time"):
        made.get(f"{forge.url}/x")
    assert forge.count() == 3


def test_a_forge_that_stays_silent_is_not_waited_for_by_everybody(forge: Running) -> None:
    forge.inject(Fault("", Silence(), ALWAYS))
    with session(forge, timeout=0.1) as made:
        for _ in range(5):
            with pytest.raises(UnansweredError, match="no answer in time"):
                made.post(f"{forge.url}/x", data="note")
    assert forge.count() == 3


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/x", "the connection was refused"),
        ("http://no-such-host.invalid/x", "the host name cannot be resolved"),
    ],
)
def test_a_forge_that_is_not_there(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    access = ForgeAccess("work", url.removesuffix("/x"), timeout=5)
    with requests.Session() as made:
        made.trust_env = False
        made.mount("http://", ForgeAdapter(access, Plain(), Pace(1), sleep=Sleeps()))
        with pytest.raises(UnansweredError, match=words) as caught:
            made.post(url, data="note")
    assert not caught.value.unsure


def test_a_proxy_of_the_environment_is_used_and_its_password_not_told(
    forge: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The double answers as a proxy that passes plain HTTP on to itself would: it is asked for whole addresses."""
    monkeypatch.setenv("http_proxy", forge.url.removesuffix("/forge"))
    monkeypatch.setenv("no_proxy", "")
    access = ForgeAccess("work", "http://forge.invalid")
    with requests.Session() as made:
        made.mount("http://", ForgeAdapter(access, Plain(), Pace(1), sleep=Sleeps()))
        assert made.get("http://forge.invalid/x").json()["notes"] == []
        assert forge.seen[-1].path.endswith("http://forge.invalid/x")
        monkeypatch.setenv("http_proxy", "http://user:proxy-canary@127.0.0.1:1")
        with pytest.raises(UnansweredError, match="the proxy cannot be used") as caught:
            made.get("http://forge.invalid/x")
    assert "canary" not in f"{caught.value}"


def test_so_many_at_a_time_and_no_more(app: Notes, forge: Running) -> None:
    app.together = threading.Barrier(2, timeout=10)
    access = ForgeAccess("work", forge.url)
    with requests.Session() as made:
        made.mount("http://", ForgeAdapter(access, Plain(), Pace(2)))
        threads = [threading.Thread(target=made.get, args=(f"{forge.url}/x",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert forge.count() == 4


@pytest.mark.parametrize("kind", [CutBefore(), CutAfter(), CutMidway(), Answer(502), AnswerAfter(502)])
def test_a_write_is_done_once(app: Notes, forge: Running, kind: Kind) -> None:
    forge.inject(Fault("POST", kind, times=2))
    with session(forge) as made:

        def write() -> str:
            return str(made.post(f"{forge.url}/x", data="note").json()["notes"][-1])

        def look() -> str | None:
            notes: list[str] = made.get(f"{forge.url}/x").json()["notes"]
            return notes[-1] if notes else None

        assert certain(write, look, sleep=Sleeps()) == "note"
    assert app.notes == ["note"]


def test_what_a_forge_refuses_is_not_written_again(app: Notes, forge: Running) -> None:
    app.answers["/x"] = Response(409, {"message": "no"})
    with session(forge) as made, pytest.raises(StatusError, match="no"):
        certain(lambda: made.post(f"{forge.url}/x"), lambda: None, sleep=Sleeps())
    assert forge.count() == 1


def test_a_write_that_never_succeeds_raises_its_own_error(app: Notes, forge: Running) -> None:
    forge.inject(Fault("POST", Answer(500), ALWAYS))
    with session(forge) as made, pytest.raises(StatusError, match="HTTP 500"):
        certain(lambda: made.post(f"{forge.url}/x", data=json.dumps({})), lambda: None, sleep=Sleeps())
    assert forge.count("POST") == 3
    assert app.notes == []
