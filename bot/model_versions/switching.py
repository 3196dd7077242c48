"""Switches the servers to another model or back, and waits; where one refuses it, all get the one before again.

It writes the choice into the models folder, which the servers follow. A server that has not answered in time is an
error, but the choice stays.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.files import flocked
from bot.model_versions.folder import ModelVersionError, Served, find_model, forget_served, read_served, write_served
from bot.model_versions.servers import running_servers

WAIT_SECONDS = 300.0
_LOOK_SECONDS = 0.1


def served_model(folder: Path) -> str | None:
    """Returns the name of the model that servers answer with: the chosen one, else that of the running servers."""
    served = read_served(folder)
    if served is not None:
        return served.model
    return next((server.model for server in running_servers(folder) if server.model), None)


def switch(folder: Path, name: str, wait_seconds: float = WAIT_SECONDS) -> tuple[str, int]:
    """Has every server that follows the folder answer with another model, one server after the other.

    Args:
        folder: the models folder.
        name: the model's file, with or without `.tar.gz`.
        wait_seconds: how long the servers' answer is waited for.

    Returns:
        The model's name, and how many servers have taken it; 0 where none runs, and the next one that starts takes it.

    Raises:
        ModelVersionError: there is no such model, another switch is under way, a server cannot load it (then all have
            the one before again), or a server has not answered in time (it goes on loading, or hangs).
    """
    model = find_model(folder, name).name
    with _only_switch(folder):
        before, now = read_served(folder), served_model(folder)
        previous = before.previous if before and now == model else now
        served = write_served(folder, model, previous if previous != model else None)
        refused, count = _wait(folder, served, wait_seconds)
        if not refused:
            return model, count
        _go_back(folder, before, now, wait_seconds)
        raise ModelVersionError(f"{model} is not served: {refused} The servers go on with {now or 'what they had'}.")


def undo(folder: Path, wait_seconds: float = WAIT_SECONDS) -> tuple[str, int]:
    """Has the servers answer with the model before the last switch again; undone twice, all is as it was.

    Returns:
        As `switch`.

    Raises:
        ModelVersionError: there was no switch, or as `switch` raises.
    """
    served = read_served(folder)
    if served is None or served.previous is None:
        raise ModelVersionError("there is nothing to undo: no model was switched to another one.")
    return switch(folder, served.previous, wait_seconds)


def _wait(folder: Path, served: Served, seconds: float) -> tuple[str | None, int]:
    """Waits until each server has dealt with a choice; returns why one refuses it, and how many servers there are."""
    deadline = time.monotonic() + seconds
    while True:
        servers = running_servers(folder)
        waiting = [server for server in servers if server.at != served.at]
        refused = next((each.refused for each in servers if each.at == served.at and each.refused), None)
        if refused or not waiting:
            return refused, len(servers)
        if time.monotonic() > deadline:
            pids = ", ".join(str(server.pid) for server in waiting)
            raise ModelVersionError(
                f"{len(waiting)} of {len(servers)} servers (process {pids}) have not answered within {seconds:g} s. "
                "They take the model when they can; look at their logs, and at `python -m bot models list`."
            )
        time.sleep(_LOOK_SECONDS)


def _go_back(folder: Path, before: Served | None, now: str | None, seconds: float) -> None:
    """Restores the choice before a model that a server has refused; others may have taken it already."""
    if now is not None:
        _wait(folder, write_served(folder, now, before.previous if before else None), seconds)
    if before is None:
        forget_served(folder)


@contextmanager
def _only_switch(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder / "switch.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise ModelVersionError(f"{folder}: cannot be written to ({error.strerror}); switch where it can.") from error
    try:
        with flocked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise ModelVersionError("another switch is under way; wait for its end, and look at `models list`.") from None
