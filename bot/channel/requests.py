"""Reads the page's requests (address, token, origin, JSON body) and makes JSON answers and refusals.

The token is only taken from its header here; `bot/channel/tokens.py` checks it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response
from sqlalchemy.exc import SQLAlchemyError

from bot.channel import headers
from bot.stores.sessions import SessionError
from bot.tickets.model import TicketStoreError

_RETRY_SECONDS = 5
_CODES = {404: "not_found", 405: "not_found", 408: "failed", 413: "too_large"}
# How proxies write an address with its port, or IPv6 in brackets.
_WRITTEN_BY_PROXY = re.compile(r"\[([^\[\]]*)\](?::\d+)?|([\d.]+):\d+")


def as_refusal(error: Exception) -> SessionError:
    """Returns the refusal that an error of a route, or of Sanic, becomes; 500 where it is neither."""
    if isinstance(error, SessionError):
        return error
    if isinstance(error, TicketStoreError | SQLAlchemyError):  # the page tries again by itself
        return SessionError(503, "failed", retry_after=_RETRY_SECONDS)
    status = int(getattr(error, "status_code", 500)) if isinstance(error, SanicException) else 500
    return SessionError(status, _CODES.get(status, "malformed" if status < 500 else "failed"))


def json_answer(content: dict[str, Any], status: int = 200) -> HTTPResponse:
    """Returns an answer that is not cached; only ASCII: no proxy or old client can take the encoding for another."""
    return json_response(content, status=status, headers=headers.DATA, dumps=json.dumps)


def header_of(request: Request, name: str) -> str:
    """Returns a header of a request, empty if there is none."""
    return str(request.headers.get(name, ""))


def address_of(request: Request, behind_proxy: bool) -> str:
    """Returns whom limits count for: the network address, of IPv6 the /64 that one household or server has.

    Args:
        request: the request.
        behind_proxy: whether X-Forwarded-For was written by a proxy that we trust.
    """
    peer = str(request.ip)
    return (_counted(request.remote_addr) if behind_proxy else None) or _counted(peer) or peer


def _counted(written: str) -> str | None:
    """Returns one spelling for all spellings of an address, None for what is none."""
    match = _WRITTEN_BY_PROXY.fullmatch(written)
    host = (match[1] or match[2] or "") if match else written
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def check_origin(request: Request, origin: str | None, page_origin: str, others: Collection[str] = ()) -> None:
    """Refuses what a script of another site asks for.

    Browsers name the origin of every POST and DELETE; other clients name none, and carry nobody's rights.

    Args:
        request: the request, which names the page's host.
        origin: scheme and host, None where the request names none.
        page_origin: the page's origin from the settings, empty where the Host header tells it.
        others: further origins that may ask.

    Raises:
        SessionError: 403.
    """
    if origin is not None and origin not in others and not _is_own(request, origin, page_origin):
        raise SessionError(403, "origin")


def _is_own(request: Request, origin: str, page_origin: str) -> bool:
    if page_origin:
        return origin == page_origin
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == header_of(request, "host").lower()


def bearer_token(request: Request) -> str:
    """Returns the token of the Authorization header, empty if there is none."""
    scheme, _, token = header_of(request, "authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def text_fields(request: Request, most_bytes: int, *names: str) -> list[str | None]:
    """Returns texts of the JSON object in a streamed body, of which no more is read than allowed.

    Args:
        request: the request.
        most_bytes: how long its body may be.
        *names: the fields; one that is missing or null is None.

    Raises:
        SessionError: 415, 413 or 400.
    """
    media_type = header_of(request, "content-type").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise SessionError(415, "media_type")
    if int(request.headers.get("content-length", 0)) > most_bytes:  # digits: bot/serving/http_bounds.py
        raise SessionError(413, "too_large")
    body = bytearray()
    stream = request.stream
    while stream is not None and (chunk := await stream.read()) is not None:
        body += chunk
        if len(body) > most_bytes:
            stream.keep_alive = False  # the rest is not waited for
            raise SessionError(413, "too_large")
    try:
        content = json.loads(body.decode("utf8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str | None) for name in names):
        raise SessionError(400, "malformed")
    return [content.get(name) for name in names]
