"""`python -m tests.doubles.standing gitlab|github ROOT --token-file FILE`: a double until it is ended by a signal.

What it keeps beside the repositories, such as merge requests, is gone with it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.doubles.contract import github as github_contract
from tests.doubles.contract import gitlab as gitlab_contract
from tests.doubles.contract.data import present
from tests.doubles.server import Exchange, Watcher, serve
from tests.doubles.standing import github, gitlab
from tests.doubles.standing.estate import Estate

_FORGES = {"gitlab": (gitlab.stand, gitlab_contract.watch), "github": (github.stand, github_contract.watch)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=_FORGES)
    parser.add_argument("root", type=Path)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--group", action="append", default=[])
    args = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    estate = Estate(args.root, tuple(args.group), args.token_file.read_text(encoding="ascii").strip())
    stand, watch = _FORGES[args.kind]
    with serve(stand(estate), port=args.port) as running:
        if present():
            running.watchers.append(_but_pages(watch))
        sys.stdout.write(f"listening on {running.url}\n")
        sys.stdout.flush()
        signal.sigwait(ending)


def _but_pages(watch: Watcher) -> Watcher:
    def but_pages(exchange: Exchange) -> Sequence[str]:
        return () if exchange.route.startswith("page ") else watch(exchange)

    return but_pages


if __name__ == "__main__":
    main()
