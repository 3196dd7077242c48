"""The n-grams of texts: scikit-learn's vectorizers behind our normalising, with columns that can be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from bot.nlu.models.ngrams import NgramFeatures, normalise
from bot.text.characters import fold_diacritics

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
BUCKETS = 2**20  # so many that hardly any two n-grams share one


def fitted(texts: list[str], words: tuple[int, int] = (1, 2)) -> NgramFeatures:
    learned = NgramFeatures(BUCKETS, words=words)
    learned.fit_transform(texts)
    return learned


@pytest.fixture(scope="module")
def features() -> NgramFeatures:
    return fitted([*TEXTS, *TEXTS])


def test_likenesses_are_those_of_scikit_learns_tf_idf(features: NgramFeatures) -> None:
    normal = [normalise(text) for text in TEXTS]
    characters = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), preprocessor=fold_diacritics)
    words = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\b\w+\b")
    expected = np.zeros((len(TEXTS), len(TEXTS)))
    for counter in (characters, words):
        weights = TfidfTransformer(sublinear_tf=True).fit(counter.fit_transform([*normal, *normal]))
        rows = weights.transform(counter.transform(normal))
        expected += (rows @ rows.T).toarray()
    found = features.transform(TEXTS)
    assert (found @ found.T).toarray() == pytest.approx(expected, abs=2e-3)


def test_many_texts_at_once_have_the_same_vectors_as_each_alone(features: NgramFeatures) -> None:
    alone = sparse.vstack([features.transform([text]) for text in TEXTS])
    assert abs(features.transform(TEXTS) - alone).max() < 1e-6
    assert features.transform([]).shape == (0, 2 * BUCKETS)


def test_an_ngram_of_one_example_alone_counts_for_nothing() -> None:
    learned = fitted(["card declined", "card refused"])
    words = learned.transform(["card", "declined"])[:, BUCKETS:]
    assert words.sum(axis=1).ravel().tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("words", [(1, 1), (2, 2), (1, 3)])
def test_words_are_counted_in_sequences_of_each_length(words: tuple[int, int]) -> None:
    learned = fitted(["a b c a b c"] * 2, words)
    expected = {1: 3, 2: 3, 3: 3}  # a, b, c; a b, b c, c a; a b c, b c a, c a b
    lengths = range(words[0], words[1] + 1)
    row = learned.transform(["a b c a b c"])
    assert (row.indices >= BUCKETS).sum() == sum(expected[length] for length in lengths)


def test_characters_match_without_diacritics_and_words_do_not() -> None:
    learned = fitted(["för", "for"] * 2)
    with_marks, without = learned.transform(["för", "for"]).toarray()
    assert (with_marks[:BUCKETS] == without[:BUCKETS]).all()
    assert with_marks[BUCKETS:] @ without[BUCKETS:] == 0


def test_every_number_is_the_same(features: NgramFeatures) -> None:
    assert abs(features.transform(["faktura 17"]) - features.transform(["faktura 4711"])).max() == 0


@pytest.mark.parametrize(
    "character", ["x", "\ufdfa", "\ub6b3"]
)  # one letter; eighteen as NFKC has it; three without marks
def test_a_long_text_is_read_in_part(character: str, features: NgramFeatures) -> None:
    assert features.transform([character * 2000]).nnz < 20_000
    assert len(normalise(character * 2000)) <= 4000
