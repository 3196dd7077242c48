"""`python -m bot`."""

from __future__ import annotations

import os
import sys

from bot.command_line import hide_library_warnings

COULD_NOT_START = 2


def start() -> int:
    """Runs the command line; where a package is missing, says so with exit code 2: 1 is for a bot that got worse."""
    # What TensorFlow finds on the machine is of no use to anybody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    hide_library_warnings()
    try:
        from bot.cli import main

        return main()
    except ImportError as error:
        print(f"could not run: {error}; install what uv.lock names (`make setup`) and run again.", file=sys.stderr)
        return COULD_NOT_START


if __name__ == "__main__":
    raise SystemExit(start())
