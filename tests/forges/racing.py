"""Processes that open the same merge request at the same time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

_RACER = """
import sys, time
from pathlib import Path
from bot.forges import FORGES, ForgeAccess
from bot.repositories import RequestDraft, Reviewers
kind, url, token, project, ready, go = sys.argv[1:]
forge = FORGES[kind](ForgeAccess("work", url, token))
forge.open_requests(project)
Path(ready).touch()
while not Path(go).exists():
    time.sleep(0.001)
opened = forge.open(project, RequestDraft("x", "main", "t", "b", Reviewers(users=("ann",)), ("l",)))
print(opened.request.number, int(opened.created))
"""


def open_at_once(kind: str, url: str, token: str, project: str, folder: Path) -> list[tuple[int, bool]]:
    """The number that each of four processes ends with, and whether it says that it made it; `folder` is empty."""
    ready, go = [folder / f"ready{number}" for number in range(4)], folder / "go"
    argv = [sys.executable, "-c", _RACER, kind, url, token, project]
    racers = [subprocess.Popen([*argv, str(file), str(go)], stdout=subprocess.PIPE, text=True) for file in ready]
    while not all(file.exists() for file in ready):
        assert all(racer.poll() is None for racer in racers)
        time.sleep(0.005)
    go.touch()
    ends = [racer.communicate(timeout=60)[0].split() for racer in racers]
    return [(int(number), created == "1") for number, created in ends]
