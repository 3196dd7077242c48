"""Near phrases answer in languages that have no phrases."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.encoder import load_encoder
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models import neighbours
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.neighbours import Neighbours

ENGLISH = {
    "card_declined": ["my credit card was declined", "the card payment failed", "why is my bank card rejected"],
    "download_invoice": ["where can I download my invoice", "send me the invoice as pdf", "I need a copy of the bill"],
    "change_plan": ["I want to upgrade my plan", "switch to a cheaper plan", "change the support plan"],
}
GERMAN = {
    "card_declined": "Meine Kreditkarte wurde abgelehnt",
    "download_invoice": "Wo kann ich die Rechnung als PDF herunterladen?",
    "change_plan": "Ich möchte zu einem anderen Plan wechseln",
}


def test_shares_add_up_and_the_nearest_has_the_largest() -> None:
    learned = Neighbours.learn(np.eye(3, dtype=np.float32), np.array([0, 1, 1]), labels=2)
    shares = learned.confidences(np.array([[1, 0, 0], [0, 0.6, 0.8]], dtype=np.float32))
    assert shares.sum(axis=1) == pytest.approx([1, 1])
    assert shares.argmax(axis=1).tolist() == [0, 1]


def test_shares_are_the_same_however_many_messages_are_compared_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dice = np.random.default_rng(5)
    encodings = dice.normal(size=(40, 6)).astype(np.float32)
    encodings /= np.linalg.norm(encodings, axis=1, keepdims=True)
    known = Neighbours.learn(encodings[:30], np.repeat([0, 1, 2, 4, 5], [1, 9, 2, 11, 7]), labels=7)
    expected = known.confidences(encodings)
    for at_once in (3, 7, 1):
        monkeypatch.setattr(neighbours, "AT_ONCE", at_once)
        assert known.confidences(encodings) == pytest.approx(expected, abs=1e-6)
    weights = np.exp(neighbours.INVERSE_TEMPERATURE * (encodings @ known._unpacked))
    ends = [0, 1, 10, 12, 12, 23, 30, 30]
    sums = np.array([weights[:, start:end].sum(axis=1) for start, end in pairwise(ends)]).T
    assert expected == pytest.approx(sums / sums.sum(axis=1, keepdims=True), abs=1e-5)


def test_a_message_without_any_known_feature_gets_equal_shares() -> None:
    learned = Neighbours.learn(np.eye(3, dtype=np.float32), np.array([0, 1, 1]), labels=2)
    assert learned.confidences(np.zeros((1, 3), dtype=np.float32)).tolist() == [[0.5, 0.5]]


def test_an_intent_without_any_phrase_has_no_share() -> None:
    learned = Neighbours.learn(np.eye(3, dtype=np.float32), np.array([3, 1, 1]), labels=5)
    shares = learned.confidences(np.eye(3, dtype=np.float32))
    assert shares.argmax(axis=1).tolist() == [3, 1, 1]
    assert not shares[:, [0, 2, 4]].any()


def test_it_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    encodings = load_encoder().encode(list(GERMAN.values()))
    learned = Neighbours.learn(encodings, np.arange(3), labels=3)
    learned.save(tmp_path / "neighbours.npz")
    assert np.array_equal(
        Neighbours.load(tmp_path / "neighbours.npz").confidences(encodings), learned.confidences(encodings)
    )


def test_a_language_with_hardly_any_phrase_is_understood_by_the_phrases_of_another(tmp_path: Path) -> None:
    settings = LinearIntentClassifier.get_default_config()
    model = IntentModel(settings)
    examples = [LabelledText(text, intent, "en") for intent, texts in ENGLISH.items() for text in texts * 3]
    model.learn([*examples, LabelledText("Zahlung", next(iter(ENGLISH)), "de")])
    folder = tmp_path / "model"
    folder.mkdir()
    model.save(folder)
    asked, languages = list(GERMAN.values()), ["de"] * len(GERMAN)
    rankings = IntentModel.load(folder, settings).predict(asked, languages=languages)
    assert [next(iter(ranking)) for ranking in rankings] == list(GERMAN)
    for ranking, before in zip(rankings, model.predict(asked, languages=languages), strict=True):
        assert ranking == pytest.approx(before, abs=1e-3)  # weights are stored as halves
    assert rankings != model.predict(asked)
