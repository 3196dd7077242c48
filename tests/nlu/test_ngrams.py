"""The n-grams of texts, against scikit-learn's own counting, whatever is asked together and whatever was forgotten."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.utils import murmurhash3_32

from bot import pieces
from bot.nlu import ngrams
from bot.nlu.ngrams import NgramFeatures, NgramScores, fold_diacritics, normalise

TEXTS = [
    "Kortet mitt ble avvist, kortet er nytt",
    "når forfaller faktura 4711-B på 1.250,00 kr.?",
    "naar forfaller faktura 12 paa 7 kr",
    "¿Por qué no puedo pagar la factura? ¡No puedo!",
    "ＦＵＬＬ width, ﬁne print, ½ price, a\u200bb\u00a0c and ´quotes´",
    "don't e-mail me/us: a@b.no",
    "ΟΔΟΣ Οδός",
    "",
    " \n ",
    "?! …",
]
BUCKETS = 2**12


def reference(texts: list[str], features: NgramFeatures) -> sparse.csr_matrix:
    """Counts with scikit-learn's analyzers, weighs as NgramFeatures says."""
    options = {"n_features": BUCKETS, "alternate_sign": False, "norm": None, "lowercase": False}
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), **options)
    rows = []
    for text in texts:
        normal = normalise(text)
        # Each piece is a unit of characters; a sequence of words that is there k times is k units.
        units = characters.transform([fold_diacritics(piece) for piece in normal.split()] or [""])
        blocks = [(units.indices, 1 + np.log(units.data), np.ones_like(units.data)), counted_words(normal)]
        vector = np.zeros(2 * BUCKETS)
        for number, (columns, weights, times) in enumerate(blocks):
            weighed = weights * features.idf[number * BUCKETS + columns]
            length = np.sqrt((weighed**2 / times).sum())
            np.add.at(vector, number * BUCKETS + columns, weighed / (length or 1))
        rows.append(vector)
    return sparse.csr_matrix(rows)


def counted_words(normal: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the columns of a text's words and pairs of words, their weights, and how often they are there, the same.

    Words as scikit-learn's FeatureHasher has them; the column of a pair follows from the hashes of its words.
    """
    columns: Counter[int] = Counter()
    for ngram in CountVectorizer(token_pattern=r"\b\w+\b", ngram_range=(1, 2)).build_analyzer()(normal):
        first, *others = (murmurhash3_32(word, positive=True) for word in ngram.split())
        for other in others:
            first = (first * 2_654_435_761 + other) % 2**32
            first ^= first >> 16
        signed = first - 2**32 if first >= 2**31 else first
        columns[abs(signed) % BUCKETS] += 1
    times = np.array([*columns.values()], dtype=float)
    return np.array([*columns], dtype=int), times, times


@pytest.fixture
def features() -> NgramFeatures:
    return NgramFeatures(BUCKETS).fit([*TEXTS, *TEXTS])


def test_vectors_are_those_of_scikit_learns_analyzers(features: NgramFeatures) -> None:
    assert features.transform(TEXTS).shape == (len(TEXTS), 2 * BUCKETS)
    assert abs(features.transform(TEXTS) - reference(TEXTS, features)).max() < 1e-6


def test_many_texts_at_once_have_the_same_vectors_as_each_alone(features: NgramFeatures) -> None:
    alone = sparse.vstack([features.transform([text]) for text in TEXTS])
    assert abs(features.transform(TEXTS) - alone).max() < 1e-6


def test_the_vectors_are_the_same_to_the_bit_whatever_was_read_before(features: NgramFeatures) -> None:
    first = features.transform(TEXTS)
    other = NgramFeatures(BUCKETS)
    other.idf = features.idf
    other.transform(TEXTS[::-1])
    second = other.transform(TEXTS)
    assert (first.indices == second.indices).all()
    assert (first.data == second.data).all()


def test_scores_are_the_vectors_times_the_weights(features: NgramFeatures) -> None:
    weights = np.random.default_rng(1).normal(size=(2 * BUCKETS + 5, 3)).astype(np.float32)
    expected = reference(TEXTS, features) @ weights[: 2 * BUCKETS]
    scores = NgramScores(features, weights)
    assert scores(TEXTS[:1]) == pytest.approx(expected[:1], abs=1e-5)
    assert scores(TEXTS[:3]) == pytest.approx(expected[:3], abs=1e-5)
    assert scores(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert np.concatenate([scores([text]) for text in TEXTS]) == pytest.approx(expected, abs=1e-5)
    assert scores([]).shape == (0, 3)


@pytest.mark.parametrize("words", [(0, 0), (1, 1), (2, 2), (1, 3)])
def test_one_text_has_the_same_scores_alone_and_among_many(words: tuple[int, int]) -> None:
    features = NgramFeatures(BUCKETS, words=words).fit([*TEXTS, *TEXTS])
    weights = np.random.default_rng(1).normal(size=(len(features.idf), 3)).astype(np.float32)
    scores = NgramScores(features, weights)
    expected = features.transform(TEXTS) @ weights
    assert len(TEXTS) > ngrams._FEW
    assert scores(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert np.concatenate([scores([text]) for text in TEXTS]) == pytest.approx(expected, abs=1e-5)


def test_single_words_are_in_the_columns_of_scikit_learns_hasher(features: NgramFeatures) -> None:
    hashed = FeatureHasher(BUCKETS, input_type="string", alternate_sign=False).transform([["kortet"]])
    assert BUCKETS + hashed.indices[0] in features.transform(["kortet"]).indices


def test_what_was_forgotten_is_read_again(features: NgramFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    before = features.transform(TEXTS)
    weights = np.random.default_rng(1).normal(size=(2 * BUCKETS, 3)).astype(np.float32)
    monkeypatch.setattr(ngrams, "MOST_PIECES", 1)
    monkeypatch.setattr(pieces, "MOST_PIECES", 3)
    forgetful = NgramFeatures(BUCKETS)
    forgetful.idf = features.idf
    scores = NgramScores(forgetful, weights)
    for row, text in enumerate([*TEXTS, *TEXTS]):
        assert (forgetful.transform([text]) != before[row % len(TEXTS)]).nnz == 0
        assert len(forgetful._memory.pieces) <= 1 + len(text.split())
        assert scores([text]) == pytest.approx(before[row % len(TEXTS)] @ weights, abs=1e-5)


def test_numbers_and_long_words_do_not_fill_the_memory(
    features: NgramFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngrams, "MOST_PIECES", 100)
    forgetful = NgramFeatures(BUCKETS)
    forgetful.idf = features.idf
    for number in range(1000):
        forgetful.transform([f"invoice {number}"])
        assert len(forgetful._memory.pieces) <= 2
    for letter in "abcdefghijklmnop":
        forgetful.transform([letter * 2000])
        assert forgetful._memory.characters.ngrams <= ngrams._NGRAMS_EACH * 100 + 8000


@pytest.mark.parametrize("words", [(0, 0), (1, 1), (2, 2), (1, 3)])
def test_words_are_counted_in_sequences_of_each_length(words: tuple[int, int]) -> None:
    features = NgramFeatures(BUCKETS, words=words).fit(["a b c a b c"] * 2)
    expected = {0: 0, 1: 3, 2: 3, 3: 3}  # a, b, c; a b, b c, c a; a b c, b c a, c a b
    lengths = range(words[0], words[1] + 1) if words[1] else []
    row = features.transform(["a b c a b c"])
    assert (row.indices >= BUCKETS).sum() == sum(expected[length] for length in lengths)
