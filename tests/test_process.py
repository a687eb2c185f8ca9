"""Programs are watched, ended in time, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.process import Glance, Limits, StalledError, TimedOutError, follow

# Starts a program of its own, says its process id, and goes on writing, or not.
PARENT = 'sleep 60 & echo "$!" > "$0"; {}'


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def nothing(_: Glance) -> None:
    pass


def test_it_is_looked_at_while_it_runs_and_never_after() -> None:
    seen: list[Glance] = []
    ended = follow(
        ["sh", "-c", "echo begun; for n in 1 2 3 4 5 6 7 8; do sleep 0.1; echo x > /dev/null; done; echo done >&2"],
        limits=Limits(20, 10),
        look=seen.append,
    )
    looks = len(seen)
    assert looks >= 1
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"begun\n", "done\n")
    assert {glance.stdout for glance in seen} == {b"begun\n"}
    written = [glance.written or 0 for glance in seen]
    assert written == sorted(written)
    assert written[0] > 0
    assert len(seen) == looks


def test_who_moves_no_byte_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(StalledError, match=r"moved no byte for 0\.3 s"):
        follow(["sh", "-c", PARENT.format("wait"), str(tmp_path / "pid")], limits=Limits(60, 0.3), look=nothing)
    wait_until(lambda: not runs(int((tmp_path / "pid").read_text())))


def test_who_moves_bytes_is_ended_when_its_time_is_over(tmp_path: Path) -> None:
    script = PARENT.format("while sleep 0.1; do echo x; done")
    with pytest.raises(TimedOutError, match="did not end within 1 s") as caught:
        follow(["sh", "-c", script, str(tmp_path / "pid")], limits=Limits(1, 20), look=nothing)
    assert not isinstance(caught.value, StalledError)
    wait_until(lambda: not runs(int((tmp_path / "pid").read_text())))


def test_what_outlives_its_parent_is_ended_too(tmp_path: Path) -> None:
    script = 'sleep 60 > /dev/null 2>&1 & echo "$!" > "$0"'
    assert follow(["sh", "-c", script, str(tmp_path / "pid")], limits=Limits(20), look=nothing).returncode == 0
    wait_until(lambda: not runs(int((tmp_path / "pid").read_text())))


CHILD = """
    import sys
    import threading
    import bot.cli.promote
    from bot.__main__ import run
    from bot.process import Limits, follow

    path, sys.argv[1:] = sys.argv[1], ["promote", "x", "--to", "y"]

    def main(call):
        argv = ["sh", "-c", 'sleep 60 & echo "$!" > "$0"; wait', path]
        work = threading.Thread(target=follow, args=(argv,), kwargs={"limits": Limits(60), "look": lambda _: None})
        work.start()
        work.join()

    bot.cli.promote.main = main
    run()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_interrupted_we_leave_nothing_of_its_group(tmp_path: Path, name: str) -> None:
    pid = tmp_path / "pid"
    script = textwrap.dedent(CHILD)
    with subprocess.Popen([sys.executable, "-c", script, str(pid)], stderr=subprocess.PIPE, env=dict(os.environ)) as us:
        wait_until(lambda: pid.exists() and pid.read_text().strip() != "")
        us.send_signal(signal.Signals[name])
        assert us.wait(10) == 130
    wait_until(lambda: not runs(int(pid.read_text())))
