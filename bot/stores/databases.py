"""Opens databases: SQLite and PostgreSQL through SQLAlchemy, SQLite files through `sqlite3`."""

from __future__ import annotations

import logging
import os
import shlex
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import NullPool, QueuePool

from bot.files import PRIVATE

# Limits the time a customer waits: where a database does not answer, the bot apologises after so many seconds.
_CONNECT_SECONDS = 5
# Endings of a database's own file and of those that SQLite keeps beside it, with the same mode.
_COMPANIONS = ("", "-wal", "-shm", "-journal")
_OTHERS = 0o077
logger = logging.getLogger(__name__)


def cause(error: Exception) -> str:
    """Returns in one line what a database has said, without the statement and its values."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def open_database(
    url: str, wait_seconds: int, pool_size: int = 2, max_overflow: int = 3, synchronous: str = "NORMAL"
) -> Engine:
    """Opens an SQLite or PostgreSQL database; nothing is connected to yet.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/tickets.db` or `postgresql://user:password@host/name`.
        wait_seconds: how long a connection of the pool, and SQLite's lock, are waited for.
        pool_size: connections to PostgreSQL that are kept; it has 100 by default, for all processes together.
        max_overflow: connections to PostgreSQL beyond these that are opened for a moment.
        synchronous: SQLite's pragma; `FULL` keeps every commit over a power cut.

    Raises:
        SQLAlchemyError: the address cannot be understood.
        OSError: an SQLite file cannot be made.
        ImportError: there is no driver for the address.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        pool = {"pool_size": pool_size, "max_overflow": max_overflow, "pool_timeout": wait_seconds}
        connect: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS}
        # With a ping, a connection that PostgreSQL has dropped is noticed before it is used.
        return create_engine(parsed, future=True, pool_pre_ping=True, connect_args=connect, **pool)
    prepare_sqlite_file(url)
    # SQLite lets writers in by chance, so that one of many may wait in vain. One connection for all threads of a
    # process lets them in by turns; only processes compete.
    pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": wait_seconds}
    connect = {"timeout": wait_seconds, "check_same_thread": False}
    engine = create_engine(parsed, future=True, poolclass=QueuePool, connect_args=connect, **pool)

    def prepare(connection: Any, record: Any) -> None:
        write_ahead(connection, wait_seconds)
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    def reconnect(context: Any) -> None:
        # What was opened while the disk was read-only stays so when the disk no longer is.
        context.is_disconnect |= "readonly" in str(context.original_exception)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "handle_error", reconnect)
    return engine


def open_to_read(url: str, limited: bool = True) -> Engine:
    """Opens a database that is looked at only: nothing is made, changed or migrated.

    Args:
        url: SQLAlchemy's notation; an SQLite file must exist.
        limited: whether PostgreSQL ends what takes longer than five seconds.

    Raises:
        SQLAlchemyError: the address cannot be understood.
        ImportError: there is no driver for the address.
    """
    file = sqlite_file(url)
    address = make_url(url if file is None else f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true")
    connect: dict[str, Any] = {}
    if address.get_backend_name() != "sqlite":
        bounds = "-c default_transaction_read_only=on"
        bounds += f" -c statement_timeout={_CONNECT_SECONDS}s" if limited else ""
        connect = {"connect_timeout": _CONNECT_SECONDS, "options": bounds}
    return create_engine(address, future=True, poolclass=NullPool, connect_args=connect)


@contextmanager
def reading(url: str, limited: bool = True) -> Iterator[Connection | None]:
    """Connects to a database to look at it, as `open_to_read` opens it; None where its SQLite file does not exist."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        yield None
        return
    with open_to_read(url, limited).connect() as connection:
        yield connection


def count_rows(connection: Connection) -> dict[str, int]:
    """Returns the number of rows of each table of a database, by name."""
    quoted = connection.dialect.identifier_preparer.quote
    names = sorted(name for name in inspect(connection).get_table_names() if not name.startswith("sqlite_"))
    return {name: int(connection.execute(text(f"SELECT count(*) FROM {quoted(name)}")).scalar_one()) for name in names}


def sqlite_file(url: str) -> Path | None:
    """Returns the file of an SQLite database; None for PostgreSQL, a database in memory and `file:` URIs.

    Raises:
        SQLAlchemyError: the address cannot be understood.
    """
    parsed = make_url(url)
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).resolve()  # SQLite follows symbolic links, too


def open_sqlite(path: Path, wait_seconds: int) -> sqlite3.Connection:
    """Connects to an SQLite file without SQLAlchemy; transactions begin where the caller says `BEGIN`.

    Args:
        path: the file; it is made where it is missing.
        wait_seconds: how long a lock of another process is waited for.
    """
    connection = sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def write_ahead(connection: Any, wait_seconds: float) -> None:
    """Turns SQLite's write-ahead log on; tries again, because SQLite refuses this while another process does the same.

    Args:
        connection: as its driver has it.
        wait_seconds: how long it is tried again.

    Raises:
        sqlite3.OperationalError: it is refused for so long, or for another reason.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # SQLite's own timeout does not hold for this statement


def prepare_sqlite_file(url: str) -> None:
    """Makes the SQLite file of an address, and its folder, before SQLite would do so with the mode of the umask.

    A file that exists stays as it is; if others may read it, one warning says how to correct that.

    Args:
        url: as SQLAlchemy reads it. In memory there is no file, and a `file:` URI says itself how it is to be opened.

    Raises:
        OSError: the file or its folder cannot be made.
    """
    path = sqlite_file(url)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE))
    except FileExistsError:
        _warn_if_wider(path)


def readable_by_others(path: Path) -> list[Path]:
    """Returns those files of an SQLite database, or any file, that other users of this machine may open."""
    files = [path.with_name(path.name + ending) for ending in _COMPANIONS]
    return [file for file in files if file.exists() and file.stat().st_mode & _OTHERS]


@cache  # once in a process
def _warn_if_wider(path: Path) -> None:
    if wider := readable_by_others(path):
        files = shlex.join(map(str, wider))
        logger.warning("other users of this machine may read a database of the bot; run: chmod 600 %s", files)
