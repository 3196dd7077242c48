"""Fixtures for tests of the review: both stores, a folder of training phrases, the review of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.phrases.review import Review
from bot.settings import Settings
from bot.tickets.store import TicketStore
from tests.support.servers import PostgresServer

KNOWN = """version: "3.1"

nlu:
- intent: greet
  metadata:
    language: {language}
  examples: |
    - {text}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TicketStore:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")
    server: PostgresServer = request.getfixturevalue("postgres")
    return TicketStore(server.database())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Training phrases: a greeting in each of two languages."""
    for language, text in (("en", "Hello there!"), ("nb", "Hei på deg!")):
        (tmp_path / "nlu" / language).mkdir(parents=True)
        content = KNOWN.format(language=language, text=text)
        (tmp_path / "nlu" / language / "dialogue.yml").write_text(content, encoding="utf8")
    return tmp_path / "nlu"


def review_of(store: TicketStore, folder: Path, share: float = 0) -> Review:
    """Returns the review of a store, with the test share beside the folder of phrases."""
    settings = Settings(data_dir=folder.parent, review_dir=folder.parent / "review", review_test_share=share)
    return Review(store, settings)
