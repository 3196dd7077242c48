"""Stores candidates for training phrases, and reviewers' decisions on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from bot.phrases.anonymous import anonymous
from bot.phrases.model import Decision
from bot.tickets.database import TicketDatabase
from bot.tickets.model import now
from bot.tickets.tables import CANDIDATE_DECISIONS, CANDIDATES, fields_of

Ranking = Sequence[tuple[str, float]]
"""Likeliest intents with their confidences (0-1), as the model gave them for the message."""


class CandidateRecords(TicketDatabase):
    """Candidates' side of the ticket store."""

    def record_choice(
        self, text: str, language: str, shown: Sequence[str], chosen: str | None, ranking: Ranking = ()
    ) -> None:
        """Keeps what a customer meant when the bot asked "A or B?"; None chosen means neither."""
        self._record(kind="choice", text=text, language=language, intent=chosen, shown=shown, ranking=ranking)

    def record_fallback(self, text: str, language: str, shown: Sequence[str] = (), ranking: Ranking = ()) -> None:
        """Keeps what the bot did not understand, with its best guesses."""
        self._record(kind="fallback", text=text, language=language, shown=shown, ranking=ranking)

    def record_not_helped(self, text: str, language: str, issue: str, ranking: Ranking = ()) -> None:
        """Keeps what a customer wrote to whom the answer on an issue did not help: it may be another one."""
        self._record(kind="not_helped", text=text, language=language, shown=[issue], ranking=ranking)

    def import_candidates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keeps messages from elsewhere: their `text`, `language`, `shown` and `ranking`."""
        with self.writing() as connection:
            for row in rows:
                add_candidate(connection, kind="imported", **row)

    def candidates(self) -> list[dict[str, Any]]:
        """Returns what waits for review, oldest first."""
        return [row for row in self.all_candidates() if row["state"] == "new"]

    def all_candidates(self) -> list[dict[str, Any]]:
        """Returns candidates in any state, oldest first."""
        return [dict(row._mapping) for row in self.rows(select(CANDIDATES).order_by(CANDIDATES.c.id))]

    def decisions(self) -> list[Decision]:
        """Returns reviewers' decisions that were not undone, oldest first."""
        query = select(CANDIDATE_DECISIONS).where(CANDIDATE_DECISIONS.c.undone_at.is_(None))
        return [Decision(**fields_of(Decision, row)) for row in self.rows(query.order_by(CANDIDATE_DECISIONS.c.id))]

    @contextmanager
    def deciding(self, added: Sequence[Decision], undone: Sequence[int], states: Mapping[int, str]) -> Iterator[None]:
        """Keeps decisions, marks others as undone and sets states, if the block ends without an error.

        Args:
            added: new decisions.
            undone: ids of decisions.
            states: id of a candidate's row -> its state.
        """
        table = CANDIDATE_DECISIONS
        with self.writing() as connection:
            for each in added:
                values = {name: value for name, value in vars(each).items() if name not in ("id", "undone_at")}
                connection.execute(insert(table).values(values))
            connection.execute(update(table).where(table.c.id.in_(undone)).values(undone_at=now()))
            for state in set(states.values()):
                rows = [identity for identity, its in states.items() if its == state]
                connection.execute(update(CANDIDATES).where(CANDIDATES.c.id.in_(rows)).values(state=state))
            yield

    def _record(self, **values: Any) -> None:
        with self.writing() as connection:
            add_candidate(connection, **values)


def add_candidate(connection: Connection, *, text: str, **values: Any) -> None:
    """Keeps a candidate for training, without what only concerns the customer."""
    connection.execute(insert(CANDIDATES).values(text=anonymous(text), **values))
