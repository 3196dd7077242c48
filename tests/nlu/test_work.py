"""What one message costs is bounded: however it is made, no more is classified, split or compared than the limits say.

The work is counted, not timed: a machine that others use, too, times nothing reliably.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from bot.nlu.models.sentences import own_words
from bot.nlu.models.sentiment import read_mood
from bot.nlu.models.triage_evidence import LONG_MESSAGE, MOST_CUTS_JUDGED, MOST_SENTENCES, parts_of

WORDS = [first + second + third for first in "bdfgklmnpr" for second in "aeiou" for third in "dgklmnrst"]
SENTENCES = ". ".join(WORDS[:400])


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data"


def test_four_hundred_sentences_become_a_few_parts_that_have_all_their_words_and_are_not_cut(folder: Path) -> None:
    parts = parts_of(SENTENCES, "en", folder)
    assert len(parts.sentences) <= 1 + MOST_SENTENCES
    assert not parts.texts
    assert " ".join(parts.sentences).replace(".", "").split() == WORDS[:400]
    assert (parts.sentences[0], parts.sentences[-1]) == (f"{WORDS[0]}.", WORDS[399])


@pytest.mark.parametrize("separator", [", ", ". ", " and ", ". so, and, or, but, "])
def test_a_message_is_cut_in_a_few_places_only(separator: str, folder: Path) -> None:
    pairs = [f"{first} {second}" for first, second in pairwise(WORDS)]
    parts = parts_of(separator.join(pairs)[: LONG_MESSAGE - 50], "en", folder)
    assert len(parts.cuts) <= MOST_CUTS_JUDGED
    assert len(parts.texts) <= 1 + 2 * MOST_CUTS_JUDGED


def test_ten_sentences_with_clauses_are_cut_inside_the_first_and_the_last(folder: Path) -> None:
    found = [f"ab cd{number}, ef gh{number}, ij kl{number}." for number in range(10)]
    cuts = parts_of(" ".join(found), "en", folder).cuts
    assert ("ab cd0", "ef gh0 ij kl0.") in cuts
    assert ("ab cd9 ef gh9", "ij kl9.") in cuts
    assert len(cuts) == MOST_CUTS_JUDGED


def test_a_line_longer_than_any_head_of_a_mail_is_no_head(folder: Path) -> None:
    line = "they sent it to me " * 20 + "and said:"
    assert line in own_words(f"my card was declined\n{line}\nwhat now", "en", folder)
    assert own_words("my card was declined\nOn Monday Kari wrote:\nold mail", "en", folder) == ["my card was declined"]


def test_words_of_feeling_are_counted_up_to_a_limit(folder: Path) -> None:
    few, many = (read_mood("terrible " * number, "en", folder)[0] for number in (60, 500))
    assert few.score == many.score
    assert few.label == "very_negative"
