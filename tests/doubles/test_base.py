"""What the doubles of every forge stand on: faults do what they say, git is real, refs move by compare-and-set."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import urllib3

from bot.errors import GitError
from bot.git import Clone, Credential, LeaseLost, Pushed
from bot.repositories import FileChange
from tests.doubles.http import Request, Response
from tests.doubles.repository import Repository
from tests.doubles.routes import Routes
from tests.doubles.server import App, Exchange, Pass, Running, serve
from tests.git.conftest import BOT, NOON
from tests.proxy import Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Delay, Fault, Kind, Silence

TOKEN = "glpat-canary-0123456789"
PROJECT = "platform/gitops"


@dataclass
class Counter:
    """An app that counts, and has one repository for who has the token."""

    root: Path
    count: int = 0
    pushes: list[str] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)

    def route(self, request: Request) -> str:
        return f"{request.method} {request.path}"

    def answer(self, request: Request) -> Response:
        if request.path == "/crash":
            raise RuntimeError("as was wanted")
        self.count += request.method == "POST"
        return Response(200, {"count": self.count, "said": request.form or request.json, "base": request.base})

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        if request.login is None or request.login[1] != TOKEN:
            return Response(401, headers={"WWW-Authenticate": 'Basic realm="double"'})
        self.asked.append(write)
        return Pass(self.root, project, "bot") if project == PROJECT else Response(404)

    def pushed(self, project: str) -> None:
        self.pushes.append(project)


@pytest.fixture
def app(tmp_path: Path) -> Counter:
    return Counter(tmp_path / "repositories")


@pytest.fixture
def running(app: Counter) -> Iterator[Running]:
    with serve(app) as double:
        yield double


def ask(double: Running, method: str = "POST", path: str = "/x", **settings: object) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(ca_certs=str(double.ca_file) if double.ca_file else None) as pool:
        answer = pool.urlopen(method, f"{double.url}{path}", retries=False, timeout=5.0, **settings)  # type: ignore[arg-type]
        answer.read(cache_content=True)
        return answer


@pytest.mark.parametrize(
    ("kind", "worked"),
    [(CutBefore(), 0), (CutAfter(), 1), (CutMidway(), 1), (Silence(0), 0), (Silence(0, passed=True), 1)],
)
def test_a_request_that_gets_no_answer(app: Counter, running: Running, kind: Kind, worked: int) -> None:
    running.inject(Fault("POST /x", kind))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(running)
    assert app.count == worked
    assert ask(running).json()["count"] == worked + 1


@pytest.mark.parametrize(
    ("kind", "worked"), [(Answer(502, {"A": "b"}, b"no"), 0), (AnswerAfter(502, {"A": "b"}, b"no"), 1)]
)
def test_a_request_that_a_gateway_answers(app: Counter, running: Running, kind: Kind, worked: int) -> None:
    running.inject(Fault("POST", kind))
    answer = ask(running)
    assert (answer.status, answer.headers["A"], answer.data, app.count) == (502, "b", b"no", worked)


def test_faults_are_for_a_number_or_a_route_and_told_in_the_log(running: Running) -> None:
    running.inject(Fault("", Answer(500), skip=2), Fault("GET /y", Delay(0.01)))
    statuses = [ask(running, method, path).status for method, path in (("GET", "/x"), ("GET", "/y"), ("GET", "/x"))]
    assert statuses == [200, 200, 500]
    assert running.log().splitlines() == [
        "  1 GET /x -> 200",
        "  2 GET /y -> 200   (Delay)",
        "  3 GET /x -> 500   (Answer)",
    ]
    assert running.counts() == {"GET /x": 2, "GET /y": 1}
    running.forget()
    assert not running.counts()


def test_a_watcher_sees_every_exchange_and_its_complaint_fails_the_test(app: Counter) -> None:
    def watch(exchange: Exchange) -> list[str]:
        seen.append(exchange)
        return ["not that"] if exchange.request.path == "/bad" else []

    seen: list[Exchange] = []
    with pytest.raises(AssertionError, match="  2 GET /bad -> 200: not that"), serve(app) as double:  # noqa: PT012
        double.watchers.append(watch)
        ask(double, "POST", "/good", body=b'{"a": 1}')
        ask(double, "GET", "/bad")
    assert [exchange.response.content for exchange in seen if exchange.response] == [
        {"count": 1, "said": {"a": 1}, "base": double.url},
        {"count": 1, "said": None, "base": double.url},
    ]


def test_a_double_that_stumbles_fails_the_test(app: Counter) -> None:
    with pytest.raises(AssertionError, match="as was wanted"), serve(app) as double:  # noqa: PT012
        assert ask(double, "GET", "/crash").status == 500
        assert ask(double, "GET", "/x").status == 200


def test_a_prefix_and_tls(app: Counter, tmp_path: Path) -> None:
    with serve(app, prefix="/forge", tls_in=tmp_path) as double:
        assert double.url.startswith("https://127.0.0.1:")
        assert ask(double, "GET", "/x").json()["base"] == double.url
        assert app.route(double.exchanges[0].request) == "GET /x"
        with pytest.raises(urllib3.exceptions.SSLError), urllib3.PoolManager() as stranger:
            stranger.request("GET", double.url, retries=False)


def test_git_clones_and_pushes_with_a_token(app: Counter, running: Running, tmp_path: Path) -> None:
    repository = Repository.create(app.root, PROJECT, {"a": b"1"})
    credential = Credential("oauth2", TOKEN)
    clone = Clone(f"{running.url}/{PROJECT}.git", tmp_path / "clone.git", BOT, credential=credential)
    base = clone.fetch(["main"])["main"]
    assert clone.files(base, ["a"])[0].content == b"1"
    commit = clone.commit(base, [FileChange("a", b"2" * 3_000_000)], "Large enough for chunks", NOON)
    assert clone.push("x", commit, None) == Pushed(changed=True)
    assert repository.head("x") == commit
    assert app.pushes == [PROJECT]
    assert (app.asked[0], app.asked[-1]) == (False, True)
    theirs = repository.commit("x", {"b": b"1"})
    assert isinstance(clone.push("x", base, commit), LeaseLost)
    assert repository.head("x") == theirs
    assert running.counts() == {}
    assert running.counts(git=True)["git git-receive-pack"] >= 2


@pytest.mark.parametrize(("project", "token"), [(PROJECT, "wrong"), ("platform/other", TOKEN)])
def test_git_is_refused(app: Counter, running: Running, tmp_path: Path, project: str, token: str) -> None:
    Repository.create(app.root, PROJECT, {"a": b"1"})
    url = f"{running.url}/{project}.git"
    with pytest.raises(GitError, match="cannot read the branches"):
        Clone(url, tmp_path / "clone.git", BOT, credential=Credential("oauth2", token)).heads(["main"])


def test_one_of_many_moves_a_branch(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path, PROJECT, {"a": b"1"})
    old = repository.head("main")
    assert old is not None
    commits = [repository.write(old, {"a": str(number).encode()}, "m") for number in range(4)]
    barrier, moved = threading.Barrier(4), list[bool]()

    def move(commit: str) -> None:
        barrier.wait(10)
        moved.append(repository.move("main", commit, old))

    threads = [threading.Thread(target=move, args=(commit,)) for commit in commits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == [False, False, False, True]
    assert repository.head("main") in commits
    assert repository.git("for-each-ref", "refs/promobot") == ""


def test_what_people_do_in_a_repository(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path, PROJECT, {"a": b"1", "d/b": b"1"})
    first = repository.resolve("main")
    assert first is not None
    second = repository.commit("x", {"d/b": b"2"}, "Two\n\nlines")
    assert repository.files(second) == {"a": b"1", "d/b": b"2"}
    assert (repository.read(second, "d/b"), repository.read(second, "none")) == (b"2", None)
    assert (repository.resolve("x"), repository.resolve(second), repository.resolve("none")) == (second, second, None)
    assert repository.contains(second, first)
    assert repository.base(second, first) == first
    assert repository.between(first, second) == [second]
    squashed = repository.squashed(first, repository.git("rev-parse", f"{second}^{{tree}}"), "As one")
    assert repository.move("main", squashed, first)
    assert repository.files(squashed) == repository.files(second)
    assert not repository.move("x", None, first)
    assert repository.move("x", None, second)
    assert repository.heads() == {"main": squashed}


def test_routes() -> None:
    routes = Routes[int]()
    for number, pattern in enumerate(
        (
            "GET /projects/:id",
            "GET /projects/:id/files/:path",
            "GET /projects/all",
            "PUT /projects/:id",
            "GET /refs/*ref",
        )
    ):
        routes.add(pattern, number)
    found = routes.find("GET", "/projects/a%2Fb/files/c%2Fd%20e")
    assert found is not None
    assert (found.name, found.handler, found.values) == (
        "GET /projects/:id/files/:path",
        1,
        {"id": "a/b", "path": "c/d e"},
    )
    numbers = [
        match.handler if (match := routes.find(*words.split())) else None
        for words in (
            "GET /projects/all",
            "GET /projects/1",
            "PUT /projects/all",
            "GET /projects/a/b",
            "GET /refs/a/b",
            "GET /refs/",
        )
    ]
    assert numbers == [2, 0, 3, None, 4, None]
    assert routes.methods("/projects/1") == ["GET", "PUT"]


def test_a_double_is_an_app(app: Counter) -> None:
    checked: App = app
    assert checked.route(Request("GET", "/x?y=%2F&y=", {}, b"", "")) == "GET /x"
