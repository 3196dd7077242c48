"""The history of runs in a database: what the trend is drawn from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from bot.regression.items import RegressionError
from bot.stores.databases import cause, open_database
from bot.stores.regression_runs import METADATA, RUNS, WAIT_SECONDS, PastRun, last_runs


class History:
    """The runs that were completed.

    Args:
        url: SQLAlchemy's notation, `sqlite:///var/regression.db` for one.

    Raises:
        RegressionError: the database cannot be used; so with each method.
    """

    def __init__(self, url: str) -> None:
        with _usable():
            self._engine = open_database(url, WAIT_SECONDS)
            METADATA.create_all(self._engine)

    def add(self, run: PastRun) -> None:
        """Adds a run, wholly or not at all."""
        figures = json.dumps({name: round(value, 5) for name, value in run.figures.items()})
        with _usable(), self._engine.begin() as connection:
            connection.execute(insert(RUNS).values({**vars(run), "figures": figures}))

    def last(self, count: int) -> list[PastRun]:
        """Returns the last runs, oldest first."""
        with _usable(), self._engine.connect() as connection:
            return last_runs(connection, count)


@contextmanager
def _usable() -> Iterator[None]:
    """Turns what a database refuses into one sentence."""
    try:
        yield
    except (SQLAlchemyError, OSError, ImportError, ValueError) as error:
        message = f"the history of runs cannot be used ({cause(error)}); correct BOT_REGRESSION_DATABASE or make room."
        raise RegressionError(message) from error
