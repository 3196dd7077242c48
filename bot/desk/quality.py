"""The quality page: how conversations end, which articles do not help, what agents correct, how the nightly runs go."""

from __future__ import annotations

import io
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, Refused
from bot.stores.regression_runs import PastRun, past_runs
from bot.text.csv_cells import write_rows
from bot.tickets import model
from bot.tickets.store import TicketStore
from bot.tickets.tables import CANDIDATES, LIVE_ROWS, OUTCOMES, TICKET_CHANGES, TICKETS

logger = logging.getLogger(__name__)
WEEKS = 12
# Fewer known ends say little of an article.
LEAST_ENDS = 10
RUNS = 14
FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "false refusals", "real style", "follow-ups")
"""Main figures of a nightly run, as `python -m bot regression` names them."""


@dataclass(frozen=True)
class Ends:
    """Numbers of conversations of one week, issue, language or article, by how they ended.

    Args:
        key: the week's Monday as `2026-11-23`, the intent (empty where none was recognised), the language, or the
            article's intent and language.
        counts: outcome -> number of conversations; of a week, other numbers, too.
    """

    key: tuple[str, ...]
    counts: Counter[str]

    @property
    def total(self) -> int:
        """Number of conversations."""
        return sum(self.counts[kind] for kind in model.OUTCOMES)

    @property
    def known(self) -> int:
        """Number of those of which it is known how they ended."""
        return self.total - self.counts["abandoned"]

    @property
    def not_helped(self) -> int:
        """Number of those that were not solved, or in which a person was needed."""
        return self.known - self.counts["solved"]

    @property
    def not_helped_share(self) -> float:
        """Share of known ends to which the bot did not help, 0-1."""
        return self.not_helped / self.known

    @property
    def solved_share(self) -> float | None:
        """Share of solved ones among those whose customers said whether it was, 0-1."""
        judged = self.counts["solved"] + self.counts["not_solved"]
        return self.counts["solved"] / judged if judged else None


def quality_page(desk: Desk, request: Request) -> Response:
    """Shows the figures of the last twelve weeks."""
    outcomes = _outcomes(desk.tickets)
    weeks = _weeks(desk.tickets, outcomes)
    rated = (LIVE_ROWS.c.kind == "rated") & (LIVE_ROWS.c.at >= _first_monday()) & LIVE_ROWS.c.rating.isnot(None)
    return desk.show(
        request,
        "quality.html",
        kinds=model.OUTCOMES,
        weeks=weeks,
        by_issue=_ends(outcomes, "intent"),
        by_language=_ends(outcomes, "language"),
        matrix=confusions(desk.tickets),
        articles=_articles_that_do_not_help(outcomes),
        least=LEAST_ENDS,
        runs=_runs(desk),
        figures=FIGURES,
        ratings=[row.rating for row in desk.tickets.rows(select(LIVE_ROWS.c.rating).where(rated))],
    )


def quality_csv(desk: Desk, request: Request) -> Response:
    """Sends a table as CSV, chosen by `table`; nothing in it is about a person."""
    tables = {"conversations": _conversation_rows, "articles": _article_rows, "nightly": _nightly_rows}
    name = request.query_params.get("table", "conversations")
    if name not in tables:
        raise Refused(404)
    desk.note(request, "export quality")
    stream = io.StringIO()
    write_rows(stream, tables[name](desk))
    disposition = {"Content-Disposition": f'attachment; filename="quality-{name}.csv"'}
    return Response(stream.getvalue(), media_type="text/csv; charset=utf-8", headers=disposition)


def _conversation_rows(desk: Desk) -> Iterable[Sequence[Any]]:
    """Yields a row for each week, issue, language and outcome."""
    yield "week", "issue", "language", "outcome", "conversations"
    counts = Counter((_monday(row.at), row.intent, row.language, row.outcome) for row in _outcomes(desk.tickets))
    yield from ((*key, number) for key, number in sorted(counts.items()))


def _article_rows(desk: Desk) -> Iterable[Sequence[Any]]:
    """Yields a row for each article that did not help."""
    yield "issue", "language", "answers", "known", "not_helped", "share"
    for each in _articles_that_do_not_help(_outcomes(desk.tickets)):
        yield *each.key, each.total, each.known, each.not_helped, round(each.not_helped_share, 3)


def _nightly_rows(desk: Desk) -> Iterable[Sequence[Any]]:
    """Yields a row for each main figure of each nightly run, the oldest first."""
    yield "started_at", "commit", "verdict", "figure", "value"
    for run in reversed(_runs(desk) or []):
        measured = [name for name in FIGURES if name in run.figures]
        yield from ((run.started_at, run.commit, run.verdict, name, run.figures[name]) for name in measured)


def _articles_that_do_not_help(outcomes: Iterable[Row]) -> list[Ends]:
    """Returns the articles that some were not helped by, the worst first, as far as enough ends are known."""
    articles = _ends([row for row in outcomes if row.intent], "intent", "language")
    telling = [each for each in articles if each.known >= LEAST_ENDS and each.not_helped]
    return sorted(telling, key=lambda each: (-each.not_helped_share, -each.known, each.key))


def _runs(desk: Desk) -> list[PastRun] | None:
    """Returns the last nightly runs, the newest first; None where their database cannot be read."""
    try:
        return past_runs(desk.settings.regression_database.get_secret_value(), RUNS)[::-1]
    except (SQLAlchemyError, OSError, ImportError, ValueError):  # the other figures are shown all the same
        logger.exception("the nightly runs cannot be read")
        return None


def confusions(tickets: TicketStore) -> list[tuple[str, str, int]]:
    """Returns the confusion matrix of the weeks' corrections by agents as (taken for, was, times), commonest first."""
    recent = (CANDIDATES.c.kind == "correction") & (CANDIDATES.c.at >= _first_monday())
    query = select(CANDIDATES.c.shown, CANDIDATES.c.intent).where(recent)
    pairs = Counter((row.shown[0] if row.shown else "", row.intent or "") for row in tickets.rows(query))
    wrong = [(shown, right, number) for (shown, right), number in pairs.items() if shown != right]
    return sorted(wrong, key=lambda each: (-each[2], each))


def _outcomes(tickets: TicketStore) -> list[Row]:
    return tickets.rows(select(OUTCOMES).where(OUTCOMES.c.at >= _first_monday()))


def _weeks(tickets: TicketStore, outcomes: Iterable[Row]) -> list[Ends]:
    """Returns the ends of each week, the oldest first, also of those in which nothing happened, and other numbers."""
    since = _first_monday()
    weeks: dict[str, Counter[str]] = {_monday(since + timedelta(weeks=week)): Counter() for week in range(WEEKS)}
    for row in outcomes:
        weeks[_monday(row.at)][row.outcome] += 1
    closed = (TICKET_CHANGES.c.field == "state") & (TICKET_CHANGES.c.after == "closed")
    wanted: list[tuple[str, Any, Any]] = [
        ("questions", CANDIDATES.c.at, CANDIDATES.c.kind == "choice"),
        ("fallbacks", CANDIDATES.c.at, CANDIDATES.c.kind == "fallback"),
        ("corrections", CANDIDATES.c.at, CANDIDATES.c.kind == "correction"),
        ("tickets_opened", TICKETS.c.opened_at, TICKETS.c.id > 0),
        ("tickets_closed", TICKET_CHANGES.c.at, closed),
        ("live_talks", LIVE_ROWS.c.at, LIVE_ROWS.c.kind == "taken"),
    ]
    for name, moment, condition in wanted:
        for row in tickets.rows(select(moment.label("at")).where(condition, moment >= since)):
            weeks[_monday(row.at)][name] += 1
    return [Ends((week,), counts) for week, counts in weeks.items()]


def _ends(outcomes: Iterable[Row], *columns: str) -> list[Ends]:
    """Returns the ends for each value of some columns, the commonest first."""
    counts: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row in outcomes:
        counts[tuple(getattr(row, name) for name in columns)][row.outcome] += 1
    return sorted((Ends(key, each) for key, each in counts.items()), key=lambda each: (-each.total, each.key))


def _first_monday() -> datetime:
    moment = model.now() - timedelta(weeks=WEEKS - 1)
    return (moment - timedelta(days=moment.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)


def _monday(at: datetime) -> str:
    return f"{at - timedelta(days=at.weekday()):%Y-%m-%d}"
