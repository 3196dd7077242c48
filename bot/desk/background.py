"""Starts commands of `python -m bot` as processes of their own, which go on if the desk ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from bot.settings import PROJECT_ROOT


def start(words: list[str], log: Path, only_errors: bool = False, ended: Callable[[], None] = lambda: None) -> None:
    """Starts a command in a process of its own.

    Args:
        words: of the command line, after `python -m bot`.
        log: file that its output is written to.
        only_errors: whether only stderr is written there, and stdout is dropped.
        ended: called when it has ended, unless the desk has done so before.
    """
    command = [sys.executable, "-m", "bot", *words]
    with log.open("wb") as errors:
        output = subprocess.DEVNULL if only_errors else errors
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=output, stderr=errors, start_new_session=True)

    def wait() -> None:
        process.wait()  # an ended one must not stay as a zombie
        ended()

    threading.Thread(target=wait, daemon=True).start()
