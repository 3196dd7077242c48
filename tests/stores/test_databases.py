"""Opening SQLite files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.stores.databases import open_database, write_ahead


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """Two connections to a new file; the other one is writing."""
    file = tmp_path / "new.db"
    with closing(sqlite3.connect(file)) as own, closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield own, other


def test_the_log_is_turned_on_as_soon_as_nobody_else_writes(
    pair: tuple[sqlite3.Connection, sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = pair
    monkeypatch.setattr("time.sleep", lambda seconds: other.execute("ROLLBACK"))  # they end while it waits
    write_ahead(own, 60)
    assert own.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_whoever_is_refused_to_the_end_is_told(pair: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(pair[0], 0)


def test_a_connection_from_when_the_disk_was_read_only_is_not_kept(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'some.db'}", 5)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE some (number INTEGER)")
        connection.exec_driver_sql("PRAGMA query_only = ON")  # what SQLite does itself where the file cannot be written
    with pytest.raises(OperationalError, match="readonly"), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO some VALUES (1)")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO some VALUES (2)")
        assert connection.exec_driver_sql("SELECT number FROM some").scalars().all() == [2]
    engine.dispose()
