"""Review: what becomes a candidate, and which candidates become training phrases."""

from __future__ import annotations

from pathlib import Path

import pytest
from bot.tickets.review import ReviewError, accept, candidates, reject

from bot.articles.examples import read_examples
from bot.phrases.anonymous import anonymous
from bot.tickets.store import TicketStore
from tests.tickets.conftest import a_draft

KNOWN = """version: "3.1"

nlu:
- intent: greet
  metadata:
    language: nb
  examples: |
    - Hei på deg!
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nlu" / "nb").mkdir(parents=True)
    (tmp_path / "nlu" / "nb" / "dialogue.yml").write_text(KNOWN, encoding="utf8")
    return tmp_path / "nlu"


def test_corrections_choices_and_fallbacks_are_grouped_and_said_once(store: TicketStore, folder: Path) -> None:
    number = store.open(a_draft()).number
    store.correct(number, intent="past_due_balance")
    store.record_choice("Kortet mitt ble avvist!", "nb", ["card_declined", "past_due_balance"], "past_due_balance")
    store.record_choice("no money left", "en", ["pay_invoice", "refund_request"], None)
    store.record_fallback("xyzzy", "nb", ["greet"])
    store.record_fallback("hei på deg", "nb")  # a training phrase already
    store.record_fallback("?!", "nb")
    found = [(item.language, item.intent, item.text, item.kinds, len(item.ids)) for item in candidates(store, folder)]
    assert found == [
        ("en", None, "no money left", ("choice",), 1),
        ("nb", "past_due_balance", "kortet mitt ble avvist", ("correction", "choice"), 2),
        ("nb", None, "xyzzy", ("fallback",), 1),
    ]


def test_accepted_candidates_are_appended_as_training_phrases(store: TicketStore, folder: Path) -> None:
    store.record_choice("kortet funker ikke lenger", "nb", ["card_declined", "pay_invoice"], "card_declined")
    store.record_choice("hvor er fakturaen", "nb", ["download_invoice", "pay_invoice"], "download_invoice")
    store.record_choice("betalt to ganger", "nb", ["refund_request"], "refund_request")
    first, second, third = candidates(store, folder)
    accept(store, folder, [first.ids[0]])
    accept(store, folder, [second.ids[0]])
    path = folder / "nb" / "reviewed.yml"
    reviewed = [(example.intent, example.text) for example in read_examples(path)]
    assert reviewed == [("card_declined", "kortet funker ikke lenger"), ("download_invoice", "hvor er fakturaen")]
    assert [item.text for item in candidates(store, folder)] == [third.text]


def test_rejected_candidates_are_not_shown_again(store: TicketStore, folder: Path) -> None:
    store.record_fallback("tull", "nb")
    (only,) = candidates(store, folder)
    reject(store, folder, [only.ids[0]])
    assert candidates(store, folder) == []
    assert not (folder / "nb" / "reviewed.yml").exists()


def test_a_candidate_that_nobody_has_named_needs_an_intent_that_exists(store: TicketStore, folder: Path) -> None:
    store.record_fallback("pengene er borte", "nb")
    (only,) = candidates(store, folder)
    with pytest.raises(ReviewError, match="--intent"):
        accept(store, folder, only.ids)
    with pytest.raises(ReviewError, match="no intent"):
        accept(store, folder, only.ids, intent="lost_money")
    with pytest.raises(ReviewError, match="no candidate 99"):
        accept(store, folder, [99])
    (taken,) = accept(store, folder, only.ids, intent="refund_request")
    assert (taken.intent, taken.text, taken.language) == ("refund_request", "pengene er borte", "nb")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("kortet 4111 1111 1111 1111 feiler", "kortet ••••1111 feiler"),
        ("skriv til ola.nordmann@firma.no takk", "skriv til name@example.com takk"),
        ("til a@b.co1x@firma.no, b@firma.no.", "til name@example.com, name@example.com."),
        ("ring meg på +47 912 34 567", "ring meg på +00 000 00 000"),
        ("faktura E0500ABC123456", "faktura E0500ABC000000"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id 00000000-0000-0000-0000-000000000000"),
        ("se https://firma.no/min/side?x=1", "se https://example.com"),
        ("[kort](card) er {dødt}\n- intent: greet", "(kort)(card) er (dødt) - intent: greet"),
        ("error 53003 twice", "error 53003 twice"),
        ("\x1b[31mrødt", "(31mrødt"),
        ("4111\ufffe1111\\1111\ue0001111 feiler", "••••1111 feiler"),
    ],
)
def test_candidates_hold_nothing_that_only_concerns_the_customer(written: str, kept: str) -> None:
    assert anonymous(written) == kept
