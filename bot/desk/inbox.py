"""Shows the inbox: customers who wait for an agent or have one, and filtered tickets, the most urgent tickets first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import case, exists, false, func, or_, select, true
from sqlalchemy.engine import Row
from sqlalchemy.sql.elements import ColumnElement
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, agent_of, topics
from bot.tickets import numbers
from bot.tickets.handling import NOTE, SETTABLE
from bot.tickets.model import STATES, now
from bot.tickets.priority import PRIORITIES
from bot.tickets.store import TicketStore
from bot.tickets.tables import TICKET_CHANGES, TICKETS

ROWS = 50
OPEN, ANY, MINE, NOBODY = "open", "any", "mine", "nobody"
_COLUMNS = ("id", "code", "opened_at", "state", "assignee", "queue", "priority", "summary", "intent", "language")
_EQUAL = ("queue", "priority", "language", "intent")
"""Columns that a filter names a value of."""
_URGENCY = case({name: place for place, name in enumerate(PRIORITIES)}, value=TICKETS.c.priority, else_=0)


def inbox(desk: Desk, request: Request) -> Response:
    """Shows the inbox."""
    filters, agent = _filters(request.query_params), agent_of(request)
    found = find(desk.tickets, filters, agent.name, topics(agent.language))
    return desk.show(
        request,
        "inbox.html",
        filters=filters,
        states=(OPEN, *STATES, ANY),
        settable=SETTABLE,
        rows=[{**row._mapping, "number": numbers.write(row.id, row.code)} for row in found[:ROWS]],
        more=len(found) > ROWS,
        live=desk.live.waiting(),
        ended=desk.live.ended_with(agent.name, now() - timedelta(days=1)),
        present=desk.live.present(),
    )


def _filters(query: QueryParams) -> dict[str, Any]:
    """Returns which tickets an address wants; what it cannot mean is left out.

    Args:
        query: of the address: `state` is `open` (the default), `any` or one of a ticket's states; `owner` is `mine`,
            `nobody` or empty for any; `queue`, `priority`, `language` and `intent` are one of each, or empty; `search`
            has words of the summary, contact, agent, issue or notes, or a ticket's number, whole or its digits;
            `page` is 1 for the first 50 tickets.
    """
    state, page = query.get("state", OPEN), query.get("page", "1")
    return {
        "state": state if state in (OPEN, ANY, *STATES) else OPEN,
        **{name: query.get(name, "")[:100] for name in ("owner", *_EQUAL, "search")},
        "page": max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    }


def find(tickets: TicketStore, filters: Mapping[str, Any], agent: str, names: Mapping[str, str]) -> list[Row]:
    """Returns a page of tickets and one more if there are more: the most urgent first, then the oldest.

    Args:
        tickets: where they are.
        filters: which ones, as `_filters` returns them.
        agent: whose are `mine`.
        names: intent -> its name, which the search finds.
    """
    columns, state, search = TICKETS.c, filters["state"], filters["search"]
    states = {OPEN: columns.state != "closed", ANY: true()}
    owners = {MINE: columns.assignee == agent, NOBODY: columns.assignee.is_(None)}
    number = numbers.parse(search)
    query = select(*(columns[name] for name in _COLUMNS)).where(
        states.get(state, columns.state == state),
        owners.get(filters["owner"], true()),
        *(columns[name] == filters[name] for name in _EQUAL if filters[name]),
        *([columns.id == number[0]] if number else [_has_word(word, names) for word in search.lower().split()]),
    )
    query = query.order_by(_URGENCY.desc(), columns.id)
    return tickets.rows(query.offset((filters["page"] - 1) * ROWS).limit(ROWS + 1))


def _has_word(word: str, names: Mapping[str, str]) -> ColumnElement[bool]:
    """Returns that a word stands in a ticket, its notes or its issue's name, or that its digits are the number's."""
    columns = TICKETS.c
    texts = (columns.summary, columns.contact_email, columns.assignee)
    note = (TICKET_CHANGES.c.ticket_id == columns.id) & (TICKET_CHANGES.c.field == NOTE)
    identity = numbers.parse_counter(word)
    return or_(
        *(func.lower(text).contains(word, autoescape=True) for text in texts),
        exists().where(note, func.lower(TICKET_CHANGES.c.after).contains(word, autoescape=True)),
        columns.intent.in_([intent for intent, name in names.items() if word in name.lower()]),
        columns.id == identity if identity is not None else false(),
    )


def fingerprint(desk: Desk) -> tuple[Any, ...]:
    """Returns a value that changes with the inbox."""
    newest = select(func.max(TICKETS.c.updated_at)).scalar_subquery()  # each reads an index, together they would not
    count = select(func.count()).select_from(TICKETS).scalar_subquery()
    tickets = desk.tickets.rows(select(newest, count))[0]
    waiting = tuple((each.conversation_id, each.state, each.agent) for each in desk.live.waiting())
    return (*tickets, waiting, tuple(desk.live.present()))
