"""Settings of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.settings import get_settings

SetUp = Callable[..., None]


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
