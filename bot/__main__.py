"""`python -m bot`, and what the installed command runs."""

from __future__ import annotations

import sys

from bot.cli import main


def run() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
