"""The inbox: customers who wait for a person, and tickets, the most urgent first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, exists, false, func, or_, select
from sqlalchemy.engine import Row
from sqlalchemy.sql.elements import ColumnElement
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, agent_of
from bot.tickets import numbers
from bot.tickets.handling import NOTE, SETTABLE
from bot.tickets.model import STATES, now
from bot.tickets.priority import PRIORITIES
from bot.tickets.store import TicketStore
from bot.tickets.tables import TICKET_CHANGES, TICKETS

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
        queue: one of the queues, or empty; so are `priority`, `language` and `intent`.
        search: words of the summary, contact, agent, issue or notes, or a ticket's number, whole or its digits.
        page: 1 for the first 50 tickets.
    """

    state: str = OPEN
    owner: str = ""
    queue: str = ""
    priority: str = ""
    language: str = ""
    intent: str = ""
    search: str = ""
    page: int = 1

    @staticmethod
    def of(query: QueryParams) -> Filters:
        """Returns the filters of an address; what it cannot mean is left out."""
        names = ("owner", "queue", "priority", "language", "intent", "search")
        text = {name: query.get(name, "")[:100] for name in names}
        page = query.get("page", "1")
        return Filters(
            state=state if (state := query.get("state", OPEN)) in (OPEN, ANY, *STATES) else OPEN,
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
            **text,
        )


def inbox(desk: Desk, request: Request) -> Response:
    """Shows the inbox."""
    filters = Filters.of(request.query_params)
    agent = agent_of(request)
    found = find(desk.tickets, filters, agent.name, desk.pages.topics(agent.language))
    return desk.show(
        request,
        "inbox.html",
        filters=filters,
        address=asdict(filters),
        states=(OPEN, *STATES, ANY),
        settable=SETTABLE,
        rows=[{**row._mapping, "number": numbers.write(row.id, row.code)} for row in found[:ROWS]],
        more=len(found) > ROWS,
        live=desk.live.waiting(),
        ended=desk.live.ended_with(agent.name, now() - timedelta(days=1)),
        present=desk.live.present(),
    )


def find(tickets: TicketStore, filters: Filters, agent: str, topics: Mapping[str, str]) -> list[Row]:
    """Returns a page of tickets and one more if there are more: the most urgent first, then the oldest.

    Args:
        tickets: where they are.
        filters: which ones.
        agent: whose are `mine`.
        topics: intent -> its name, which the search finds.
    """
    columns = TICKETS.c
    query = select(*(columns[name] for name in _COLUMNS)).order_by(_URGENCY.desc(), columns.id)
    if filters.state != ANY:
        query = query.where(columns.state != "closed" if filters.state == OPEN else columns.state == filters.state)
    if filters.owner == MINE:
        query = query.where(columns.assignee == agent)
    elif filters.owner == NOBODY:
        query = query.where(columns.assignee.is_(None))
    for name in ("queue", "priority", "language", "intent"):
        if value := getattr(filters, name):
            query = query.where(columns[name] == value)
    if number := numbers.parse(filters.search):
        query = query.where(columns.id == number[0])
    else:
        query = query.where(*(_has_word(word, topics) for word in filters.search.lower().split()))
    return tickets.rows(query.offset((filters.page - 1) * ROWS).limit(ROWS + 1))


def _has_word(word: str, topics: Mapping[str, str]) -> ColumnElement[bool]:
    """Returns that a word stands in a ticket, its notes or its issue's name, or that its digits are the number's."""
    columns = TICKETS.c
    texts = (columns.summary, columns.contact_email, columns.assignee)
    note = (TICKET_CHANGES.c.ticket_id == columns.id) & (TICKET_CHANGES.c.field == NOTE)
    identity = numbers.parse_counter(word)
    return or_(
        *(func.lower(text).contains(word, autoescape=True) for text in texts),
        exists().where(note, func.lower(TICKET_CHANGES.c.after).contains(word, autoescape=True)),
        columns.intent.in_([intent for intent, topic in topics.items() if word in topic.lower()]),
        columns.id == identity if identity is not None else false(),
    )


def fingerprint(desk: Desk) -> tuple[Any, ...]:
    """Returns a value that changes with the inbox."""
    newest = select(func.max(TICKETS.c.updated_at)).scalar_subquery()  # each reads an index, together they would not
    count = select(func.count()).select_from(TICKETS).scalar_subquery()
    tickets = desk.tickets.rows(select(newest, count))[0]
    waiting = tuple((each.conversation_id, each.state, each.agent) for each in desk.live.waiting())
    return (*tickets, waiting, tuple(desk.live.present()))
