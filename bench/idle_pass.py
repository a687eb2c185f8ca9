"""A pass with nothing to do, beside the script that a team writes first; and whether it stays linear.

A pass is `promobot reconcile` from start to end, with clones kept from the pass before. The script
(bench/first_script.py) clones, loads each manifest with ruamel.yaml and inspects each image with skopeo, once however
many environments name it. It loads and inspects the first --sample services only; what that takes is multiplied, what
it takes with none is not: that is its start and the clones, which are whole.

`--sizes` measures passes alone, over estates of these sizes, one after the other, as often as `--pairs` says.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial

from bench.estate import COMMITS, ENVIRONMENTS, Estate, make_estate
from bench.measure import Limits, Pair, arguments, at_least, at_most, in_turn, report, seconds

_PASS = [sys.executable, "-m", "bot", "reconcile"]
_BAR = at_least(10, "times as fast as the first script")
_LINEAR = at_most(1.25, "times as much for each service as in the smallest estate")


def main() -> int:
    """The exit code: 0 where the bars hold."""
    parser = arguments(__doc__, pairs=3, seconds=300)
    parser.add_argument("--services", type=int, default=1000, help="in each of four environments (%(default)s)")
    parser.add_argument("--sample", type=int, default=60, help="how many of them the script is run over (%(default)s)")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="measure passes over these, not the script")
    parser.add_argument(
        "--commits", type=int, default=COMMITS, help="in each repository, 0: one for each service (%(default)s)"
    )
    args = parser.parse_args()
    return _linear(args) if args.sizes else _beside_the_script(args)


def _beside_the_script(args: argparse.Namespace) -> int:
    with make_estate(args.services, args.commits or args.services) as estate:
        _reconcile(estate)
        starts: list[float] = []
        pairs = in_turn(
            partial(_reconcile, estate),
            partial(_first_script, estate, args.sample),
            limits=Limits(args.pairs, args.seconds),
            between=lambda: starts.append(seconds(partial(_first_script, estate, 0))),
            beside=f"script over {args.sample}",
        )
    start = statistics.median(starts)
    print(f"the script's start and clones take {start:.2f} s")
    scale = args.services / args.sample
    whole = [Pair(pair.ours, start + (pair.theirs - start) * scale) for pair in pairs]
    work = f"a pass over {args.services} services in {len(ENVIRONMENTS)} environments with nothing to do"
    return 0 if report(work, [pair.times_as_fast for pair in whole], _BAR) else 1


def _linear(args: argparse.Namespace) -> int:
    """Processor time, not time: others' work on the machine counts less, and a pass that waits is not what grows."""
    smallest, largest = min(args.sizes), max(args.sizes)
    with ExitStack() as stack:
        estates = {
            size: stack.enter_context(make_estate(size, args.commits or size)) for size in sorted(set(args.sizes))
        }
        for estate in estates.values():
            _reconcile(estate)
        turns = [{size: _cost(size, estate) for size, estate in estates.items()} for _ in range(args.pairs)]
    figures = [turn[largest] / turn[smallest] / (largest / smallest) for turn in turns]
    return 0 if report(f"{largest} services beside {smallest}, processor time of a pass", figures, _LINEAR) else 1


def _cost(size: int, estate: Estate) -> float:
    """Seconds of processor time of a pass."""
    began = time.perf_counter()
    used = _measured(estate)
    cost = used.ru_utime + used.ru_stime
    print(
        f"{size} services: {cost:.1f} s of processor time, {time.perf_counter() - began:.1f} s,"
        f" {used.ru_maxrss / 1024:.0f} MB (the machine's load: {os.getloadavg()[0]:.1f})",
        flush=True,
    )
    return cost


def _measured(estate: Estate) -> resource.struct_rusage:
    """What a pass used, the programs included that it started; of memory the most that one of them had."""
    process = subprocess.Popen(_PASS, stdout=subprocess.DEVNULL, env=estate.environ, cwd=estate.folder)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used


def _reconcile(estate: Estate) -> None:
    done = subprocess.run(_PASS, check=True, capture_output=True, text=True, env=estate.environ, cwd=estate.folder)
    assert done.stdout.endswith("Nothing to do.\n"), done.stdout[-500:]


def _first_script(estate: Estate, first: int) -> None:
    with tempfile.TemporaryDirectory(dir=estate.folder) as folder:
        hosts = ",".join(f"{name}.example.com={registry.host}" for name, registry in estate.registries.items())
        urls = [estate.git_url(environment) for environment in ENVIRONMENTS]
        argv = [sys.executable, "-m", "bench.first_script", folder, str(first), hosts, *urls]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, env=estate.environ)
        assert int(done.stdout) == first * len(estate.registries)


if __name__ == "__main__":
    sys.exit(main())
