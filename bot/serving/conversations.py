"""The database of conversations, opened without rasa, which takes seconds to import: its one table is Rasa's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, create_engine, event, inspect
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from bot.private_files import prepare_sqlite_file
from bot.sqlite import write_ahead

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
# A customer waits for an answer: a database that swallows connections must become an apology before they give up.
_CONNECT_SECONDS = 5
_BUSY_SECONDS = 20


class ConversationsError(RuntimeError):
    """The database of conversations cannot be used; the message says why, without a password."""


def open_conversations(url: str) -> Engine:
    """Opens the database of conversations and makes its table if there is none.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/conversations.db` or `postgresql://user:password@host/name`.

    Raises:
        ConversationsError: it cannot be used; the message names BOT_TRACKER_DATABASE and no password.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            prepare_sqlite_file(parsed)
            options: dict[str, Any] = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
            engine = create_engine(parsed, poolclass=QueuePool, pool_size=1, max_overflow=0, connect_args=options)
            event.listen(engine, "connect", _prepare_sqlite)
        else:
            # A connection that PostgreSQL has dropped is noticed before it is used; it has 100 for all processes.
            options = {"connect_timeout": _CONNECT_SECONDS}
            engine = create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=4,
                max_overflow=4,
                pool_timeout=_BUSY_SECONDS,
                connect_args=options,
            )
        _make_table(engine)
    except (SQLAlchemyError, OSError, ImportError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ConversationsError(
            f"the database of conversations cannot be used ({cause[0] if cause else type(error).__name__}); "
            "mend BOT_TRACKER_DATABASE or start it."
        ) from error
    return engine


def _make_table(engine: Engine) -> None:
    if inspect(engine).has_table(EVENTS.name):
        return
    try:
        EVENTS.create(engine)
    except (OperationalError, ProgrammingError, IntegrityError):
        if not inspect(engine).has_table(EVENTS.name):  # otherwise another server was first
            raise


def _prepare_sqlite(connection: Any, record: Any) -> None:
    write_ahead(connection, _BUSY_SECONDS)
    connection.execute("PRAGMA synchronous = NORMAL")
