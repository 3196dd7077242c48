"""The inbox: customers who wait for a person, and tickets, the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.engine import Row
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, agent_of
from bot.tickets import numbers
from bot.tickets.handling import SETTABLE
from bot.tickets.model import STATES
from bot.tickets.priority import PRIORITIES
from bot.tickets.store import TicketStore
from bot.tickets.tables import TICKETS

ROWS = 50
OPEN, ANY, MINE, NOBODY = "open", "any", "mine", "nobody"
_COLUMNS = ("id", "code", "opened_at", "state", "assignee", "queue", "priority", "summary", "intent", "language")
_URGENCY = case({name: place for place, name in enumerate(PRIORITIES)}, value=TICKETS.c.priority, else_=0)


@dataclass(frozen=True)
class Filters:
    """Choice of the tickets that the inbox shows.

    Args:
        state: `open` (the default), `any` or one of a ticket's states.
        owner: `mine`, `nobody` or empty for any.
        queue: one of the queues, or empty; so are `priority` and `language`.
        search: words of the summary or the contact, or a ticket's number.
        page: 1 for the first 50 tickets.
    """

    state: str = OPEN
    owner: str = ""
    queue: str = ""
    priority: str = ""
    language: str = ""
    search: str = ""
    page: int = 1

    @staticmethod
    def of(query: QueryParams) -> Filters:
        """Returns the filters of an address; what it cannot mean is left out."""
        text = {name: query.get(name, "")[:100] for name in ("owner", "queue", "priority", "language", "search")}
        page = query.get("page", "1")
        return Filters(
            state=state if (state := query.get("state", OPEN)) in (OPEN, ANY, *STATES) else OPEN,
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
            **text,
        )


def inbox(desk: Desk, request: Request) -> Response:
    """Shows the inbox."""
    filters = Filters.of(request.query_params)
    found = find(desk.tickets, filters, agent_of(request).name)
    return desk.show(
        request,
        "inbox.html",
        filters=filters,
        states=(OPEN, *STATES, ANY),
        settable=SETTABLE,
        rows=[{**row._mapping, "number": numbers.write(row.id, row.code)} for row in found[:ROWS]],
        more=len(found) > ROWS,
        live=desk.live.waiting(),
        present=desk.live.present(),
    )


def find(tickets: TicketStore, filters: Filters, agent: str) -> list[Row]:
    """Returns a page of tickets and one more if there are more: the most urgent first, then the oldest."""
    columns = TICKETS.c
    query = select(*(columns[name] for name in _COLUMNS)).order_by(_URGENCY.desc(), columns.id)
    if filters.state != ANY:
        query = query.where(columns.state != "closed" if filters.state == OPEN else columns.state == filters.state)
    if filters.owner == MINE:
        query = query.where(columns.assignee == agent)
    elif filters.owner == NOBODY:
        query = query.where(columns.assignee.is_(None))
    for name in ("queue", "priority", "language"):
        if value := getattr(filters, name):
            query = query.where(columns[name] == value)
    if filters.search:
        number = numbers.parse(filters.search)
        texts = (columns.summary, columns.contact_email, columns.assignee)
        named = [func.lower(text).contains(filters.search.lower(), autoescape=True) for text in texts]
        query = query.where(columns.id == number[0] if number else or_(*named))
    return tickets.rows(query.offset((filters.page - 1) * ROWS).limit(ROWS + 1))


def fingerprint(desk: Desk) -> tuple[Any, ...]:
    """Returns a value that changes with the inbox."""
    newest = select(func.max(TICKETS.c.updated_at)).scalar_subquery()  # each reads an index, together they would not
    count = select(func.count()).select_from(TICKETS).scalar_subquery()
    tickets = desk.tickets.rows(select(newest, count))[0]
    waiting = tuple((each.conversation_id, each.state, each.agent) for each in desk.live.waiting())
    return (*tickets, waiting, tuple(desk.live.present()))
