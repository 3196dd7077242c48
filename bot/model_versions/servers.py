"""Notes in `models/servers`: which servers run, with which model each answers, and whose turn it is to load another."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.files import flocked

_SERVERS = "servers"
_LENGTH = 4096
"""Bytes of a note, which is written over at once: whoever reads it sees the old one or the new one."""


@dataclass(frozen=True)
class ServerState:
    """How a server stands.

    Args:
        pid: its process.
        model: name of the model that it answers with; None before the first one is loaded.
        at: `Served.at` of the choice that it has dealt with last, 0 before the first.
        refused: why it did not take the model of that choice; None where it did.
    """

    pid: int
    model: str | None
    at: int = 0
    refused: str | None = None


class ServerNote:
    """The note of one running server. It is locked while the server lives, so that a dead one's is known by that.

    Args:
        folder: the models folder.

    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        place = folder / _SERVERS
        place.mkdir(parents=True, exist_ok=True)
        self._path = place / f"{uuid.uuid4().hex}.json"
        half = self._path.with_suffix(".part")
        self._descriptor = os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # before anybody can see it
        self.write(ServerState(os.getpid(), None))
        half.rename(self._path)

    def write(self, state: ServerState) -> None:
        """Says how the server stands."""
        content = json.dumps(asdict(state)).encode()
        os.pwrite(self._descriptor, content.ljust(_LENGTH), 0)

    def remove(self) -> None:
        """Takes the note away: the server stops."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def running_servers(folder: Path) -> list[ServerState]:
    """Returns the servers that live and follow the folder; notes of dead ones are removed."""
    found = []
    for path in sorted((folder / _SERVERS).glob("*.json")):
        with suppress(FileNotFoundError):  # it has stopped meanwhile
            try:
                with flocked(os.open(path, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB), suppress(OSError):
                    path.unlink()
            except BlockingIOError:
                found.append(ServerState(**json.loads(path.read_bytes())))
    return found


def turn_to_load(folder: Path) -> AbstractContextManager[None]:
    """Returns the lock under which one server after the other loads a model.

    It raises BlockingIOError while another server has it.
    """
    place = folder / _SERVERS
    if not place.is_dir():  # no server could leave a note: the folder is read-only, and each is by itself
        return nullcontext()
    return flocked(os.open(place, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
