"""Reads what a request brings: address, origin, token, JSON body; refuses what was not agreed."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any
from urllib.parse import urlsplit

from sanic.request import Request

from bot.channel.errors import RefusedError, malformed, token_refused

# How proxies write an address with its port, or IPv6 in brackets.
_WRITTEN_BY_PROXY = re.compile(r"\[([^\[\]]*)\](?::\d+)?|([\d.]+):\d+")


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


def check_origin(request: Request, page_origin: str) -> None:
    """Refuses a request that a script of another site has made.

    Browsers name the origin of every POST and DELETE; other clients name none, and carry nobody's rights.

    Raises:
        RefusedError: 403.
    """
    origin = request.headers.get("origin")
    if origin is not None and not is_own(request, origin, page_origin):
        raise RefusedError(403, "origin")


def is_own(request: Request, origin: str, page_origin: str) -> bool:
    """Tells whether an origin is the page's own.

    Args:
        request: the request, which names the page's host.
        origin: scheme and host.
        page_origin: the page's origin from the settings, empty where the Host header tells it.
    """
    if page_origin:
        return origin == page_origin
    return _host_of(origin) == str(request.headers.get("host", "")).lower()


def bearer_token(request: Request) -> str:
    """Returns the token of the Authorization header.

    Raises:
        RefusedError: 401, there is none.
    """
    scheme, _, token = str(request.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise token_refused()
    return token.strip()


async def json_body(request: Request, most_bytes: int) -> dict[str, Any]:
    """Returns the JSON object in a streamed body, of which no more is read than allowed.

    Raises:
        RefusedError: 415, 413 or 400.
    """
    media_type = str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedError(415, "media_type")
    if int(request.headers.get("content-length", 0)) > most_bytes:  # digits: bot/serving/http_bounds.py
        raise RefusedError(413, "too_large")
    body = bytearray()
    stream = request.stream
    while stream is not None and (chunk := await stream.read()) is not None:
        body += chunk
        if len(body) > most_bytes:
            stream.keep_alive = False  # the rest is not waited for
            raise RefusedError(413, "too_large")
    try:
        content = json.loads(body.decode("utf8"))
    except (ValueError, RecursionError) as error:
        raise malformed() from error
    if not isinstance(content, dict):
        raise malformed()
    return content


def text_field(content: dict[str, Any], name: str) -> str | None:
    """Returns a field that is a text, None if it is missing or null.

    Raises:
        RefusedError: 400, it is something else.
    """
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise malformed()
    return value


def _host_of(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
        return parts.netloc.lower() if parts.scheme in {"http", "https"} else None
    except ValueError:
        return None
