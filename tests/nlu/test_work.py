"""What one message costs is bounded: however it is made, no more is classified, split or compared than the limits say.

`python -m benchmarks.slow_inputs` measures the time; here the work is counted.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.courtesy import LabelledText
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.intent_model import IntentModel
from bot.nlu.ngrams import NgramFeatures
from bot.nlu.sentences import own_words
from bot.nlu.sentiment import read_mood
from bot.nlu.spelling import OCCURRENCES, Spelling
from bot.nlu.tokenizer import BlankSpacyTokenizer
from bot.nlu.triage_evidence import LONG_MESSAGE, MOST_CUTS_JUDGED, MOST_SENTENCES, parts_of
from bot.pieces import LONGEST_PIECE, split

WORDS = [first + second + third for first in "bdfgklmnpr" for second in "aeiou" for third in "dgklmnrst"]
SENTENCES = ". ".join(WORDS[:400])


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data"


def test_four_hundred_sentences_are_classified_in_a_few_parts_that_have_all_their_words(folder: Path) -> None:
    parts = parts_of(SENTENCES, "en", folder)
    assert len(parts.texts) <= 1 + MOST_SENTENCES
    assert " ".join(parts.sentences).replace(".", "").split() == WORDS[:400]
    assert (parts.sentences[0], parts.sentences[-1]) == (f"{WORDS[0]}.", WORDS[399])


@pytest.mark.parametrize("separator", [", ", ". ", " and ", ". so, and, or, but, "])
def test_a_message_is_cut_in_a_few_places_only(separator: str, folder: Path) -> None:
    pairs = [f"{first} {second}" for first, second in pairwise(WORDS)]
    parts = parts_of(separator.join(pairs)[: LONG_MESSAGE - 50], "en", folder)
    assert len(parts.cuts) <= MOST_CUTS_JUDGED
    assert len(parts.texts) <= 1 + MOST_SENTENCES + 2 * MOST_CUTS_JUDGED


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


def test_a_long_word_is_read_in_part_also_where_one_character_becomes_eighteen() -> None:
    read = split(["x" * 2000])
    assert [read.pieces.names[number] for number in read.lists[0]] == ["x" * LONGEST_PIECE]
    features = NgramFeatures(2**10)
    _, few = features.read("x" * LONGEST_PIECE)
    for character in ("\ufdfa", "\ub6b3"):  # eighteen letters as NFKC has it, three without what is composed
        assert len(features.read(character * LONGEST_PIECE)[1]) <= len(few)


def test_a_very_long_word_is_not_compared_with_known_ones() -> None:
    word = "abcdefghij" * 5
    assert Spelling.learn([word] * OCCURRENCES).mend(f"{word[:-1]}x") == f"{word[:-1]}x"


@pytest.mark.parametrize("text", ["a" + ")" * 1999, "a.\"'" * 500, "!? " * 660])
def test_marks_are_split_at_blanks_where_spacy_would_take_them_off_one_by_one(text: str) -> None:
    tokenizer = BlankSpacyTokenizer(BlankSpacyTokenizer.get_default_config())
    tokens = tokenizer.tokenize(Message({TEXT: text}), TEXT)
    assert [token.text for token in tokens] == text.split()
    assert all(text[token.start : token.end] == token.text for token in tokens)


def test_a_long_running_tokenizer_forgets_the_words_that_it_has_seen() -> None:
    tokenizer = BlankSpacyTokenizer({**BlankSpacyTokenizer.get_default_config(), "vocabulary_limit": 300})
    for start in range(0, 400, 50):
        tokenizer.tokenize(Message({TEXT: " ".join(WORDS[start : start + 50])}), TEXT)
        assert all(len(pipeline.vocab) <= 400 for pipeline in tokenizer._pipelines.values())


def test_the_sentences_of_a_long_message_are_judged_by_their_words_alone() -> None:
    known = {"card": "my card was declined", "invoice": "where is my invoice"}
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn([LabelledText(text, intent, "en") for intent, text in known.items() for _ in range(4)])
    texts = ["kard deklined", "wer is invois", *known.values()]
    by_words = model.with_settings(strange=-2.0, familiar=-1.0)  # then no word is strange
    alone = model.confidences(texts, near=[False] * 4)
    assert alone == pytest.approx(by_words.confidences(texts))
    assert not np.allclose(alone[:2], model.confidences(texts)[:2])
    mixed = model.confidences([*texts, *texts], near=[False] * 4 + [True] * 4)
    assert mixed == pytest.approx(np.concatenate([alone, model.confidences(texts)]), abs=1e-6)
