"""Distress in a message: deaths, harm, a service that is down; held-out messages of native writers."""

from __future__ import annotations

from collections import defaultdict

import pytest

from bot.nlu.models.sentiment import read_mood
from tests.conftest import ROOT

HELD_OUT = {
    path.stem: [line.split("\t") for line in path.read_text(encoding="utf8").splitlines()]
    for path in sorted((ROOT / "tests" / "nlu" / "distress").glob("*.tsv"))
}
SIGNALS = ("death", "harm", "service_down")


def noticed(text: str, language: str) -> set[str]:
    return set(read_mood(text, language, ROOT / "data")[1])


@pytest.mark.parametrize("language", HELD_OUT)
def test_distress_is_noticed_in_every_language(language: str) -> None:
    found: dict[str, list[bool]] = defaultdict(list)
    for kind, text in HELD_OUT[language]:
        if kind in SIGNALS:
            found[kind].append(kind in noticed(text, language))
    assert set(found) == set(SIGNALS)
    assert sum(map(sum, found.values())) / sum(map(len, found.values())) >= 0.3


@pytest.mark.parametrize(("signal", "least"), [("death", 0.7), ("harm", 0.3), ("service_down", 0.25)])
def test_each_kind_of_distress_is_noticed(signal: str, least: float) -> None:
    told = [(language, text) for language, rows in HELD_OUT.items() for kind, text in rows if kind == signal]
    found = [signal in noticed(text, language) for language, text in told]
    assert sum(found) / len(found) >= least


def test_figures_of_speech_are_no_distress() -> None:
    harmless = [
        noticed(text, language) & {"death", "harm"}
        for language, rows in HELD_OUT.items()
        for kind, text in rows
        if kind == "not_distress"
    ]
    assert sum(map(bool, harmless)) / len(harmless) <= 0.06
