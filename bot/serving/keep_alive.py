"""Lets Rasa keep its connections to the action server: it opens a session and a connection for every single action."""

from __future__ import annotations

import asyncio
from types import TracebackType
from weakref import WeakSet

import aiohttp
from rasa.core.constants import DEFAULT_REQUEST_TIMEOUT
from rasa.utils.endpoints import EndpointConfig

# Shorter than any server's own patience: a request never meets a connection that is just being closed.
_IDLE_SECONDS = 2
_OPEN: WeakSet[aiohttp.ClientSession] = WeakSet()


class _Lent:
    """A session that is not closed when somebody is done with it.

    Args:
        session: the session.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __aenter__(self) -> aiohttp.ClientSession:
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def _session(endpoint: EndpointConfig) -> _Lent:
    """Returns the session of an endpoint in this event loop."""
    loop = asyncio.get_running_loop()
    kept: tuple[asyncio.AbstractEventLoop, aiohttp.ClientSession] | None = endpoint.__dict__.get("kept_session")
    if kept is None or kept[0] is not loop or kept[1].closed:
        name = endpoint.basic_auth
        session = aiohttp.ClientSession(
            headers=endpoint.headers,
            auth=aiohttp.BasicAuth(name["username"], name["password"]) if name else None,
            timeout=aiohttp.ClientTimeout(total=DEFAULT_REQUEST_TIMEOUT),
            connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
        )
        _OPEN.add(session)
        kept = endpoint.__dict__["kept_session"] = (loop, session)
    return _Lent(kept[1])


def install() -> None:
    """Makes Rasa's endpoints keep their sessions; who does so closes them in the end with `close`."""
    EndpointConfig.session = _session


async def close() -> None:
    """Closes all kept sessions."""
    for session in list(_OPEN):
        await session.close()
