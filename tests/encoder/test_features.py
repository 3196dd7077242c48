"""From text to features."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.encoder.features import fold, rows_of, word_keys, words_of
from bot.encoder.training.train import count_features, frequent_keys


def test_words_are_lower_cased_and_free_of_punctuation() -> None:
    assert words_of("Kortet BLE avvist!!") == ["kortet", "ble", "avvist"]


def test_long_numbers_become_one_word_and_short_ones_stay() -> None:
    assert words_of("Microsoft 365 faktura 0012345678") == ["microsoft", "365", "faktura", "00000"]


def test_a_word_typed_without_diacritics_shares_its_ngrams() -> None:
    assert fold("påminnelse") == "paminnelse"
    shared = np.intersect1d(word_keys("påminnelse"), word_keys("paminnelse"))
    assert len(shared) == len(np.unique(word_keys("påminnelse"))) - 1


def test_features_below_the_threshold_are_not_learned() -> None:
    keys = frequent_keys(["faktura betalt", "faktura sendt"], at_least=2)
    assert len(rows_of(keys, "faktura"))
    assert not len(rows_of(keys, "xyz"))


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_has_a_row_in_the_matrix(texts: list[str]) -> None:
    keys = frequent_keys(["card declined", "kortet ble avvist"], at_least=1)
    words, features = count_features(texts, keys)
    assert (words @ features).shape == (len(texts), len(keys))


def test_an_empty_vocabulary_knows_nothing() -> None:
    assert rows_of(np.zeros(0, np.uint32), "anything").tolist() == []
