"""Opens the ticket database, SQLite or PostgreSQL, and brings its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.stores.databases import open_database
from bot.tickets.model import TicketStoreError

MIGRATIONS = Path(__file__).parent / "migrations"
# Handing over is worth waiting for, and where hundreds do so at once SQLite's turns are unfair.
WAIT_SECONDS = 60
# Any number that no other program locks in the same database.
MIGRATION_LOCK = 7_405_512


def open_engine(url: str) -> Engine:
    """Opens a database; nothing is connected to yet.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/tickets.db` or `postgresql://user:password@host/name`.

    Raises:
        TicketStoreError: the address cannot be understood, or an SQLite file cannot be made.
    """
    try:
        engine = open_database(url, WAIT_SECONDS, synchronous="FULL")  # a ticket whose number was told is kept
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise TicketStoreError(
            f"the ticket database cannot be opened ({type(error).__name__}: {error}); mend BOT_TICKETS_DATABASE."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def migrate(engine: Engine) -> bool:
    """Brings the tables up to date; of several processes that start at once, one does and the others wait for it.

    Returns:
        Whether anything had to be done.
    """
    newest = sorted(MIGRATIONS.glob("versions/[0-9]*.py"))[-1].name.split("_")[0]
    with reported(engine), engine.connect() as connection:
        if _version(connection.execution_options(reads_only=True)) == newest:
            return False
    with reported(engine), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MIGRATION_LOCK})
        if _version(connection) == newest:
            return False
        _upgrade(connection)
        return True


@contextmanager
def reported(engine: Engine) -> Iterator[None]:
    """Turns what the database says into a `TicketStoreError` that names the database without its password."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise TicketStoreError(
            f"the ticket store {engine.url!r} cannot be used: {cause[0] if cause else type(error).__name__}"
        ) from error


def _upgrade(connection: Connection) -> None:
    # Alembic takes a third of a second to import and is seldom needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
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
