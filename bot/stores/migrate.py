"""The command `python -m bot db migrate`: copies conversations and tickets from SQLite into empty PostgreSQL databases.

The SQLite files stay as they are. The commands `db backup` and `db restore` are added to the command line here, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Table, func, insert, inspect, select, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.settings import PROJECT_ROOT, get_settings
from bot.stores import DatabaseError, backup
from bot.stores.conversations import EVENTS, open_conversations
from bot.tickets.commands import add_verb
from bot.tickets.database import TicketDatabase
from bot.tickets.tables import METADATA

_AT_ONCE = 1000
CONVERSATIONS: tuple[Table, ...] = (EVENTS,)
TICKETS: tuple[Table, ...] = tuple(METADATA.sorted_tables)


class MigrationError(DatabaseError):
    """Nothing was moved; the message says why and what to do."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `db backup`, `restore` and `migrate` to the command line."""
    database = subparsers.add_parser("db", help="back up, restore and move conversations and tickets")
    verbs = database.add_subparsers(dest="db_verb", required=True, metavar="COMMAND")
    backup.add_verbs(verbs)
    summary = "copy SQLite files to the databases of the settings, which must be empty; stop the bot before"
    parser = add_verb(verbs, "migrate", summary, _migrate)
    for name in ("conversations", "tickets"):
        file = Path("var", f"{name}.db")
        parser.add_argument(f"--{name}", type=Path, default=PROJECT_ROOT / file, help=f"SQLite file ({file})")


def _migrate(options: argparse.Namespace) -> None:
    settings = get_settings()
    for file in (options.conversations, options.tickets):
        if not file.is_file():
            raise MigrationError(f"there is no file {file}; name it with --conversations or --tickets.")
    old, new = f"sqlite:///{options.conversations}", settings.tracker_database.get_secret_value()
    moves = [(open_conversations(old), open_conversations(new), CONVERSATIONS)]
    old, new = f"sqlite:///{options.tickets}", settings.tickets_database.get_secret_value()
    # Opening makes the tickets' tables, or brings them up to date.
    moves.append((TicketDatabase(old).engine, TicketDatabase(new).engine, TICKETS))
    for source, target, tables in moves:
        if target.dialect.name == "sqlite":
            raise MigrationError("the settings name SQLite; set BOT_TRACKER_DATABASE and BOT_TICKETS_DATABASE.")
        try:
            counts = copy(source, target, tables)
        except SQLAlchemyError as error:
            raise MigrationError(f"nothing of this database was moved ({type(error).__name__}).") from error
        for table, rows in counts.items():
            print(f"{table}: {rows} rows")
    print("the SQLite files are as they were; keep them until you have seen the new databases at work.")


def copy(source: Engine, target: Engine, tables: Sequence[Table]) -> dict[str, int]:
    """Copies tables in one transaction; ids, and so ticket numbers, stay.

    Args:
        source: where the rows are.
        target: where they go; it has the tables, without rows.
        tables: in an order in which what is referred to comes first.

    Returns:
        Table -> number of rows.

    Raises:
        MigrationError: the target has rows already, or not all rows have arrived.
    """
    with source.connect().execution_options(reads_only=True) as reading, target.begin() as writing:
        if full := [table.name for table in tables if _rows(writing, table)]:
            raise MigrationError(f"table `{full[0]}` of {target.url!r} has rows already; give an empty database.")
        counts = {table.name: _rows(reading, table) for table in tables}
        for table in tables:
            for rows in reading.execute(select(table).order_by(table.c.id)).mappings().partitions(_AT_ONCE):
                writing.execute(insert(table), [dict(row) for row in rows])
            if _rows(writing, table) != counts[table.name]:
                raise MigrationError(f"not all rows of `{table.name}` have arrived; nothing was moved.")
            if target.dialect.name == "postgresql" and (last := _last_id(reading, table)):
                # PostgreSQL does not look at the ids that were given: without this, it would begin with 1.
                writing.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))
    return counts


def _last_id(connection: Connection, table: Table) -> int:
    """Returns the highest id of an SQLite table that was ever given: that of a deleted ticket must not come back."""
    last = int(connection.execute(select(func.max(table.c.id))).scalar() or 0)
    if inspect(connection).has_table("sqlite_sequence"):
        given = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        last = max(last, int(given.scalar() or 0))
    return last


def _rows(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
