"""From text to features."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.encoder.features import Vocabulary, fold, vocabulary_of, word_keys, words_of


def test_words_are_lower_cased_and_free_of_punctuation() -> None:
    assert words_of("Kortet BLE avvist!!") == ["kortet", "ble", "avvist"]


def test_long_numbers_become_one_word_and_short_ones_stay() -> None:
    assert words_of("Microsoft 365 faktura 0012345678") == ["microsoft", "365", "faktura", "00000"]


def test_a_word_typed_without_diacritics_shares_its_ngrams() -> None:
    assert fold("påminnelse") == "paminnelse"
    shared = np.intersect1d(word_keys("påminnelse"), word_keys("paminnelse"))
    assert len(shared) == len(np.unique(word_keys("påminnelse"))) - 1


def test_features_below_the_threshold_are_not_learned() -> None:
    vocabulary = vocabulary_of(["faktura betalt", "faktura sendt"], at_least=2)
    assert vocabulary.rows("faktura")
    assert not vocabulary.rows("xyz")


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_has_a_row_in_the_matrix(texts: list[str]) -> None:
    vocabulary = vocabulary_of(["card declined", "kortet ble avvist"], at_least=1)
    matrix = vocabulary.matrix(texts)
    assert matrix.shape == (len(texts), len(vocabulary))


def test_an_empty_vocabulary_knows_nothing() -> None:
    assert Vocabulary(np.zeros(0, np.uint32)).rows("anything") == []
