"""`promobot promote` as it is watched on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading

from tests.cli.registries import Shop, shop
from tests.company import PROJECT
from tests.proxy import Seen, start_proxy

__all__ = ["shop"]

_ENDED = re.compile(r"staging/inventory ✓ (push branch|copy|open merge request)")
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def test_what_has_ended_is_shown_while_the_rest_goes_on_and_once(shop: Shop) -> None:
    pushed = threading.Event()

    def wait_for_the_line(seen: Seen) -> None:
        """Nothing is written to the destination before it."""
        if seen.method not in {"GET", "HEAD"}:
            assert pushed.wait(60)

    with start_proxy(shop.company.staging, gate=wait_for_the_line) as proxy:
        shop.company.connect(staging=proxy)
        shown = watched(shop, pushed)
    above, below = shown.split("inventory        1.1.2 → 1.1.3")
    assert _ENDED.findall(above) == ["push branch", "copy", "open merge request"]
    assert re.findall("✓ (push|copy|set|open)", below) == ["open"]
    assert f"promobot mr show '{PROJECT}!1'" in below
    shop.company.connect()
    again = shop.run("promote", "inventory", "--to", "staging").out.split("inventory")[1].splitlines()
    assert [line.strip() for line in again[:2]] == ["1.1.2 → 1.1.3  proposed: !1", f"promobot mr show '{PROJECT}!1'"]


def watched(shop: Shop, pushed: threading.Event) -> str:
    """What a promotion shows on a terminal; tells when the branch's line is there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", "promote", "inventory", "--to", "staging"]
    environ = {**shop.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = b""
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ):
        os.close(theirs)
        while part := _read(ours):
            shown += part
            if b"push branch promobot/staging/inventory" in shown.rpartition("✓".encode())[2]:
                pushed.set()
    os.close(ours)
    return _CONTROLS.sub("", shown.decode())


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except OSError:  # EIO: the other end is closed
        return b""
