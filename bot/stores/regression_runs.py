"""Defines the table of past nightly runs and reads the last (desk, doctor, reports); `bot.regression` adds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, inspect, select
from sqlalchemy.engine import Connection, make_url

from bot.stores.databases import open_database

WAIT_SECONDS = 30
METADATA = MetaData()
RUNS = Table(
    "regression_runs",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("started_at", String(40), nullable=False),
    Column("commit", String(64), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("figures", Text, nullable=False),
)


@dataclass(frozen=True)
class PastRun:
    """One run of the past."""

    started_at: str
    commit: str
    verdict: str
    figures: Mapping[str, float]


class PastRuns:
    """Reads the runs of the past, if there are any; makes no database.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/regression.db` for one.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def last(self, count: int) -> list[PastRun]:
        """Returns the last runs, oldest first; none where nothing has run yet.

        Raises:
            SQLAlchemyError: the database cannot be used.
        """
        parsed = make_url(self._url)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
            return []
        engine = open_database(self._url, WAIT_SECONDS)
        try:
            with engine.connect() as connection:
                return last_runs(connection, count) if inspect(connection).has_table(RUNS.name) else []
        finally:
            engine.dispose()


def last_runs(connection: Connection, count: int) -> list[PastRun]:
    """Returns the last runs of a database that has the table, oldest first."""
    rows = connection.execute(select(RUNS).order_by(RUNS.c.number.desc()).limit(count)).all()
    return [PastRun(row.started_at, row.commit, row.verdict, json.loads(row.figures)) for row in reversed(rows)]
