"""What is in the folder of a kept world is not believed further than promobot wrote it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.demo.servers import is_stopped, stop
from bot.errors import UsageError

NAMES = ("e2e", "staging", "prod")


def _waiting(argument: str) -> list[str]:
    return [sys.executable, "-c", "import time; time.sleep(30)", argument]


@pytest.mark.parametrize(
    "state", ["[1]", "5", '{"x": 5}', '{"e2e": {}}', '{"e2e": {"pid": "1/../self", "port": 1}}', "["]
)
def test_what_is_no_state_of_ours_is_a_usage_error(tmp_path: Path, state: str) -> None:
    (tmp_path / "servers.json").write_text(state)
    with pytest.raises(UsageError, match="no kept demo"):
        stop(tmp_path)
    assert not is_stopped(tmp_path)


def test_no_process_but_our_registries_is_stopped(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "config.yaml").touch()
    folder = tmp_path / "world"
    folder.mkdir()
    with subprocess.Popen(_waiting(str(theirs / "config.yaml"))) as process:
        entry = {"pid": process.pid, "port": 1}
        (folder / "servers.json").write_text(json.dumps({str(theirs): entry, **dict.fromkeys(NAMES, entry)}))
        try:
            assert stop(folder) == 0
            assert process.poll() is None
        finally:
            process.kill()
