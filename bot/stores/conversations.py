"""The database of Rasa's conversations, opened without rasa, which takes seconds to import."""

from __future__ import annotations

import itertools
import json
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from bot.stores import DatabaseError
from bot.stores.databases import cause, open_database

EVENTS = Table(
    "events",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("type_name", String(255), nullable=False),
    Column("timestamp", Float),
    Column("intent_name", String(255)),
    Column("action_name", String(255)),
    Column("data", Text),
)
"""The table of Rasa's SQLTrackerStore."""
SESSIONS = Table(
    "page_sessions",
    EVENTS.metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation", String(255), nullable=False, unique=True),
    Column("expires", Float, nullable=False),
    Column("data", Text, nullable=False),
)
"""The support page's conversations, where agents take over (BOT_DESK) and there is no Redis."""
_WAIT_SECONDS = 20


class ConversationsError(DatabaseError):
    """The database of conversations cannot be used."""


def open_conversations(url: str) -> Engine:
    """Opens the database of conversations and makes its table if there is none.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/conversations.db` or `postgresql://user:password@host/name`.

    Raises:
        ConversationsError: it cannot be used; the message names BOT_TRACKER_DATABASE and no password.
    """
    try:
        engine = open_database(url, _WAIT_SECONDS, pool_size=4, max_overflow=4)
        make_table(engine, EVENTS)
    except (SQLAlchemyError, OSError, ImportError) as error:
        problem = (
            f"the database of conversations cannot be used ({cause(error)}); correct BOT_TRACKER_DATABASE or start it."
        )
        raise ConversationsError(problem) from error
    return engine


def last_session(engine: Engine, conversation: str, most: int = 500, before: int | None = None) -> list[dict[str, Any]]:
    """Returns the last events of a conversation since it began anew, oldest first.

    Args:
        engine: the database of conversations.
        conversation: its id.
        most: how many events at the most.
        before: an event's id; only those before it are returned. None for no limit.
    """
    query = select(EVENTS.c.data).where(EVENTS.c.sender_id == conversation).order_by(EVENTS.c.id.desc())
    if before is not None:
        query = query.where(EVENTS.c.id < before)
    with engine.connect() as connection:
        newest = [json.loads(row.data) for row in connection.execute(query.limit(most))]
    session = itertools.takewhile(lambda event: event["event"] != "session_started", newest)
    return list(session)[::-1]


def make_table(engine: Engine, table: Table) -> None:
    """Makes a table unless there is one."""
    try:
        table.create(engine, checkfirst=True)
    except (OperationalError, ProgrammingError, IntegrityError):
        if not inspect(engine).has_table(table.name):  # otherwise another server was first
            raise
