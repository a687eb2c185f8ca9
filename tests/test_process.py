"""Programs are watched, ended in time, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.process import Glance, Limits, StalledError, TimedOutError, follow, run
from bot.process.starting import _warn_of_orphans

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


# --- what it says ------------------------------------------------------------------------------------------

TALKS = "import sys; sys.stderr.write('first\\n' + ('x' * 99 + '\\n') * 1_000_000 + 'last\\n')"


@pytest.mark.parametrize("how", ["run", "follow"])
def test_who_says_too_much_is_heard_at_the_beginning_and_at_the_end(how: str) -> None:
    argv = [sys.executable, "-c", TALKS]
    tracemalloc.start()
    said = run(argv, timeout=60) if how == "run" else follow(argv, limits=Limits(60), look=nothing)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.stderr.startswith(f"first\n{'x' * 99}\n")
    assert said.stderr.endswith(f"{'x' * 99}\nlast\n")
    (cut,) = [line for line in said.stderr.splitlines() if line.startswith("…")]
    left_out = int(cut.split()[1])
    assert len(said.stderr) - len(cut) - 1 + left_out == len("first\nlast\n") + 100_000_000
    assert {len(line) for line in said.stderr.splitlines()[1:-1] if line != cut} == {99}
    assert peak < 2_000_000


def test_what_ends_is_not_waited_for_because_of_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it left may keep standard error open for as long as it likes."""
    monkeypatch.setattr("bot.process.running._LAST_WORDS", 0.1)
    ended = run(["sh", "-c", "echo said >&2; sleep 60 > /dev/null & echo $!"], timeout=50)
    os.kill(int(ended.stdout), signal.SIGKILL)
    assert ended.stderr == "said\n"


# --- how it dies -------------------------------------------------------------------------------------------

LEAVES = """
import sys
from bot.process import run

run(["sh", "-c", 'sleep 60 & echo "$!" > "$0"; wait', sys.argv[1]], timeout=60, starts_others=True)
"""


@pytest.mark.parametrize("before", [[], ["sh", "-c", 'trap "" TERM; exec "$@"', "sh"]], ids=["", "no SIGTERM"])
def test_killed_we_leave_nothing_that_a_program_of_ours_started(tmp_path: Path, before: list[str]) -> None:
    pid = tmp_path / "pid"
    with subprocess.Popen([*before, sys.executable, "-c", LEAVES, str(pid)]) as us:
        wait_until(lambda: pid.exists() and pid.read_text().strip() != "")
        us.kill()
    wait_until(lambda: not runs(int(pid.read_text())))


INHERITS = """
import os, sys

for fd in map(int, sys.argv[1:]):
    os.write(fd, b"x")
print(sys.stdin.read(), sorted(fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")))
"""


@pytest.mark.parametrize("others", [False, True])
def test_a_program_has_its_input_and_what_is_passed_on_and_no_more(tmp_path: Path, *, others: bool) -> None:
    with ExitStack() as stack:
        fds = [stack.enter_context((tmp_path / str(n)).open("wb", buffering=0)).fileno() for n in range(3)]
        argv = [sys.executable, "-c", INHERITS, *map(str, fds)]
        done = run(argv, timeout=20, stdin=b"hello", pass_fds=fds, starts_others=others)
    assert (done.returncode, done.stdout.decode()) == (0, f"hello {sorted(fds)}\n")
    assert [(tmp_path / str(n)).read_bytes() for n in range(3)] == [b"x"] * 3


@pytest.mark.parametrize(("others", "killed"), [(False, -signal.SIGKILL), (True, 128 + signal.SIGKILL)])
def test_how_a_program_ended_is_told(*, others: bool, killed: int) -> None:
    assert run(["sh", "-c", "exit 7"], timeout=20, starts_others=others).returncode == 7
    assert run(["sh", "-c", "kill -KILL $$"], timeout=20, starts_others=others).returncode == killed


def test_without_setpriv_it_works_and_says_once_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("sh", "echo"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    _warn_of_orphans.cache_clear()
    for _ in range(3):
        assert run(["echo", "hello"], timeout=20).stdout == b"hello\n"
    assert [record.getMessage() for record in caplog.records] == [
        "setpriv is not installed: if promobot is killed, git or skopeo may run on for a while (util-linux has setpriv)"
    ]


KILLS = """
import os, sys
from bot.process.starting import kill_group
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
kill_group(int(sys.argv[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_group_that_may_not_be_ended_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        argv = [sys.executable, "-c", KILLS, str(other.pid)]
        # Coverage isn't measured in it: somebody else may not write here what it measured.
        env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        other.kill()
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"process group {other.pid} belongs to another user now, and could not be ended\n"
