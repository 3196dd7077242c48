"""Opens the ticket database (SQLite or PostgreSQL), migrates its tables, and gives connections to read or write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, event, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select

from bot.stores.databases import cause, open_database
from bot.tickets.model import TicketStoreError

MIGRATIONS = Path(__file__).parent / "migrations"
# Handing over is worth waiting for, and where hundreds do so at once SQLite's turns are unfair.
WAIT_SECONDS = 60
# Any number that no other program locks in the same database.
MIGRATION_LOCK = 7_405_512


class TicketDatabase:
    """The ticket database; its tables are made or brought up to date when it is opened.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/tickets.db` or `postgresql://user:password@host/name`.

    Raises:
        TicketStoreError: the database cannot be used; so do all methods.
    """

    def __init__(self, url: str) -> None:
        try:
            # A ticket whose number was told is kept.
            self.engine: Engine = open_database(url, WAIT_SECONDS, synchronous="FULL")
        except (SQLAlchemyError, OSError, ImportError) as error:
            problem = f"cannot be opened ({type(error).__name__}: {error}); correct BOT_TICKETS_DATABASE."
            raise TicketStoreError(f"the ticket database {problem}") from error
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self.migrate()

    def migrate(self) -> None:
        """Brings the tables up to date; of several processes that start at once, one does so and the others wait."""
        with self.reading() as connection:
            if version_of(connection) == newest_version():
                return
        # Alembic takes a third of a second to import and is seldom needed.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")  # does nothing where another process has been faster

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Opens a connection for reading, which waits for no writer."""
        with self._reported(), self.engine.connect() as connection:
            yield connection.execution_options(reads_only=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Opens a transaction."""
        with self._reported(), self.engine.begin() as connection:
            yield connection

    def rows(self, query: Select) -> list[Row]:
        """Returns what a query finds."""
        with self.reading() as connection:
            return list(connection.execute(query))

    def _insert(self, table: Table) -> Any:
        """Returns an INSERT for which ON CONFLICT can be said: each database has its own."""
        return (sqlite if self.engine.dialect.name == "sqlite" else postgresql).insert(table)

    def check(self) -> None:
        """Asks the database for an answer."""
        self.rows(select(1))

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turns what the database says into a `TicketStoreError` that names the database without its password."""
        try:
            yield
        except SQLAlchemyError as error:
            raise TicketStoreError(f"the ticket store {self.engine.url!r} cannot be used: {cause(error)}") from error


def newest_version() -> str:
    """Returns the version of the tables that this code works with, such as `0007`."""
    return max(file.name for file in MIGRATIONS.glob("versions/[0-9]*.py")).split("_")[0]


def version_of(connection: Connection) -> str | None:
    """Returns the version of a database's tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, for tables as for rows
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once where another one writes; this one waits its turn.
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
