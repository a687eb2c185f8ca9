"""The servers of a demo's world: started, written down, and found again when it is stopped or played on with."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

from bot.demo.doubles import KINDS, RunningDouble, start_double
from bot.demo.registries import RunningRegistry, start_registry
from bot.errors import UsageError
from bot.registry import Login

ENVIRONMENTS = ("e2e", "staging", "prod")
APPROVERS = ("platform/staging-approvers", "sre")
USER = "promobot"
# Files of a world: its secrets, its repositories, and where its servers are.
PASSWORD, FORGE_TOKEN, REPOSITORIES, _STATE = "staging-password", "forge-token", "git", "servers.json"
_Entry: TypeAlias = dict[str, int]  # `pid` and `port` of a server
Running: TypeAlias = RunningRegistry | RunningDouble


@contextmanager
def running(
    folder: Path, ports: Mapping[str, int | None], *, detach: bool, known: Mapping[str, _Entry] | None = None
) -> Iterator[dict[str, Running]]:
    """Run these servers, registries by their environments and a forge by its type, on these ports or any.

    Where they are is written down, beside those that are `known`.
    """
    with ExitStack() as stack:
        started = {name: stack.enter_context(_start(folder, name, port, detach=detach)) for name, port in ports.items()}
        entries = {name: {"pid": one.pid, "port": int(one.url.rpartition(":")[2])} for name, one in started.items()}
        state = json.dumps({**(known or {}), **entries}, indent=2) + "\n"
        (folder / _STATE).write_text(state, encoding="ascii")
        yield started


def start_again(folder: Path) -> dict[str, str]:
    """Start those servers of a kept world that don't run, on their old ports, to outlive us. Returns all hosts.

    What a forge's double had beside Git is gone: promobot opens its merge requests again, as that is all it needs.
    """
    state, folder = _state(folder), folder.resolve()
    ended = {name: entry["port"] for name, entry in state.items() if not _runs(folder, name, entry["pid"])}
    with running(folder, ended, detach=True, known=state):
        return {name: f"127.0.0.1:{entry['port']}" for name, entry in state.items()}


def stop(folder: Path) -> int:
    """Stop the servers of a kept world and return how many were running. Touches no other process."""
    stopped = 0
    for name, entry in _state(folder).items():
        if _runs(folder.resolve(), name, entry["pid"]):
            os.kill(entry["pid"], signal.SIGTERM)
            stopped += 1
    return stopped


def is_stopped(folder: Path) -> bool:
    """Whether a world is kept there whose servers don't all run."""
    try:
        state = _state(folder)
    except UsageError:
        return False
    return not all(_runs(folder.resolve(), name, entry["pid"]) for name, entry in state.items())


def _start(folder: Path, name: str, port: int | None, *, detach: bool) -> AbstractContextManager[Running]:
    if name in KINDS:
        token = folder / FORGE_TOKEN
        return start_double(name, folder / REPOSITORIES, token, groups=APPROVERS, port=port, detach=detach)
    login = Login(USER, (folder / PASSWORD).read_text(encoding="ascii").strip()) if name == "staging" else None
    return start_registry(_registry(folder, name), port=port, login=login, tls=name == "prod", detach=detach)


def _registry(folder: Path, name: str) -> Path:
    return folder / "registries" / name


def _state(folder: Path) -> dict[str, _Entry]:
    try:
        read = json.loads((folder / _STATE).read_text(encoding="ascii"))
        # Ours alone: any other name could stand for any path, and so for anybody's process.
        names = [*ENVIRONMENTS, *(name for name in KINDS if name in read)]
        return {name: {key: int(read[name][key]) for key in ("pid", "port")} for name in names}
    except (OSError, ValueError, LookupError, TypeError):
        raise UsageError(f"{folder} holds no kept demo", hint=f"make one: promobot demo --keep {folder}") from None


def _runs(folder: Path, name: str, pid: int) -> bool:
    mark = folder / FORGE_TOKEN if name in KINDS else _registry(folder, name) / "config.yaml"
    return str(mark) in _command_line(pid)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
