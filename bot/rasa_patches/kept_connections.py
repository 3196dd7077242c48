"""Keeps connections to an action server; Rasa opens one for each call, a tenth of what its event loop does."""

from __future__ import annotations

import asyncio
from functools import lru_cache

import aiohttp
from rasa.core.constants import DEFAULT_REQUEST_TIMEOUT
from rasa.utils.endpoints import EndpointConfig

_KEPT_SECONDS = 2.0  # an action server closes a connection that has rested for five


def install() -> None:
    """Makes all calls of Rasa's endpoints share their connections."""
    EndpointConfig.session = _session


def _session(endpoint: EndpointConfig) -> aiohttp.ClientSession:
    given = endpoint.basic_auth
    return aiohttp.ClientSession(
        headers=endpoint.headers,
        auth=aiohttp.BasicAuth(given["username"], given["password"]) if given else None,
        timeout=aiohttp.ClientTimeout(total=DEFAULT_REQUEST_TIMEOUT),
        connector=_connector(asyncio.get_running_loop()),
        connector_owner=False,
    )


@lru_cache(maxsize=1)
def _connector(loop: asyncio.AbstractEventLoop) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(keepalive_timeout=_KEPT_SECONDS, limit=0, loop=loop)
