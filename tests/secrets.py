"""Looking for secrets where others could: in what processes show of themselves, and in what is left behind."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.registry.access import Login
from tests.proxy import Answer, Seen


def spellings(*secrets: str) -> set[str]:
    """The ways in which a secret may be written: as it is, and in base64 wherever it begins."""
    found = set()
    for secret in secrets:
        found.add(secret)
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
            # What the bytes before and behind it have a part in is cut off.
            found.add(encoded[-(-shift * 8 // 6) : len(encoded) - 4])
    return found


def spellings_of(*logins: Login | None) -> set[str]:
    """The ways in which the passwords of these logins may be written."""
    return spellings(*(login.password for login in logins if login))


def leaks(secrets: Iterable[str], text: str | bytes) -> list[str]:
    """The secrets that are in a text."""
    content = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    return [secret for secret in secrets if secret.encode() in content]


def leaking_files(secrets: Iterable[str], *folders: Path) -> list[Path]:
    """The files below these folders with a secret in their content or name."""
    wanted = tuple(secrets)
    return [
        file
        for folder in folders
        for file in folder.rglob("*")
        if leaks(wanted, str(file.relative_to(folder))) or (file.is_file() and leaks(wanted, file.read_bytes()))
    ]


@dataclass
class ProcessWatch(threading.Thread):
    """Reads what every process on this machine shows of itself, as often as it can, until the context ends.

    Arguments can be read by anybody. The environment is for its user alone, but goes to whatever is started: so it
    is kept of the programs that promobot starts. `holders` are those that have one of promobot's unnamed files open.
    """

    programs: frozenset[bytes] = frozenset({b"skopeo", b"git", b"setpriv", b"sh"})
    arguments: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)
    holders: set[bytes] = field(default_factory=set)
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def __enter__(self) -> ProcessWatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()

    def run(self) -> None:
        while not self.done.wait(0.005):
            for process in Path("/proc").glob("[0-9]*"):
                # It may end while it is looked at, or be somebody else's.
                with contextlib.suppress(OSError):
                    self.look_at(process)

    def look_at(self, process: Path) -> None:
        arguments = process.joinpath("cmdline").read_bytes()
        self.arguments.add(arguments)
        names = [argument.rpartition(b"/")[2] for argument in arguments.split(b"\0")]
        program = b"skopeo" if b"skopeo" in names else names[0]  # it may be run by a loader
        if not self.programs.isdisjoint(names):
            self.environments.add(process.joinpath("environ").read_bytes())
        # Other tests may run on this machine at the same time; what is just becoming a program has no name yet.
        if program and unnamed_files_of(process) and started_by_us(process):
            self.holders.add(program)


def started_by_us(process: Path) -> bool:
    """Whether a process (a folder of /proc) comes from this one, directly or not."""
    while (number := int(process.name)) > 1:
        if number == os.getpid():
            return True
        # The second field, the name, is in brackets and may hold anything.
        process = process.parent / process.joinpath("stat").read_text().rpartition(")")[2].split()[1]
    return False


def unnamed_files_of(process: Path) -> list[str]:
    """Those of promobot's unnamed files that a process (a folder of /proc) has open."""
    return [target for target in _targets(process) if "memfd:promobot" in target]


def _targets(process: Path) -> Iterator[str]:
    for file in process.joinpath("fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(file.readlink())


@dataclass
class EchoingTokens:
    """A gate: wants bearer tokens, grants them for the login, and repeats whatever it was sent in its refusals."""

    login: Login
    token: str
    refuses: str = "nothing"
    granted: int = 0

    def __call__(self, request: Seen) -> Answer | None:
        sent = request.headers.get("Authorization", "")
        if request.path.startswith("/token"):
            if sent != f"Basic {self.login.basic}":
                return echo(401, request)
            self.granted += 1
            return Answer(200, {"Content-Type": "application/json"}, f'{{"token": "{self.token}"}}'.encode())
        if sent != f"Bearer {self.token}":
            realm = f"http://{request.headers['Host']}/token"
            return Answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="registry"'})
        return echo(403, request) if self.refuses in str(request) else None


def echo(status: int, request: Seen) -> Answer:
    """A refusal that repeats the request's credentials, as debugging output left in a server does."""
    sent = request.headers.get("Authorization", "")
    body = (
        f'{{"errors": [{{"code": "DENIED", "message": "you sent {sent} with {request.method}", "detail": "{sent}"}}]}}'
    )
    return Answer(status, {"Content-Type": "application/json"}, body.encode())
