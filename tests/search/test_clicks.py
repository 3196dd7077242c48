"""What customers choose of the documents found for them teaches the search, if enough of them agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.cli import main
from bot.search import LibraryError
from bot.search.clicks import Choice, choices, forget, learn, learned_questions
from bot.search.database import Library
from bot.search.importing import import_articles
from bot.search.ranking import Searcher
from bot.settings import get_settings
from bot.stores.conversations import open_conversations
from bot.tickets import _store
from bot.tickets.model import SearchEvent
from bot.tickets.store import TicketStore
from bot.tickets.tables import SEARCHES
from tests.privacy.conftest import Kept

ASKED = "apparatet brummer og stinker"
SHOWN = ("blue-screen.md", "teams-recording.md", "only-norwegian.md")


def step(conversation: str, kind: str, *documents: str, text: str = "") -> SearchEvent:
    return SearchEvent(
        search_id=f"s-{conversation}",
        conversation_id=conversation,
        kind=kind,  # type: ignore[arg-type]
        text=text,
        language="nb",
        documents=documents,
    )


def opened(conversation: str, file: str = "only-norwegian.md", text: str = ASKED) -> list[SearchEvent]:
    return [step(conversation, "shown", *SHOWN, text=text), step(conversation, "opened", file)]


def first(library: Library, text: str = ASKED) -> str:
    return Searcher(library.path).search(text, "nb")[0].file


def test_a_question_is_known_once_enough_customers_opened_the_same_document(imported: Library) -> None:
    assert first(imported) != "only-norwegian.md"
    two = [*opened("a"), *opened("b")]
    assert learn(imported, two, fewest=3) == []
    assert first(imported) != "only-norwegian.md"
    (found,) = learn(imported, [*two, *opened("c")], fewest=3)
    assert (found.file, found.text, found.conversations) == ("only-norwegian.md", ASKED, 3)
    assert first(imported) == "only-norwegian.md"
    assert first(imported, "det stinker og brummer fra apparatet") == "only-norwegian.md"


def test_one_customer_cannot_teach_however_often(imported: Library) -> None:
    events = [event for _ in range(20) for event in opened("a")]
    events = [SearchEvent(**{**vars(event), "search_id": f"s{place // 2}"}) for place, event in enumerate(events)]
    assert len(choices(events)) == 20
    assert learn(imported, events, fewest=2) == []


def test_a_document_that_most_pass_over_is_not_learned() -> None:
    right = [Choice(f"r{number}", ASKED, "nb", "right.md") for number in range(8)]
    wrong = [Choice(f"w{number}", ASKED, "nb", "wrong.md") for number in range(4)]
    assert [each.file for each in learned_questions([*right, *wrong], fewest=3)] == ["right.md"]


def test_what_is_a_choice() -> None:
    a = [step("a", "shown", *SHOWN, text=ASKED), step("a", "opened", SHOWN[0]), step("a", "opened", SHOWN[1])]
    b = [*opened("b"), step("b", "none")]
    c = [step("c", "shown", SHOWN[0], text=ASKED), step("c", "helped")]
    d = [step("d", "shown", *SHOWN, text=ASKED), step("d", "helped")]  # which of them?
    e = [*opened("e", file="never-shown.md")]
    f = [*opened("f", text="?!")]
    found = [(each.conversation, each.file) for each in choices([*a, *b, *c, *d, *e, *f])]
    assert found == [("a", SHOWN[1]), ("c", SHOWN[0])]


def test_what_is_no_longer_kept_is_forgotten(imported: Library) -> None:
    before = first(imported)
    events = [*opened("a"), *opened("b"), *opened("c")]
    learn(imported, events, fewest=3)
    forget(imported.path, events[:-2], fewest=3)
    assert first(imported) == before
    with imported.reading() as connection:
        assert connection.execute("SELECT * FROM learned_questions").fetchall() == []


def test_an_import_keeps_what_was_learned(imported: Library, trees: Path) -> None:
    learn(imported, [*opened("a"), *opened("b"), *opened("c")], fewest=3)
    (trees / "nb-NO" / "Insights" / "blue-screen.md").unlink()
    import_articles(imported, [trees])
    assert first(imported) == "only-norwegian.md"


def test_vectors_of_another_encoder_are_dropped(
    imported: Library, trees: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [*opened("a"), *opened("b"), *opened("c")]
    learn(imported, events, fewest=3)
    monkeypatch.setenv("BOT_SEARCH_ENCODER_WEIGHTS", str(get_settings().encoder_weights))
    get_settings.cache_clear()
    with pytest.raises(LibraryError, match="import the articles again"):
        learn(imported, events, fewest=3)
    import_articles(imported, [trees])
    with imported.reading() as connection:
        assert connection.execute("SELECT * FROM learned_questions").fetchall() == []


@pytest.fixture(autouse=True)
def _settings_read_again() -> Iterator[None]:
    yield
    get_settings.cache_clear()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imported: Library) -> Iterator[Kept]:
    """Databases with what three customers opened; the commands use them and the article database."""
    urls = (f"sqlite:///{tmp_path / 'conversations.db'}", f"sqlite:///{tmp_path / 'tickets.db'}")
    databases = Kept(open_conversations(urls[0]), TicketStore(urls[1]), urls)
    for name in ("a", "b", "c"):
        databases.say(name, "hei", email=f"{name}@x.no")
        for event in opened(name):
            databases.tickets.record_search(event)
    monkeypatch.setenv("BOT_TRACKER_DATABASE", urls[0])
    monkeypatch.setenv("BOT_TICKETS_DATABASE", urls[1])
    monkeypatch.setenv("BOT_ARTICLES_DATABASE", str(imported.path))
    monkeypatch.setenv("BOT_REVIEW_DIR", str(tmp_path / "review"))
    get_settings.cache_clear()
    _store.cache_clear()
    yield databases
    get_settings.cache_clear()
    _store.cache_clear()


def test_the_command_lists_what_it_learns(kept: Kept, imported: Library, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["articles", "learn", "--dry-run"]) == 0
    assert first(imported) != "only-norwegian.md"
    assert main(["articles", "learn"]) == 0
    assert first(imported) == "only-norwegian.md"
    assert f"only-norwegian.md (3 conversations, nb): {ASKED}" in capsys.readouterr().out
    assert main(["articles", "learn", "--database", str(imported.path.with_name("none.db"))]) == 2


def test_what_is_erased_of_a_person_no_longer_teaches(kept: Kept, imported: Library) -> None:
    before = first(imported)
    main(["articles", "learn"])
    assert first(imported) == "only-norwegian.md"
    assert main(["privacy", "erase", "--contact", "a@x.no"]) == 0
    assert first(imported) == before


def test_what_expires_no_longer_teaches(kept: Kept, imported: Library) -> None:
    before = first(imported)
    main(["articles", "learn"])
    with kept.tickets.engine.begin() as connection:
        connection.execute(update(SEARCHES).values(at=datetime(2020, 1, 1, tzinfo=timezone.utc)))
    assert main(["privacy", "expire"]) == 0
    assert first(imported) == before
