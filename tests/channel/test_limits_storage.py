"""Limits counted in a real Redis: shared by several servers, over its restart and beyond it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from bot.channel.limits import Limits
from bot.settings import Settings
from bot.stores.sessions import SessionError
from tests.conftest import free_port

START_LIMIT_SECONDS = 30


@pytest.fixture(scope="module")
def program() -> str:
    """Debian's redis-server; without it the test is skipped, where every server is required it fails."""
    found = shutil.which("redis-server")
    if found is None:
        remedy = "Limits in Redis need a server: `apt-get install redis-server`, or run tools/install-test-servers.sh."
        if os.environ.get("REQUIRE_SERVERS") == "1":
            pytest.fail(remedy)
        pytest.skip(remedy)
    return found


@contextmanager
def redis_server(program: str, port: int, folder: Path) -> Iterator[redis.Redis[bytes]]:
    """Runs a Redis that keeps nothing on disk; gives a client once it answers."""
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([program, "--port", str(port), *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert any("Ready to accept connections" in line for line in process.stdout), "redis-server has ended"
        with redis.Redis(port=port) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=START_LIMIT_SECONDS)


def limits(port: int, **settings: str) -> Limits:
    """Returns the limits as one more server would count them."""
    return Limits(Settings(limits_storage=f"redis://127.0.0.1:{port}/0", **settings))


def wait_of(counting: Limits, kind: str, who: str) -> int | None:
    """Counts once; returns None where that is admitted, otherwise the seconds to wait."""
    try:
        asyncio.run(counting.message(who, "10.0.0.1") if kind == "message" else getattr(counting, kind)(who))
    except SessionError as refusal:
        assert (refusal.status, refusal.code) == (429, "too_many")
        return refusal.retry_after
    return None


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("message", "limit_messages_per_conversation"),
        ("request", "limit_requests_per_address"),
        ("session", "limit_sessions_per_address"),
    ],
)
def test_two_servers_count_together(program: str, tmp_path: Path, kind: str, setting: str) -> None:
    port = free_port()
    with redis_server(program, port, tmp_path) as client:
        here, there = (limits(port, **{setting: "4 per hour; 100 per day"}) for _ in range(2))
        assert [wait_of(server, kind, "mine") for server in (here, there, here, there)] == [None] * 4
        for server in (here, there):
            wait = wait_of(server, kind, "mine")
            assert wait is not None
            assert 1 <= wait <= 3600
            assert wait_of(server, kind, "yours") is None
        # What is kept goes by itself when its window has passed.
        assert client.keys()
        assert all(0 < client.ttl(key) <= 24 * 3600 for key in client.scan_iter())


def test_where_redis_goes_and_comes_back_nobody_is_locked_out_and_counting_goes_on(
    program: str, tmp_path: Path
) -> None:
    port = free_port()
    with redis_server(program, port, tmp_path):
        here = limits(port, limit_requests_per_address="2 per hour")
        assert [wait_of(here, "request", "mine") is None for _ in range(3)] == [True, True, False]
    # Gone: the server counts by itself, and still refuses who asks too much.
    assert [wait_of(here, "request", "mine") is None for _ in range(3)] == [True, True, False]
    with redis_server(program, port, tmp_path) as client:
        assert wait_of(here, "request", "mine") is None
        assert len(client.keys()) == 1


def test_a_redis_that_refuses_to_write_is_as_good_as_gone(program: str, tmp_path: Path) -> None:
    port = free_port()
    with redis_server(program, port, tmp_path) as client:
        client.config_set("maxmemory", "1")
        here = limits(port, limit_requests_per_address="1 per hour")
        assert [wait_of(here, "request", "mine") is None for _ in range(2)] == [True, False]
