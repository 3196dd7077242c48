"""Helps commands print JSON, hide their libraries' warnings, and end with a sentence and an exit code on errors."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

Command = Callable[[argparse.Namespace], "int | None"]
COULD_NOT_RUN = 2


def hide_library_warnings() -> None:
    """Hides what libraries warn of each other and list as loaded; `python -W default` shows it."""
    if sys.warnoptions in ([], ["ignore"]):
        logging.captureWarnings(True)
        for name in ("py.warnings", "rasa_sdk.executor", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)


def to_json(value: Any) -> str:
    """Returns JSON as the commands print it; what it has no form for, such as times, as text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def print_json(value: Any) -> None:
    """Prints JSON."""
    print(to_json(value))


def reported(
    command: Command, *errors: type[Exception], code: int = 2, prefix: str = "", stopped: int | None = None
) -> Callable[[argparse.Namespace], int]:
    """Returns a handler that prints what a person must correct as one sentence instead of a stack trace.

    Args:
        command: does the work; its exit code is what it returns, 0 for None.
        errors: whose messages are printed.
        code: the exit code after one of them.
        prefix: what stands before the message.
        stopped: the exit code after Ctrl-C, of which there is no stack trace then.
    """

    def handler(options: argparse.Namespace) -> int:
        try:
            return command(options) or 0
        except errors as error:
            print(f"{prefix}{error}", file=sys.stderr)
            return code
        except KeyboardInterrupt:
            if stopped is None:
                raise
            print("stopped.", file=sys.stderr if stopped else sys.stdout)
            return stopped

    return handler


def run_to_end(command: Command, options: argparse.Namespace, *errors: type[Exception]) -> int:
    """Runs a command whose exit code 1 is a finding: whatever keeps it from its end is one sentence and exit code 2.

    Args:
        command: does the work; when it is interrupted (Ctrl-C, SIGTERM) and run again, it goes on where it was.
        options: of the command line.
        errors: whose messages are printed; after any other exception, a stack trace stands above the sentence.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command(options) or 0
    except errors as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted; run it again, and it goes on where it was."
    except BrokenPipeError:
        raise
    except OSError as error:
        problem = f"{error.filename or 'a file'}: {error.strerror or error}; make room or correct it, and run it again."
    except Exception as error:
        traceback.print_exc()
        problem = f"a fault of the program ({type(error).__name__}: {error}); the trace stands above."
    finally:
        signal.signal(signal.SIGTERM, before)
    print(f"could not run: {problem}", file=sys.stderr)
    return COULD_NOT_RUN
