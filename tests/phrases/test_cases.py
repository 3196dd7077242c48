"""Real conversations become test cases, masked, and do not outlive tickets."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.phrases.cases import add_case, case_of, expire_cases
from bot.phrases.model import ReviewError
from bot.regression.conversations import read_conversations


def said(text: str, intent: str, **entities: str) -> dict[str, Any]:
    """Returns a customer's message as Rasa keeps it."""
    found = [{"entity": name, "value": value} for name, value in entities.items()]
    return {"event": "user", "text": text, "parse_data": {"intent": {"name": intent}, "entities": found}}


EVENTS = [
    {"event": "action", "name": "action_listen"},
    said("mein Geld ist weg, mail@firma.de", "unrecognized_charge"),
    {"event": "bot", "text": "Azure oder Microsoft 365?"},
    said('/choose_product{"product": "microsoft365"}', "choose_product", product="microsoft365"),
    {"event": "slot", "name": "product", "value": "microsoft365"},
    said("und wo sehe ich das?", "ask_where", about="unrecognized_charge"),
    said("/inform kari@firma.no", "inform"),
    {"event": "user", "text": "an den Agenten", "parse_data": {}},
]


def test_a_conversation_becomes_a_case_that_can_be_played_without_what_concerns_the_customer(tmp_path: Path) -> None:
    case = case_of(EVENTS)
    assert case is not None
    path = add_case(tmp_path, "de", case, date(2026, 11, 20))
    add_case(tmp_path, "de", case, date(2026, 11, 21))  # a button that was pressed twice
    (script,) = read_conversations(path.parent)
    assert (script.language, script.issue, script.product) == ("de", "unrecognized_charge", "microsoft365")
    assert [(turn.state, turn.says, turn.act, turn.value) for turn in script.turns] == [
        ("next", "mein Geld ist weg, name@example.com", "issue", "unrecognized_charge"),
        ("next", '/choose_product{"product": "microsoft365"}', "product", "microsoft365"),
        ("next", "und wo sehe ich das?", "ask_where", ""),
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_case_leaves_the_first_as_somebody_has_corrected_it(tmp_path: Path) -> None:
    first, second = case_of(EVENTS), case_of(EVENTS[:2])
    assert first
    assert second
    path = add_case(tmp_path, "de", first, date(2026, 11, 20))
    corrected = path.read_text(encoding="utf8").replace("act: ask_where", "act: more  # not where")
    path.write_text(corrected, encoding="utf8")
    add_case(tmp_path, "de", second, date(2026, 11, 20))
    assert path.read_text(encoding="utf8").startswith(corrected)
    assert [len(script.turns) for script in read_conversations(path.parent)] == [3, 1]


def test_a_file_that_somebody_has_broken_is_named_and_stays_as_it_is(tmp_path: Path) -> None:
    case = case_of(EVENTS)
    assert case
    path = add_case(tmp_path, "de", case, date(2026, 11, 20))
    path.write_text("conversations: [", encoding="utf8")
    with pytest.raises(ReviewError, match=r"de\.yml"):
        add_case(tmp_path, "de", case, date(2026, 11, 20))
    assert path.read_text(encoding="utf8") == "conversations: ["


def test_old_cases_are_deleted_and_an_empty_file_with_them(tmp_path: Path) -> None:
    first, second = case_of(EVENTS), case_of(EVENTS[:2])
    assert first
    assert second
    path = add_case(tmp_path, "de", first, date(2025, 11, 20))
    add_case(tmp_path, "de", second, date(2026, 11, 20))
    expire_cases(tmp_path, date(2025, 11, 21))
    assert [len(script.turns) for script in read_conversations(path.parent)] == [1]
    expire_cases(tmp_path, date(2026, 11, 21))
    assert not path.exists()


def test_a_conversation_in_which_nothing_was_understood_makes_no_case() -> None:
    assert case_of([{"event": "user", "text": "hi", "parse_data": {}}, {"event": "bot", "text": "hello"}]) is None
