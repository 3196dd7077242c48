"""Checks every request to the desk (host, body, session, forged forms) before it is answered; sets security headers.

Cookies know no ports: a page of another server on the same host is "same site". So a request that changes something
must name the desk's own origin *and* carry a token that only the desk's own forms have.

The pages to sign in and static files need no session. Messages of other help desks need neither session nor token: they
are signed, which is checked where their body is read (bot/desk/ticket_status.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.desk.accounts import SESSION_LIFETIME, Accounts
from bot.stores import DatabaseError
from bot.tickets.status_reports import VENDORS

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


@dataclass(frozen=True)
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

    app: ASGIApp
    accounts: Accounts
    origins: Sequence[str]
    proxies: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        request = Request(scope, receive)
        request.state.new_cookies = {}
        request.state.secure = all(origin.startswith("https:") for origin in self.origins)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                for line in request.state.new_cookies.values():
                    headers.append("Set-Cookie", line)
            await send(message)

        try:
            refused = await self._admit(request)
        except DatabaseError as error:  # exceptions are handled behind the gate
            refused = database_is_down(request, error)
        await (refused or self.app)(scope, receive, send_with_headers)

    async def _admit(self, request: Request) -> Response | None:
        """Returns an answer that refuses the request, None where it may go on."""
        if request.headers.get("host") not in {urlsplit(origin).netloc for origin in self.origins}:
            return PlainTextResponse("This is not the address of the desk; see BOT_DESK_ORIGIN.", 421)
        if b"%00" in request.scope["query_string"] or "\0" in request.url.path or "%00" in request.url.path:
            return PlainTextResponse("This address cannot be read.", 400)  # no database takes zero bytes
        request.state.address = self._address(request)
        request.state.agent = None
        # The signature of a help desk's message is checked where its body is read.
        return None if request.scope["path"] in _STATUS_PATHS else await self._admit_agent(request)

    async def _admit_agent(self, request: Request) -> Response | None:
        """Returns an answer that refuses the request, None where an agent asks, or anyone who is to sign in."""
        state, cookies, path = request.state, request.cookies, request.scope["path"]  # the path that routes go by
        state.secret = cookies.get(SESSION_COOKIE, "")
        state.agent = await run_in_threadpool(self.accounts.agent_of, state.secret) if state.secret else None
        if state.agent is None:
            state.secret = cookies.get(VISIT_COOKIE) or set_cookie(request, VISIT_COOKIE, secrets.token_urlsafe(32))
        state.token = hmac.new(state.secret.encode(), b"form", hashlib.sha256).hexdigest()
        if request.method not in _SAFE:
            state.form = await _form(request)
            if state.form is None:
                return PlainTextResponse("The form is too large, too slow or cannot be read.", 400)
            is_right = hmac.compare_digest(state.form.get("token", "").encode(), state.token.encode())
            if not is_right or request.headers.get("origin") not in self.origins:
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
        return (seen[-self.proxies] if 0 < self.proxies <= len(seen) else direct)[:64]


def database_is_down(request: Request, error: Exception) -> Response:
    """Returns the answer to any request while a database does not answer."""
    return PlainTextResponse("The database does not answer; try again in a moment.", 503)


def begin_session(request: Request, secret: str) -> None:
    """Sets the cookie of a new session with the answer.

    Args:
        request: what is answered.
        secret: the session's.
    """
    set_cookie(request, SESSION_COOKIE, secret)
    set_cookie(request, VISIT_COOKIE, "")


def set_cookie(
    request: Request, name: str, value: str, same_site: str = "Strict", lifetime: timedelta = SESSION_LIFETIME
) -> str:
    """Sets a cookie that no script can read with the answer; returns its value.

    Args:
        request: what is answered.
        name: of the cookie.
        value: its value; empty deletes it.
        same_site: `Strict`, so that no other site's request brings it; `Lax` lets another site's links and redirects.
        lifetime: how long the browser keeps it.
    """
    age = int(lifetime.total_seconds()) if value else 0
    secure = "; Secure" if request.state.secure else ""
    request.state.new_cookies[name] = f"{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age}{secure}"
    return value


async def read_body(request: Request, most: int = _BODY_BYTES) -> bytes:
    """Returns the body of a request.

    Args:
        request: what is read.
        most: the largest body, in bytes.

    Raises:
        HTTPException: it is too large, takes too long to arrive, or the client has gone before its end.
    """

    async def read() -> bytes:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise HTTPException(413, f"The message is too large; send at most {most} bytes.")
        return body

    try:
        return await asyncio.wait_for(read(), _BODY_SECONDS)
    except (asyncio.TimeoutError, ClientDisconnect) as error:
        raise HTTPException(408, "The message took too long to arrive; send it again.") from error


async def _form(request: Request) -> dict[str, str] | None:
    """Returns the fields of a form's body, the last of each name; None where there is none to be had."""
    try:
        fields = parse_qsl((await read_body(request)).decode(), keep_blank_values=True, max_num_fields=50)
    except (HTTPException, ValueError):
        return None
    return None if any("\0" in name + value for name, value in fields) else dict(fields)
