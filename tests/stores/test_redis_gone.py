"""A Redis that hangs up while it is being connected to, as one that dies does, with the event loop that serves."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
import uvloop

from bot.stores.session_stores import RedisSessions
from bot.stores.sessions import SessionError

AT_ONCE = 300
ROUNDS = 5


@pytest.fixture
def dying_redis() -> Iterator[str]:
    """The address of a Redis that resets every connection."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(AT_ONCE)

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield f"redis://:secret@127.0.0.1:{server.getsockname()[1]}/0"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_whatever_a_redis_that_hangs_up_makes_its_client_raise_is_a_refusal(dying_redis: str) -> None:
    async def all_refused() -> list[BaseException | None]:
        sessions, found = RedisSessions(dying_redis), list[BaseException | None]()
        for _ in range(ROUNDS):
            asked = [sessions.get("conversation") for _ in range(AT_ONCE)]
            found += await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[arg-type]
        return found

    loop = uvloop.new_event_loop()
    try:
        found = loop.run_until_complete(all_refused())
    finally:
        loop.close()
    assert {(type(each), getattr(each, "status", None)) for each in found} == {(SessionError, 503)}
