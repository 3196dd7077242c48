"""Serves a ticket's page (what was said and understood, recommended steps), and does what agents' forms ask for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot.articles.issues import load_issues
from bot.desk.desk import Desk, Refused, agent_of, back, field
from bot.desk.live import may_see
from bot.desk.review import keep_as_case
from bot.desk.steps import steps_for
from bot.stores.conversations import last_session
from bot.tickets.handling import SETTABLE


def ticket_page(desk: Desk, request: Request) -> Response:
    """Shows a ticket; who sees it stands in the audit log."""
    ticket = desk.tickets.ticket(request.path_params["number"])
    agent, live = agent_of(request), desk.live.state(ticket.conversation_id)
    desk.note_seen(request, "ticket", ticket.number)
    return desk.show(
        request,
        "ticket.html",
        ticket=ticket,
        changes=desk.tickets.changes(ticket.number),
        deliveries=desk.tickets.deliveries(ticket.number),
        steps=steps_for(desk, request, ticket.intent, ticket.product, ticket.language),
        settable=SETTABLE,
        agents=[each.name for each in desk.accounts.agents()],
        was_live=live.agent is not None and may_see(desk, agent, live),
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
