"""Ctrl-C and SIGTERM, wherever it is: promobot says so and goes, leaves nothing running, and goes on when run again."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
from typing import IO

import pytest

from tests.company import Company
from tests.promotion.held import PROMOTE, ROOT, AtGit, AtRequest, Moment, held_at, is_promoted, started, wait_until_held
from tests.promotion.test_kill import left_running, secrets_on_disk
from tests.proxy import Pause, Silence

LAST_LINE = "promobot: interrupted; run it again to go on from here"
INTERRUPTED = 130
# Seconds in which whoever is interrupted has to be gone: much less than any time limit of what it waits for.
SOON = 20.0

MOMENTS: dict[str, Moment] = {
    "branches are read": AtGit("ls-remote"),
    "commits are fetched": AtGit("fetch"),
    "contents are read": AtGit("cat-file"),
    "the source's tag is looked up": AtRequest("e2e", "^HEAD .*/manifests/1.1.3-rc2", Silence()),
    "the destination's tag is looked up": AtRequest("staging", "^HEAD .*/manifests/1.1.3$", Silence()),
    "the branch is pushed": AtGit("push"),
    "the manifest is read": AtRequest("e2e", "^GET .*/manifests/sha256", Silence()),
    "a layer is read": AtRequest("e2e", "^GET .*/blobs/", Pause()),
    "a layer is sent": AtRequest("staging", "^PATCH ", Pause()),
    "a layer is put away": AtRequest("staging", "^PUT .*/blobs/uploads", Silence(passed=True)),
    "the tag is to be written": AtRequest("staging", "^PUT .*/manifests/1.1.3$", Silence()),
    "the tag is written": AtRequest("staging", "^PUT .*/manifests/1.1.3$", Silence(passed=True)),
    "the merge request is opened": AtGit("update-ref"),
}
# What an ordinary run of the tests looks at.
SHOWN = {
    ("commits are fetched", "SIGINT"),
    ("a layer is sent", "SIGINT"),
    ("the merge request is opened", "SIGTERM"),
}
CASES = [
    pytest.param(when, name, marks=() if (when, name) in SHOWN else pytest.mark.long)
    for when in MOMENTS
    for name in ("SIGINT", "SIGTERM")
]


def nothing_is_left(company: Company) -> None:
    assert left_running(company) == []
    assert secrets_on_disk(company) == []
    assert list((company.folder / "tmp").iterdir()) == []


def goes_on(company: Company) -> None:
    assert company.staging_digest("inventory", "1.1.3") in {None, company.e2e_digest("inventory", "1.1.3-rc2")}
    assert company.promobot(*PROMOTE) == 0
    assert is_promoted(company)


@pytest.mark.parametrize(("when", "name"), CASES)
def test_interrupted_while(company: Company, when: str, name: str) -> None:
    with held_at(company, MOMENTS[when]) as (environ, held), started(company, *PROMOTE, environ=environ) as process:
        wait_until_held(process, held)
        os.killpg(process.pid, signal.Signals[name])
        stdout, stderr = process.communicate(timeout=SOON)
        assert (process.returncode, stdout, stderr.decode()) == (INTERRUPTED, b"", f"{LAST_LINE}\n")
        nothing_is_left(company)
    goes_on(company)


@pytest.mark.parametrize(
    "command", ["plan", *(pytest.param(each, marks=pytest.mark.long) for each in ("status", "tags inventory"))]
)
def test_who_only_reads_is_not_told_to_go_on(company: Company, command: str) -> None:
    moment = AtRequest("e2e", "^(HEAD|GET) ", Silence())
    with held_at(company, moment) as (environ, held), started(company, *command.split(), environ=environ) as process:
        wait_until_held(process, held)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=SOON)[1] == b"promobot: interrupted\n"
        assert process.returncode == INTERRUPTED


def test_who_asks_again_and_again_is_not_answered_by_a_traceback(company: Company) -> None:
    with (
        held_at(company, MOMENTS["a layer is sent"]) as (environ, held),
        started(company, *PROMOTE, environ=environ) as process,
    ):
        wait_until_held(process, held)
        while process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=SOON)[1].decode()
        assert process.returncode == INTERRUPTED
        assert set(said.splitlines()) <= {LAST_LINE, "promobot: interrupted"}
        nothing_is_left(company)
    goes_on(company)


def test_ctrl_c_at_a_terminal(company: Company) -> None:
    """The terminal sends the signal to all of the foreground's processes; what it shows is a spinner at that time."""
    controller, terminal = os.openpty()
    with held_at(company, MOMENTS["a layer is sent"]) as (environ, held), os.fdopen(controller, "rb", 0) as screen:
        with subprocess.Popen(
            [sys.executable, "-m", "bot", *PROMOTE],
            env={**company.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environ},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - there are no threads of ours
        ) as process:
            os.close(terminal)
            wait_until_held(process, held)
            os.write(controller, b"\x03")
            shown = _all_of(screen)
            assert process.wait(SOON) == INTERRUPTED
        nothing_is_left(company)
    assert shown.rstrip().endswith(LAST_LINE)
    assert "Traceback" not in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")  # the cursor is back
    goes_on(company)


def _all_of(screen: IO[bytes]) -> str:
    """What is shown until nobody has the terminal open any more, which Linux tells as an error."""
    shown = b""
    while True:
        try:
            piece = os.read(screen.fileno(), 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return shown.decode(errors="replace")
