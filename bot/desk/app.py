"""Builds the agents' desk as a Starlette application: which address shows what, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.desk import gate, live, models, new_issues, quality, review, ticket_status, tickets
from bot.desk.accounts import Role
from bot.desk.desk import Desk, Refused, agent_of, back, render
from bot.stores import DatabaseError
from bot.tickets.model import TicketNotFound

View = Callable[[Desk, Request], Response]


def make_app(desk: Desk, origins: Sequence[str]) -> Starlette:
    """Builds the application.

    Args:
        desk: its stores.
        origins: scheme, host and port of the desk as browsers see them; requests to other hosts are refused.
    """

    def page(path: str, view: View, form: View | None = None, role: Role = "agent") -> Route:
        """Returns the route of a page for agents with a role: what shows it, and what its forms do."""

        def answer(request: Request) -> Response:
            if not agent_of(request).may(role):
                desk.note(request, "refused", request.url.path)
                raise Refused(403)
            return (form if form and request.method == "POST" else view)(desk, request)

        return Route(path, answer, methods=["GET", "POST"] if form else ["GET"])

    def audit_page(desk: Desk, request: Request) -> Response:
        return desk.show(request, "audit.html", rows=desk.accounts.audit(), accounts=desk.accounts.agents())

    def sign_in_page(request: Request) -> Response:
        return back("/") if request.state.agent else desk.show_sign_in(request)

    def sign_in(request: Request) -> Response:
        name, password = (str(request.state.form.get(each, ""))[:200] for each in ("name", "password"))
        secret = desk.accounts.sign_in(name, password, request.state.address)
        desk.accounts.note(name, request.state.address, "sign in" if secret else "failed to sign in")
        if secret is None:
            return desk.show_sign_in(request, "refused_sign_in", 403, name)
        gate.begin_session(request, secret)
        return back("/")

    def sign_out(request: Request) -> Response:
        desk.note(request, "sign out")
        desk.accounts.sign_out(request.state.secret)
        desk.live.sign_out(agent_of(request).name)
        gate.set_cookie(request, gate.SESSION_COOKIE, "")
        return back(gate.SIGN_IN)

    def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        if request.state.agent is None:
            return PlainTextResponse("There is nothing here.", status)
        return render(request, "refused.html", status, code=status)

    def missing(desk: Desk, request: Request) -> Response:
        raise Refused(404)

    handlers: dict[Any, Callable[[Request, Any], Response]] = {
        HTTPException: refuse,
        TicketNotFound: refuse,
        DatabaseError: gate.database_is_down,
        SQLAlchemyError: gate.database_is_down,  # of the conversations' database
    }
    openid_routes = []
    if desk.settings.desk_openid_issuer:
        from bot.desk.openid import OpenId, ProviderError, SignInRefused  # bring Authlib, 13 MB

        openid = OpenId(desk)
        openid_routes = [Route(gate.OPENID, openid.begin), Route(gate.OPENID_CALLBACK, openid.finish)]
        handlers |= {ProviderError: openid.say_down, SignInRefused: openid.refuse}
    return Starlette(
        routes=[
            Route(gate.SIGN_IN, sign_in_page, methods=["GET"]),
            Route(gate.SIGN_IN, sign_in, methods=["POST"]),
            *openid_routes,
            Route("/sign-out", sign_out, methods=["POST"]),
            Route(gate.STATUS_PATH, partial(ticket_status.take_status, desk), methods=["POST"]),
            Route(f"{gate.STATUS_PATH}/{{vendor}}", partial(ticket_status.take_status, desk), methods=["POST"]),
            Route("/events", partial(live.stream_events, desk), methods=["GET"]),
            page("/beat", missing, live.beat),
            page("/", tickets.inbox),
            page("/tickets/{number}", tickets.ticket_page, tickets.change_ticket),
            page("/live/{conversation:path}", live.live_page, live.change_live),
            page("/review", review.review_page, review.decide, role="reviewer"),
            page("/review/new-issues", new_issues.new_issues_page, new_issues.draft_issue, role="reviewer"),
            page("/quality", quality.quality_page, role="reviewer"),
            page("/quality.csv", quality.quality_csv, role="reviewer"),
            page("/models", models.models_page, models.change_models, role="reviewer"),
            page("/audit", audit_page, role="admin"),
            Mount("/static", StaticFiles(packages=[("bot.desk", "static")])),
        ],
        exception_handlers=handlers,
        middleware=[Middleware(gate.Gate, desk.accounts, origins, desk.settings.proxies_count)],
    )


def make_server(app: Starlette, host: str, port: int) -> uvicorn.Server:
    """Builds the server of the application.

    Args:
        app: the desk.
        host: the address it listens on.
        port: where it listens.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # the gate reads them, as far as they are to be trusted
        ws="none",
        lifespan="off",
        limit_concurrency=500,
        timeout_graceful_shutdown=1,  # streams do not end by themselves
    )
    return uvicorn.Server(config)
