"""Databases as of commit 749cb09: its own code made the tables and filled them, dumps of both engines are kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg2
from sqlalchemy.engine import make_url

FOLDER = Path(__file__).parent / "databases_of_749cb09"
CONVERSATION_ROWS = {"events": 24}
TICKET_ROWS = {
    "alembic_version": 1,
    "candidates": 3,
    "outbox": 8,
    "outcomes": 4,
    "search_events": 1,
    "tickets": 4,
}


def load(name: str, url: str) -> str:
    """Fills an empty database with a dump.

    Args:
        name: `conversations` or `tickets`.
        url: the database, in SQLAlchemy's notation.

    Returns:
        The address.
    """
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    script = (FOLDER / f"{name}.{kind}.sql").read_text(encoding="utf8")
    if kind == "sqlite":
        file = Path(parsed.database)
        file.touch(mode=0o600)
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(script)
        return url
    with closing(psycopg2.connect(parsed.render_as_string(hide_password=False))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(script)
    return url
