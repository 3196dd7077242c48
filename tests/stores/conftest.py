"""Real servers, and settings of one test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import or_skip
from tests.serving.conftest import SetUp, settings_of
from tests.support.servers import RabbitServer

__all__ = ["SetUp", "rabbit", "settings_of"]


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitServer]:
    """A RabbitMQ that has not been started."""
    with tempfile.TemporaryDirectory(prefix="rabbit") as folder:
        server = or_skip(lambda: RabbitServer(Path(folder)))
        yield server
