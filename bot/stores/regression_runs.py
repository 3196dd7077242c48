"""Defines the table of past nightly runs and reads the last (desk, doctor, reports); `bot.regression` adds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, inspect, select
from sqlalchemy.engine import Connection

from bot.stores.databases import reading

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


def past_runs(url: str, count: int) -> list[PastRun]:
    """Returns the last runs that a database has, oldest first; makes no database where there is none.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/regression.db` for one.
        count: how many at the most.

    Raises:
        SQLAlchemyError: the database cannot be used.
    """
    with reading(url) as connection:
        return last_runs(connection, count)


def last_runs(connection: Connection | None, count: int) -> list[PastRun]:
    """Returns the last runs, oldest first; none where there is no database or it does not have the table yet."""
    if connection is None or not inspect(connection).has_table(RUNS.name):
        return []
    rows = connection.execute(select(RUNS).order_by(RUNS.c.number.desc()).limit(count)).all()
    return [PastRun(row.started_at, row.commit, row.verdict, json.loads(row.figures)) for row in reversed(rows)]
