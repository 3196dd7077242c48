"""The command `python -m bot db migrate`: from the SQLite default to PostgreSQL."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.serving.conversations import ConversationsError, open_conversations
from bot.serving.migrate import CONVERSATIONS, TICKETS, MigrationError, copy
from bot.settings import PROJECT_ROOT, get_settings
from bot.tickets import TicketStoreError
from bot.tickets.store import TicketStore


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `db migrate`."""
    database = subparsers.add_parser("db", help="move conversations and tickets to another database")
    verbs = database.add_subparsers(dest="db_verb", required=True, metavar="COMMAND")
    summary = "copy SQLite files to the databases of the settings, which must be empty; stop the bot before"
    parser = verbs.add_parser("migrate", help=summary, description=summary.capitalize() + ".")
    folder = PROJECT_ROOT / "var"
    parser.add_argument(
        "--conversations", type=Path, default=folder / "conversations.db", help="SQLite file (var/conversations.db)"
    )
    parser.add_argument("--tickets", type=Path, default=folder / "tickets.db", help="SQLite file (var/tickets.db)")
    parser.set_defaults(handler=_migrate)


def _migrate(options: argparse.Namespace) -> int:
    settings = get_settings()
    try:
        sources = {"conversations": options.conversations, "tickets": options.tickets}
        for file in sources.values():
            if not file.is_file():
                raise MigrationError(f"there is no file {file}; name it with --conversations or --tickets.")
        conversations, tickets = settings.tracker_database, settings.tickets_database
        pairs = [
            (
                open_conversations(f"sqlite:///{options.conversations}"),
                open_conversations(conversations.get_secret_value()),
            ),
            (_tickets(f"sqlite:///{options.tickets}"), _tickets(tickets.get_secret_value())),
        ]
        for (source, target), tables in zip(pairs, (CONVERSATIONS, TICKETS), strict=True):
            if target.dialect.name == "sqlite":
                raise MigrationError("the settings name SQLite; set BOT_TRACKER_DATABASE and BOT_TICKETS_DATABASE.")
            for table, rows in copy(source, target, tables).items():
                print(f"{table}: {rows} rows")
    except (MigrationError, ConversationsError, TicketStoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        print(f"error: nothing of this database was moved ({type(error).__name__}).", file=sys.stderr)
        return 1
    print("the SQLite files are as they were; keep them until you have seen the new databases at work.")
    return 0


def _tickets(url: str) -> Engine:
    return TicketStore(url).engine  # its tables are made, or brought up to date, on the way
