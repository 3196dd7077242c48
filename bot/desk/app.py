"""The desk as an ASGI application: which address shows what, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.desk.accounts import Role
from bot.desk.desk import Desk, Refused, agent_of, back
from bot.desk.events import beat, events
from bot.desk.gate import (
    OPENID,
    OPENID_CALLBACK,
    SESSION_COOKIE,
    SIGN_IN,
    STATUS_PATH,
    Gate,
    begin_session,
    database_is_down,
    set_cookie,
)
from bot.desk.inbox import inbox
from bot.desk.live import change_live, live_page
from bot.desk.models import change_models, models_page
from bot.desk.new_issues import draft_issue, new_issues_page
from bot.desk.quality import quality_csv, quality_page
from bot.desk.review import decide, review_page
from bot.desk.ticket import change_ticket, ticket_page
from bot.desk.ticket_status import take_status, take_vendor_status
from bot.stores import DatabaseError

if TYPE_CHECKING:
    from bot.desk.openid import OpenId  # brings Authlib, which most desks do not need

View = Callable[[Desk, Request], Response]
_STATIC = Path(__file__).parent / "static"


def make_app(desk: Desk, origins: Sequence[str], proxies: int = 0, openid: OpenId | None = None) -> Starlette:
    """Builds the application.

    Args:
        desk: its stores and pages.
        origins: scheme, host and port of the desk as browsers see them; requests to other hosts are refused.
        proxies: number of trusted proxies that add to X-Forwarded-For.
        openid: signs in with OpenID Connect; None where that is off.
    """

    def route(path: str, see: View, do: View | None = None, role: Role = "agent") -> list[Route]:
        """Returns the routes of a page for agents with a role: what shows it, and what its forms do."""

        def guarded(view: View) -> Callable[[Request], Response]:
            def answer(request: Request) -> Response:
                if not agent_of(request).may(role):
                    desk.note(request, "refused", request.url.path)
                    raise Refused(403)
                return view(desk, request)

            return answer

        routes = [Route(path, guarded(see), methods=["GET"])]
        return [*routes, Route(path, guarded(do), methods=["POST"])] if do else routes

    def audit_page(desk: Desk, request: Request) -> Response:
        accounts = desk.accounts
        return desk.show(request, "audit.html", rows=accounts.audit(), accounts=accounts.agents())

    def sign_in_page(request: Request) -> Response:
        return back("/") if request.state.agent else desk.show_sign_in(request)

    def sign_in(request: Request) -> Response:
        name, password = (str(request.state.form.get(each, ""))[:200] for each in ("name", "password"))
        secret = desk.accounts.sign_in(name, password, request.state.address)
        desk.accounts.note(name, request.state.address, "sign in" if secret else "failed to sign in")
        if secret is None:
            return desk.show_sign_in(request, "refused_sign_in", 403, name)
        begin_session(request, secret)
        return back("/")

    def sign_out(request: Request) -> Response:
        desk.note(request, "sign out")
        desk.accounts.sign_out(request.state.secret)
        desk.live.sign_out(agent_of(request).name)
        set_cookie(request, SESSION_COOKIE, "")
        return back(SIGN_IN)

    def refuse(request: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, Refused) else 404
        if isinstance(error, HTTPException):
            status = error.status_code
        if request.state.agent is None:
            return PlainTextResponse("There is nothing here.", status)
        return desk.pages.show(request, "refused.html", status=status, code=status, waiting_count=0)

    def missing(desk: Desk, request: Request) -> Response:
        raise Refused(404)

    return Starlette(
        routes=[
            Route(SIGN_IN, sign_in_page, methods=["GET"]),
            Route(SIGN_IN, sign_in, methods=["POST"]),
            *([Route(OPENID, openid.begin), Route(OPENID_CALLBACK, openid.finish)] if openid else []),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route(STATUS_PATH, partial(take_status, desk), methods=["POST"]),
            Route(f"{STATUS_PATH}/{{vendor}}", partial(take_vendor_status, desk), methods=["POST"]),
            Route("/events", lambda request: events(desk, request), methods=["GET"]),
            *route("/beat", missing, beat),
            *route("/", inbox),
            *route("/tickets/{number}", ticket_page, change_ticket),
            *route("/live/{conversation:path}", live_page, change_live),
            *route("/review", review_page, decide, role="reviewer"),
            *route("/review/new-issues", new_issues_page, draft_issue, role="reviewer"),
            *route("/quality", quality_page, role="reviewer"),
            *route("/quality.csv", quality_csv, role="reviewer"),
            *route("/models", models_page, change_models, role="reviewer"),
            *route("/audit", audit_page, role="admin"),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        exception_handlers={
            Refused: refuse,
            HTTPException: refuse,
            DatabaseError: database_is_down,
            SQLAlchemyError: database_is_down,  # of the conversations' database
        },
        middleware=[Middleware(Gate, accounts=desk.accounts, origins=origins, proxies=proxies)],
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
