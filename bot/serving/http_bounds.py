"""Bounds of every request to Rasa's server, whatever its route: how large it may be, how long it may take to arrive."""

from __future__ import annotations

import re
from time import monotonic

from sanic import Sanic
from sanic.exceptions import InvalidUsage, PayloadTooLarge, RequestTimeout, SanicException, ServiceUnavailable
from sanic.http import Stage
from sanic.request import Request
from sanic.server import HttpProtocol

from bot.settings import Settings

# Routes have their own limits below this one; what is a little too large for them is refused in the customer's words.
_MOST_BYTES = 1_048_576
# Longer than nginx keeps an idle connection to a server (60 s): it never sends a request into one that is closing.
_KEEP_ALIVE_SECONDS = 75
_LENGTH = re.compile(rb"[0-9]{1,12}")


def install(app: Sanic, settings: Settings) -> None:
    """Makes a server refuse requests that are too large, too slow or broken.

    Args:
        app: the server.
        settings: how large a body may be, and how long a request may take.
    """
    app.config.update(
        REQUEST_MAX_SIZE=max(_MOST_BYTES, settings.body_bytes),
        REQUEST_TIMEOUT=settings.request_seconds,
        KEEP_ALIVE_TIMEOUT=_KEEP_ALIVE_SECONDS,
    )
    app.signal("http.lifecycle.request")(check_head)
    HttpProtocol.check_timeouts = check_timeouts  # type: ignore[method-assign]


async def check_head(request: Request) -> None:
    """Refuses a request by its head, before any of its body is read.

    A negative Content-Length makes Sanic 21.12 read for ever, which stops the whole server; one that is no number, a
    coding that it does not know, and two contradicting lengths end in errors of its own. It answers a GET before it
    reads the body, however large that is.

    Args:
        request: its head.

    Raises:
        InvalidUsage: 400, the length of the body is not clear, or there is a body where none belongs.
        PayloadTooLarge: 413.
    """
    lengths, codings = [], []
    for line in request.head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            lengths.append(value.strip())
        elif name.lower() == b"transfer-encoding":
            codings.append(value.strip())
    if len(lengths) + len(codings) > 1 or not all(map(_LENGTH.fullmatch, lengths)) or codings not in ([], [b"chunked"]):
        raise InvalidUsage("Bad Request")
    length = int(lengths[0]) if lengths else 0
    if length > request.app.config.REQUEST_MAX_SIZE:
        raise PayloadTooLarge("Request body exceeds the size limit")
    if request.method in {"GET", "HEAD"} and (length or codings):
        raise InvalidUsage(f"A {request.method} request has no body")


def check_timeouts(protocol: HttpProtocol) -> None:
    """Ends a connection whose client is too slow; runs itself again for as long as the connection lasts.

    Stands in for the method of Sanic 21.12. That one counts from the last byte received, so a client that sends one
    now and then is served for ever; it answers 503 to a body that does not come, and looks no more after a connection
    whose head asks for a websocket.
    """
    http = protocol._http
    if protocol._task is None or http is None or getattr(protocol, "websocket", None) is not None:
        return
    now = monotonic()
    error: SanicException | None = None
    if _is_arriving(protocol):
        number = protocol.state["requests_count"] + (http.stage is Stage.REQUEST)
        if getattr(protocol.ctx, "arriving", (None, now))[0] != number:
            protocol.ctx.arriving = (number, now)
        late = now - protocol.ctx.arriving[1] > protocol.request_timeout
        error = RequestTimeout("Request Timeout")
    elif http.stage is Stage.IDLE:
        late = now - protocol._time > protocol.keep_alive_timeout
    else:
        late = now - protocol._time > protocol.response_timeout
        error = ServiceUnavailable("Response Timeout")
    if late:
        http.exception = error
        protocol._task.cancel()  # Sanic answers with the exception, unless something was answered already
    shortest = min(protocol.keep_alive_timeout, protocol.request_timeout, protocol.response_timeout)
    protocol.loop.call_later(max(0.1, shortest / 4), protocol.check_timeouts)


def _is_arriving(protocol: HttpProtocol) -> bool:
    """Tells whether a part of a request is still awaited; the first one is from the beginning."""
    begun = protocol.state["requests_count"] > 0  # before that Sanic does not know of a body
    return not begun or protocol._http.stage is Stage.REQUEST or bool(protocol._http.request_body)
