"""The quality page: how conversations end, which articles do not help, what agents correct, how the nightly runs go."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, Refused
from bot.stores.regression_runs import PastRun
from bot.text.csv_cells import write_rows
from bot.tickets.model import OUTCOMES as KINDS
from bot.tickets.model import now
from bot.tickets.store import TicketStore
from bot.tickets.tables import CANDIDATES, LIVE_ROWS, OUTCOMES, TICKET_CHANGES, TICKETS

logger = logging.getLogger(__name__)
WEEKS = 12
# Fewer known ends say little of an article.
LEAST_ENDS = 10
RUNS = 14
_NOT_HELPED = ("not_solved", "handed_over", "with_agent")
FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "false refusals", "real style", "follow-ups")
"""Main figures of a nightly run, as `python -m bot regression` names them."""
_CHART = {"width": 760, "height": 220, "foot": 24, "gap": 6}


@dataclass(frozen=True)
class Line:
    """Ends of the conversations of one week, issue or language.

    Args:
        name: the week's Monday as `2026-11-23`, the intent (empty where none was recognised), or the language.
        counts: outcome -> number of conversations.
        more: other counts, where the line is a week's.
    """

    name: str
    counts: Counter[str]
    more: Counter[str]

    @property
    def total(self) -> int:
        """Number of conversations."""
        return sum(self.counts.values())

    @property
    def solved_share(self) -> float | None:
        """Share of solved ones among those whose customers said whether it was, 0-1."""
        known = self.counts["solved"] + self.counts["not_solved"]
        return self.counts["solved"] / known if known else None


@dataclass(frozen=True)
class ArticleHelp:
    """Outcomes of an article.

    Args:
        issue: its issue.
        language: its language.
        answers: conversations in which it was the answer.
        known: those of which it is known how they ended.
        not_helped: those of them that were not solved, or in which a person was needed.
    """

    issue: str
    language: str
    answers: int
    known: int
    not_helped: int

    @property
    def share(self) -> float:
        """Share of known ends to which it did not help, 0-1."""
        return self.not_helped / self.known


def quality_page(desk: Desk, request: Request) -> Response:
    """Shows the figures of the last twelve weeks."""
    outcomes, since = _outcomes(desk.tickets), _first_monday()
    weeks = _weeks(desk.tickets, outcomes, since)
    return desk.show(
        request,
        "quality.html",
        kinds=KINDS,
        weeks=weeks,
        by_issue=_lines(outcomes, "intent"),
        by_language=_lines(outcomes, "language"),
        bars=list(_bars(weeks)),
        chart=_CHART,
        matrix=confusions(desk.tickets),
        articles=articles_that_do_not_help(outcomes),
        least=LEAST_ENDS,
        runs=_runs(desk),
        figures=FIGURES,
        ratings=[row.rating for row in desk.tickets.rows(select(LIVE_ROWS.c.rating).where(_rated(since)))],
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
    counts = Counter(
        (_monday(row["at"]), row["intent"], row["language"], row["outcome"]) for row in _outcomes(desk.tickets)
    )
    yield "week", "issue", "language", "outcome", "conversations"
    yield from ((*key, number) for key, number in sorted(counts.items()))


def _article_rows(desk: Desk) -> Iterable[Sequence[Any]]:
    """Yields a row for each article that did not help."""
    yield "issue", "language", "answers", "known", "not_helped", "share"
    for each in articles_that_do_not_help(_outcomes(desk.tickets)):
        yield each.issue, each.language, each.answers, each.known, each.not_helped, round(each.share, 3)


def _nightly_rows(desk: Desk) -> Iterable[Sequence[Any]]:
    """Yields a row for each main figure of each nightly run, the oldest first."""
    yield "started_at", "commit", "verdict", "figure", "value"
    for run in reversed(_runs(desk) or []):
        measured = [name for name in FIGURES if name in run.figures]
        yield from ((run.started_at, run.commit, run.verdict, name, run.figures[name]) for name in measured)


def articles_that_do_not_help(outcomes: Iterable[dict[str, Any]]) -> list[ArticleHelp]:
    """Returns the articles that some were not helped by, the worst first, as far as enough ends are known."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in outcomes:
        if row["intent"]:
            counts.setdefault((row["intent"], row["language"]), Counter())[row["outcome"]] += 1
    found = [
        ArticleHelp(
            *key, answers=total, known=total - each["abandoned"], not_helped=sum(each[kind] for kind in _NOT_HELPED)
        )
        for key, each in counts.items()
        for total in [sum(each.values())]
    ]
    telling = [each for each in found if each.known >= LEAST_ENDS and each.not_helped]
    return sorted(telling, key=lambda each: (-each.share, -each.known, each.issue, each.language))


def _runs(desk: Desk) -> list[PastRun] | None:
    """Returns the last nightly runs, the newest first; None where their database cannot be read."""
    try:
        return desk.runs.last(RUNS)[::-1]
    except (SQLAlchemyError, OSError, ImportError, ValueError):  # the other figures are shown all the same
        logger.exception("the nightly runs cannot be read")
        return None


def confusions(tickets: TicketStore) -> list[tuple[str, str, int]]:
    """Returns the confusion matrix of agents' corrections as (taken for, was, times), the commonest first."""
    query = select(CANDIDATES.c.shown, CANDIDATES.c.intent).where(CANDIDATES.c.kind == "correction")
    pairs = Counter((row.shown[0] if row.shown else "", row.intent or "") for row in tickets.rows(query))
    wrong = [(shown, right, number) for (shown, right), number in pairs.items() if shown != right]
    return sorted(wrong, key=lambda each: (-each[2], each))


def _outcomes(tickets: TicketStore) -> list[dict[str, Any]]:
    columns = (OUTCOMES.c.at, OUTCOMES.c.intent, OUTCOMES.c.language, OUTCOMES.c.outcome)
    rows = tickets.rows(select(*columns).where(OUTCOMES.c.at >= _first_monday()))
    return [dict(row._mapping) for row in rows]


def _weeks(tickets: TicketStore, outcomes: Sequence[dict[str, Any]], since: datetime) -> list[Line]:
    """Returns a line for each week, the oldest first, also for those in which nothing happened."""
    lines = {_monday(since + timedelta(weeks=week)): Line("", Counter(), Counter()) for week in range(WEEKS)}
    for row in outcomes:
        lines[_monday(row["at"])].counts[row["outcome"]] += 1
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
            lines[_monday(row.at)].more[name] += 1
    return [Line(week, line.counts, line.more) for week, line in lines.items()]


def _lines(outcomes: Iterable[dict[str, Any]], column: str) -> list[Line]:
    """Returns a line for each value of a column, the commonest first."""
    counts: dict[str, Counter[str]] = {}
    for row in outcomes:
        counts.setdefault(row[column], Counter())[row["outcome"]] += 1
    return sorted(
        (Line(name, each, Counter()) for name, each in counts.items()), key=lambda line: (-line.total, line.name)
    )


def _bars(weeks: Sequence[Line]) -> Iterable[dict[str, Any]]:
    """Yields the rectangles of the chart: one of each outcome above the other, a column a week."""
    most = max(line.total for line in weeks) or 1
    room = _CHART["height"] - _CHART["foot"]
    step = _CHART["width"] / len(weeks)
    for place, line in enumerate(weeks):
        top = float(room)
        for kind in KINDS:
            height = room * line.counts[kind] / most
            top -= height
            left, width = place * step + _CHART["gap"] / 2, step - _CHART["gap"]
            if height:
                yield {"kind": kind, "x": left, "y": top, "width": width, "height": height}


def _rated(since: datetime) -> Any:
    return (LIVE_ROWS.c.kind == "rated") & (LIVE_ROWS.c.at >= since) & LIVE_ROWS.c.rating.isnot(None)


def _first_monday() -> datetime:
    moment = now() - timedelta(weeks=WEEKS - 1)
    return (moment - timedelta(days=moment.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)


def _monday(at: datetime) -> str:
    return f"{at - timedelta(days=at.weekday()):%Y-%m-%d}"
