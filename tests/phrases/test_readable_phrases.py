"""Whatever customers type, training data that `review` writes can be read by Rasa, or is not written."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
from sqlalchemy import insert

from bot.articles.examples import read_examples
from bot.phrases.model import ReviewError
from bot.tickets.model import now
from bot.tickets.store import TicketStore
from bot.tickets.tables import CANDIDATES
from tests.phrases.conftest import review_of

KNOWN = """version: "3.1"

nlu:
- intent: greet
  metadata:
    language: en
  examples: |
    - hello
"""
PIECES = ["\ufffe", "\uffff", "\x85", "\u2028", "\ufeff", "\\", "\\u000a", "\\ud800", "\\u0020", "- ", ": ", "#", "\n"]
TYPED = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=8).map("".join)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nlu" / "en").mkdir(parents=True)
    (tmp_path / "nlu" / "en" / "reviewed.yml").write_text(KNOWN, encoding="utf8")
    return tmp_path / "nlu"


@pytest.fixture
def store(tmp_path: Path) -> TicketStore:
    return TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")


@pytest.fixture(scope="module")
def lasting_store(tmp_path_factory: pytest.TempPathFactory) -> TicketStore:
    """A store for all examples of a property: to make its tables takes longer than an example."""
    return TicketStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'tickets.db'}")


def phrases_for_rasa(path: Path) -> list[tuple[str, str]]:
    """Returns intent and text of each example as Rasa reads it."""
    return [(each.get("intent"), each.get("text")) for each in RasaYAMLReader().read(str(path)).training_examples]


def kept_before(store: TicketStore, text: str) -> None:
    """Keeps a candidate as it was kept before its text was cleaned."""
    values = {"kind": "fallback", "language": "en", "intent": "refund_request", "shown": [], "state": "new"}
    with store.engine.begin() as connection:
        connection.execute(insert(CANDIDATES).values(**values, text=text, at=now()))


@pytest.mark.parametrize(
    ("typed", "phrase"),
    [
        ("my card\ufffe fails\uffff", "my card fails"),
        ("half \ud83d of it", "half of it"),
        ("it is in C:\\users\\kari", "it is in C: users kari"),
        ("refund\\u000a- intent: greet\\u000a  examples: |\\u000a    - pay", "refund u000a- intent: greet u000a "
         "examples: | u000a - pay"),
        ("refund\x85- intent: greet", "refund - intent: greet"),
        ("refund # not a comment: 'x' \"y\" & *z %", "refund # not a comment: 'x' \"y\" & *z %"),
    ],
    ids=ascii,
)  # fmt: skip
def test_an_accepted_message_is_read_by_rasa_as_one_phrase(
    store: TicketStore, folder: Path, typed: str, phrase: str
) -> None:
    store.record_choice(typed, "en", [], "refund_request")
    review = review_of(store, folder)
    (only,) = review.waiting()
    review.accept(only.ids)
    assert phrases_for_rasa(folder / "en" / "reviewed.yml") == [("greet", "hello"), ("refund_request", phrase)]
    assert [each.text for each in read_examples(folder)] == ["hello", phrase]
    assert review.waiting() == []


@pytest.mark.parametrize(
    "kept",
    [
        "my card\ufffe fails",
        "in C:\\users\\kari",
        "pay\\u000a- intent: greet",
        "pay\\u000a    - hi",
        "\x7fpay",
        "a\u2028b",
    ],
    ids=ascii,
)
def test_a_phrase_that_rasa_cannot_read_is_refused_and_nothing_is_lost(
    store: TicketStore, folder: Path, kept: str
) -> None:
    store.record_choice("where is my money", "en", [], "refund_request")
    kept_before(store, kept)
    review = review_of(store, folder)
    good, bad = sorted(review.waiting(), key=lambda each: each.ids)
    with pytest.raises(ReviewError, match=rf"Nothing was written; drop candidate {bad.ids[0]} with .* reject"):
        review.accept([good.ids[0], bad.ids[0]])
    assert [path.name for path in (folder / "en").iterdir()] == ["reviewed.yml"]
    assert (folder / "en" / "reviewed.yml").read_text(encoding="utf8") == KNOWN
    assert len(review.waiting()) == 2
    review.accept(good.ids)
    assert phrases_for_rasa(folder / "en" / "reviewed.yml")[1:] == [("refund_request", "where is my money")]


def test_every_character_survives_into_readable_training_data_or_is_dropped(store: TicketStore, folder: Path) -> None:
    # Planes 4 to 13 are empty, 15 and 16 are private: their ends are enough.
    ends = [number for number in range(sys.maxunicode + 1) if number & 0xFFFE in {0, 0xFFFE}]
    everything = [chr(number) for number in (*range(0x40000), *range(0xE0000, 0xE0200), *ends)]
    for start in range(0, len(everything), 4096):
        # Letters between them, so that digits make no long numbers.
        store.record_choice("word " + "x".join(everything[start : start + 4096]), "en", [], "refund_request")
    review = review_of(store, folder)
    waiting = review.waiting()
    review.accept([each.ids[0] for each in waiting])
    read = {text for _, text in phrases_for_rasa(folder / "en" / "reviewed.yml")}
    is_same = read == {"hello", *(each.text for each in waiting)}
    assert is_same  # not in one line: pytest would take minutes to show what differs
    kept = {*"".join(read), *"[]{}\\"}
    assigned = [char for char in everything if unicodedata.category(char) not in {"Cc", "Cn", "Co", "Cs"}]
    assert [char for char in assigned if char not in kept and not char.isspace()] == []


@settings(max_examples=50, deadline=None)
@given(typed=st.lists(TYPED.map("word {}".format), max_size=3))
def test_training_data_stays_readable_whatever_is_typed(
    lasting_store: TicketStore, tmp_path_factory: pytest.TempPathFactory, typed: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("review") / "nlu"
    for text in typed:
        lasting_store.record_choice(text, "en", [], "refund_request")
    review = review_of(lasting_store, folder)
    waiting = review.waiting()
    if waiting:
        review.accept([each.ids[0] for each in waiting])
        read = phrases_for_rasa(folder / "en" / "reviewed.yml")
        assert sorted(read) == sorted(("refund_request", each.text) for each in waiting)
        assert len(read_examples(folder)) == len(waiting)
