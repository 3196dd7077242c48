"""What every SQLite file of the bot needs when it is opened."""

from __future__ import annotations

import sqlite3
import time
from typing import Any


def write_ahead(connection: Any, seconds: float) -> None:
    """Turns SQLite's write-ahead log on: of those that do so with a new file at once, it refuses all but one.

    Args:
        connection: as its driver has it.
        seconds: how long it is tried again.

    Raises:
        sqlite3.OperationalError: it is refused for so long, or for another reason.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # SQLite's own patience does not hold for this statement
        else:
            return
