"""Real servers: PostgreSQL, Redis, RabbitMQ."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.serving.servers import RabbitServer
from bot.settings import get_settings
from tests.conftest import or_skip

SetUp = Callable[..., None]


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitServer]:
    """A RabbitMQ that has not been started."""
    with tempfile.TemporaryDirectory(prefix="rabbit") as folder:
        server = or_skip(lambda: RabbitServer(Path(folder)))
        yield server


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """Sets variables of the environment for one test."""

    def set_up(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"BOT_{name.upper()}", value)
        get_settings.cache_clear()

    yield set_up
    monkeypatch.undo()
    get_settings.cache_clear()
