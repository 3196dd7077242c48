"""Typing errors are mended, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.nlu.spelling import OCCURRENCES, Spelling

KNOWN = ["kortet mitt ble avvist", "invoice overdue", "Rechnung überfällig", "tarjeta rechazada", "faktura"]


@pytest.fixture
def spelling() -> Spelling:
    return Spelling.learn(KNOWN * OCCURRENCES)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kortet mitt ble avivst", "kortet mitt ble avvist"),  # two neighbours swapped
        ("invoice ovrdue", "invoice overdue"),  # one too few
        ("rechnungg", "rechnung"),  # one too many
        ("tarjeta rechazasa", "tarjeta rechazada"),  # a wrong one
        ("afktura!", "faktura!"),  # at the beginning
        ("invoice 1234567  ovrdue", "invoice 1234567 overdue"),  # numbers stay
    ],
)
def test_a_word_one_error_away_from_a_known_one_is_mended(spelling: Spelling, typed: str, meant: str) -> None:
    assert spelling.mend(typed) == meant


@pytest.mark.parametrize(
    "text", ["Kortet mitt ble avvist", "uberfallig", "E0400ABCDE", "mott", "completely unlike anything", "", "123 456"]
)
def test_known_short_and_strange_words_stay_as_they_are(spelling: Spelling, text: str) -> None:
    assert spelling.mend(text) == text


def test_a_text_of_mostly_unknown_words_is_another_language(spelling: Spelling) -> None:
    assert spelling.mend("kortety mitl ble avivst") == "kortety mitl ble avivst"
    assert spelling.mend("kortety") == "kortet"


def test_a_rare_word_is_known_but_takes_no_others_place() -> None:
    spelling = Spelling.learn(["refusal"] * OCCURRENCES + ["refusals"])
    assert spelling.mend("refusals refusalss") == "refusals refusalss"


def test_the_more_frequent_of_two_neighbours_is_meant() -> None:
    spelling = Spelling.learn(["payment"] * (OCCURRENCES + 1) + ["pavment"] * OCCURRENCES)
    assert spelling.mend("paxment") == "payment"


def test_it_comes_back_from_its_file_as_it_was(spelling: Spelling, tmp_path: Path) -> None:
    spelling.save(tmp_path / "spelling.npz")
    assert Spelling.load(tmp_path / "spelling.npz").mend("Rechnunng") == "rechnung"


def test_without_any_known_word_nothing_is_mended(tmp_path: Path) -> None:
    Spelling.learn([]).save(tmp_path / "spelling.npz")
    assert Spelling.load(tmp_path / "spelling.npz").mend("kortet") == "kortet"
