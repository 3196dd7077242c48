"""Stands before every page of the desk: host, body, session, forged requests, security headers.

Cookies know no ports: a page of another server on the same host is "same site". So a request that changes something
must name the desk's own origin *and* carry a token that only the desk's own forms have.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.desk.accounts import SESSION_LIFETIME, Accounts
from bot.stores import DatabaseError
from bot.tickets.status_messages import VENDORS

SESSION_COOKIE = "desk_session"
VISIT_COOKIE = "desk_visit"
"""Cookie of a browser that has not signed in: its forms need a token, too."""
SIGN_IN = "/sign-in"
OPENID = f"{SIGN_IN}/openid"
OPENID_CALLBACK = f"{OPENID}/callback"
_OPEN = (SIGN_IN, OPENID, OPENID_CALLBACK)
"""Addresses that need no session; their forms need a token all the same."""
STATUS_PATH = "/ticket-status"
_STATUS_PATHS = frozenset({STATUS_PATH, *(f"{STATUS_PATH}/{name}" for name in VENDORS)})
"""Addresses for other help desks: their messages are signed, so these need no session and no form's token."""
_BODY_BYTES = 64 * 1024
_BODY_SECONDS = 20
_SAFE = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """ASGI middleware that lets only signed-in agents in, and puts what endpoints need into `request.state`.

    `agent` is who asks, None where they sign in; `address` their network address; `form` the fields of the body;
    `token` what forms must send back as `token`.

    Args:
        app: the desk.
        accounts: who may sign in.
        origins: scheme, host and port of the desk as browsers see them.
        proxies: number of trusted proxies that add to X-Forwarded-For.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts, origins: Sequence[str], proxies: int = 0) -> None:
        self._app = app
        self._accounts = accounts
        self._origins = frozenset(origins)
        self._hosts = frozenset(urlsplit(origin).netloc for origin in origins)
        self._proxies = proxies
        self._secure = all(origin.startswith("https:") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # nothing else is served
            request = Request(scope, receive)
            request.state.new_cookies = {}
            request.state.secure = self._secure
            try:
                refused = await self._admit(request)
            except DatabaseError as error:  # exceptions are handled behind the gate
                refused = database_is_down(request, error)
            await (refused or self._app)(scope, receive, self._with_headers(request, send))

    async def _admit(self, request: Request) -> Response | None:
        """Returns an answer that refuses the request, None where it may go on."""
        if request.headers.get("host") not in self._hosts:
            return PlainTextResponse("This is not the address of the desk; see BOT_DESK_ORIGIN.", 421)
        if b"%00" in request.scope["query_string"] or "\0" in request.url.path or "%00" in request.url.path:
            return PlainTextResponse("This address cannot be read.", 400)  # no database takes zero bytes
        request.state.address = self._address(request)
        if request.scope["path"] in _STATUS_PATHS:  # its signature is checked where its body is read
            request.state.agent = None
            return None
        return await self._admit_agent(request)

    async def _admit_agent(self, request: Request) -> Response | None:
        """Returns an answer that refuses the request, None where an agent asks, or anyone who is to sign in."""
        state, cookies, path = request.state, request.cookies, request.scope["path"]  # the path that routes go by
        state.secret = cookies.get(SESSION_COOKIE, "")
        state.agent = await run_in_threadpool(self._accounts.agent_of, state.secret) if state.secret else None
        if state.agent is None:
            state.secret = cookies.get(VISIT_COOKIE) or set_cookie(request, VISIT_COOKIE, secrets.token_urlsafe(32))
        state.token = hmac.new(state.secret.encode(), b"form", hashlib.sha256).hexdigest()
        if request.method not in _SAFE:
            state.form = await _form(request)
            if state.form is None:
                return PlainTextResponse("The form is too large, too slow or cannot be read.", 400)
            sent = str(state.form.get("token", ""))
            if request.headers.get("origin") not in self._origins or not hmac.compare_digest(
                sent.encode(), state.token.encode()
            ):
                return PlainTextResponse("This form is not from this session; load the page anew.", 403)
        if state.agent is None and path not in _OPEN and not path.startswith("/static/"):
            browses = "text/html" in request.headers.get("accept", "") and request.method in _SAFE
            return RedirectResponse(SIGN_IN, 303) if browses else PlainTextResponse("Sign in first.", 401)
        return None

    def _address(self, request: Request) -> str:
        """Returns the network address that asks, as the outermost trusted proxy has seen it."""
        lines = request.headers.getlist("x-forwarded-for")  # some proxies add a line instead of going on with one
        seen = [each.strip() for each in ",".join(lines).split(",")]
        direct = request.client.host if request.client else ""
        return (seen[-self._proxies] if 0 < self._proxies <= len(seen) else direct)[:64]

    def _with_headers(self, request: Request, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                for line in request.state.new_cookies.values():
                    headers.append("Set-Cookie", line)
            await send(message)

        return send_with_headers


def database_is_down(request: Request, error: Exception) -> Response:
    """Returns the answer to any request while a database does not answer."""
    return PlainTextResponse("The database does not answer; try again in a moment.", 503)


def begin_session(request: Request, secret: str) -> None:
    """Has the answer set the cookie of a new session.

    Args:
        request: what is answered.
        secret: the session's.
    """
    set_cookie(request, SESSION_COOKIE, secret)
    set_cookie(request, VISIT_COOKIE, "")


def set_cookie(
    request: Request, name: str, value: str, same_site: str = "Strict", lifetime: timedelta = SESSION_LIFETIME
) -> str:
    """Has the answer set a cookie that no script can read; returns its value.

    Args:
        request: what is answered.
        name: of the cookie.
        value: its value; empty deletes it.
        same_site: `Strict`, so that no other site's request brings it; `Lax` lets another site's links and redirects.
        lifetime: how long the browser keeps it.
    """
    age = int(lifetime.total_seconds()) if value else 0
    secure = "; Secure" if request.state.secure else ""
    line = f"{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age}{secure}"
    request.state.new_cookies[name] = line
    return value


async def read_body(request: Request, most: int = _BODY_BYTES) -> bytes | None:
    """Returns the body of a request, None where it is too large or the client has gone before its end.

    Args:
        request: what is read.
        most: the largest body, in bytes.

    Raises:
        asyncio.TimeoutError: it takes too long to arrive.
    """

    async def read() -> bytes | None:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
        return body

    if int(Headers(scope=request.scope).get("content-length") or 0) > most:
        return None
    try:
        return await asyncio.wait_for(read(), _BODY_SECONDS)
    except ClientDisconnect:
        return None


async def _form(request: Request) -> dict[str, Any] | None:
    """Returns the fields of a form's body, the last of each name; None where there is none to be had."""
    try:
        body = await read_body(request)
        fields = parse_qsl((body or b"").decode(), keep_blank_values=True, max_num_fields=50)
        return None if body is None or any("\0" in name + value for name, value in fields) else dict(fields)
    except (asyncio.TimeoutError, ValueError):
        return None
