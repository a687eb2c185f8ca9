"""Whatever promobot is started with: locales that lack its characters, streams that are closed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.company import Company

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(
    company: Company, *argv: str, environ: dict[str, str], redirect: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, by a shell that redirects its streams."""
    shell = ["sh", "-c", f'exec "$0" -m bot "$@" {redirect}', sys.executable, *argv]
    return subprocess.run(shell, env={**company.environ, **environ}, capture_output=True, check=False)


@pytest.mark.parametrize("environ", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=["C", "latin-1"])
def test_a_locale_without_its_characters_is_no_failure(company: Company, environ: dict[str, str]) -> None:
    # The passwords of e2e and staging have characters beyond ASCII too.
    done = run(company, "promote", "inventory", "--to", "staging", environ=environ)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2713 open merge request" in done.stdout
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    status = run(company, "status", "-o", "json", environ=environ)
    assert json.loads(status.stdout)["verdicts"][0]["standing"] == "proposed"


@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(company: Company, redirect: str) -> None:
    done = run(company, "promote", "inventory", "--to", "staging", environ={}, redirect=redirect)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(company.requests()) == 1
