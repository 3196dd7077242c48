"""Pages of tickets: the inbox (who waits for an agent, filtered tickets), and each ticket with what agents do to it."""

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

from bot.articles.issues import load_issues
from bot.desk.desk import Desk, Refused, agent_of, back, field, topics
from bot.desk.live import may_see
from bot.desk.review import keep_as_case
from bot.stores.conversations import last_session
from bot.tickets import numbers
from bot.tickets.handling import NOTE, SETTABLE
from bot.tickets.model import STATES, now
from bot.tickets.priority import PRIORITIES
from bot.tickets.tables import TICKET_CHANGES, TICKETS

ROWS = 50
_COLUMNS = ("id", "code", "opened_at", "state", "assignee", "queue", "priority", "summary", "intent", "language")
_EQUAL = ("queue", "priority", "language", "intent")
"""Columns that a filter names a value of."""
_STATES = ("open", *STATES, "any")
_URGENCY = case({name: place for place, name in enumerate(PRIORITIES)}, value=TICKETS.c.priority, else_=0)


def inbox(desk: Desk, request: Request) -> Response:
    """Shows the inbox."""
    filters, agent = _filters(request.query_params), agent_of(request)
    found = _find(desk, filters, agent.name, topics(agent.language))
    return desk.show(
        request,
        "inbox.html",
        filters=filters,
        states=_STATES,
        settable=SETTABLE,
        rows=[{**row._mapping, "number": numbers.write(row.id, row.code)} for row in found[:ROWS]],
        more=len(found) > ROWS,
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
    state, page = query.get("state"), query.get("page", "1")
    return {
        "state": state if state in _STATES else "open",
        **{name: query.get(name, "")[:100] for name in ("owner", *_EQUAL, "search")},
        "page": max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    }


def _find(desk: Desk, filters: Mapping[str, Any], agent: str, names: Mapping[str, str]) -> list[Row]:
    """Returns a page of tickets and one more if there are more: the most urgent first, then the oldest.

    Args:
        desk: has the tickets.
        filters: which ones, as `_filters` returns them.
        agent: whose are `mine`.
        names: intent -> its name, which the search finds.
    """
    columns, state, search = TICKETS.c, filters["state"], filters["search"]
    states = {"open": columns.state != "closed", "any": true()}
    owners = {"mine": columns.assignee == agent, "nobody": columns.assignee.is_(None)}
    number = numbers.parse(search)
    query = select(*(columns[name] for name in _COLUMNS)).where(
        states.get(state, columns.state == state),
        owners.get(filters["owner"], true()),
        *(columns[name] == filters[name] for name in _EQUAL if filters[name]),
        *([columns.id == number[0]] if number else [_has_word(word, names) for word in search.lower().split()]),
    )
    query = query.order_by(_URGENCY.desc(), columns.id)
    return desk.tickets.rows(query.offset((filters["page"] - 1) * ROWS).limit(ROWS + 1))


def _has_word(word: str, names: Mapping[str, str]) -> ColumnElement[bool]:
    """Returns that a word stands in a ticket, its notes or its issue's name, or that its digits are the number's."""
    columns, changes, identity = TICKETS.c, TICKET_CHANGES.c, numbers.parse_counter(word)
    note = (changes.ticket_id == columns.id) & (changes.field == NOTE)
    texts = (columns.summary, columns.contact_email, columns.assignee)
    return or_(
        *(func.lower(text).contains(word, autoescape=True) for text in texts),
        exists().where(note, func.lower(changes.after).contains(word, autoescape=True)),
        columns.intent.in_([intent for intent, name in names.items() if word in name.lower()]),
        columns.id == identity if identity is not None else false(),
    )


def ticket_page(desk: Desk, request: Request) -> Response:
    """Shows a ticket (what was said and understood, recommended steps); who sees it stands in the audit log."""
    ticket = desk.tickets.ticket(request.path_params["number"])
    live = desk.live.state(ticket.conversation_id)
    desk.note(request, "see ticket", ticket.number)
    return desk.show(
        request,
        "ticket.html",
        ticket=ticket,
        changes=desk.tickets.changes(ticket.number),
        deliveries=desk.tickets.deliveries(ticket.number),
        steps=desk.steps(request, ticket.intent, ticket.product, ticket.language),
        settable=SETTABLE,
        agents=[each.name for each in desk.accounts.agents()],
        was_live=live.agent is not None and may_see(desk, agent_of(request), live),
    )


def change_ticket(desk: Desk, request: Request) -> Response:
    """Does what a form of the page asks for; who did it stands in the ticket's history and in the audit log."""
    ticket = desk.tickets.ticket(request.path_params["number"])
    tickets, number, agent = desk.tickets, ticket.number, agent_of(request).name
    action = field(request, "action")
    if action == "intent" and (intent := field(request, "value")) in load_issues():
        if intent != ticket.intent:
            tickets.correct(number, intent=intent, by=agent)
    elif action in SETTABLE and (value := field(request, "value")) in SETTABLE[action]:
        tickets.put(number, action, value, by=agent)
    elif action == "assign" and (to := field(request, "value")) in {each.name for each in desk.accounts.agents()}:
        tickets.assign(number, to, by=agent)
    elif action == "note":
        tickets.note(number, field(request, "text"), by=agent)
    elif action == "close":
        tickets.close(number, by=agent)
    elif action == "reopen":
        tickets.reopen(number, by=agent)
    elif action == "case" and ticket.consent:
        events = last_session(desk.conversations, ticket.conversation_id)
        return keep_as_case(desk, request, number, events, ticket.language)
    else:
        raise Refused(422)
    desk.note(request, f"{action} ticket", number)
    return back(f"/tickets/{number}")
