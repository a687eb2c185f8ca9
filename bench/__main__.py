"""Runs all benches one after the other, or one of them: `./run bench [NAME [ARGUMENTS...]]`.

Ends with 1 where one does not hold its bar. Every bench has --help.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In the order of docs/performance.md.
BENCHES = (
    "request_counts",
    "digest_lookups",
    "large_copy",
    "many_copies",
    "inside_one_registry",
    "run_memory",
    "idle_pass",
    "forge_requests",
    "startup",
    "scan_manifests",
)


def main(argv: list[str]) -> int:
    """The exit code: 0 where every bar holds."""
    if argv and argv[0] not in BENCHES:
        print(f"{__doc__}\nBenches: {', '.join(BENCHES)}")
        return 0 if argv[0] in {"-h", "--help"} else 2
    if argv:
        return _run(*argv)
    codes = {}
    for name in BENCHES:
        print(f"\n== {name}", flush=True)
        codes[name] = _run(name)
    missed = [name for name, code in codes.items() if code]
    print(f"\nnot held: {', '.join(missed)}" if missed else "\nall bars hold")
    return 1 if missed else 0


def _run(name: str, *arguments: str) -> int:
    """A process for each: what one leaves in memory must not count for the next."""
    return subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *arguments], check=False, cwd=Path(__file__).parents[1]
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
