"""How long `promobot --version` and `--help` take beyond an interpreter that does nothing.

All three are started in turn, with bytecode already written, as it is after an installation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.measure import at_most, report, seconds

_COMMANDS = {"nothing": ("-c", "pass"), "version": ("-m", "bot", "--version"), "help": ("-m", "bot", "--help")}
_BARS = {
    "version": at_most(60, "ms above `python -c pass`"),
    "help": at_most(150, "ms above `python -c pass`"),
}


def main() -> int:
    """The exit code: 0 where both bars hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--times", type=int, default=20, help="how often each is started (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as bytecode:
        for name in _COMMANDS:
            _start(name, bytecode)
        rounds = [{name: seconds(partial(_start, name, bytecode)) for name in _COMMANDS} for _ in range(args.times)]
    print(f"the machine's load: {os.getloadavg()[0]:.1f}")
    medians = {name: 1000 * statistics.median(times[name] for times in rounds) for name in _COMMANDS}
    held = [report(f"--{name}", [medians[name] - medians["nothing"]], bar) for name, bar in _BARS.items()]
    return 0 if all(held) else 1


def _start(name: str, bytecode: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PYTHONPYCACHEPREFIX": bytecode,
    }
    subprocess.run([sys.executable, *_COMMANDS[name]], check=True, capture_output=True, env=environ)


if __name__ == "__main__":
    sys.exit(main())
