"""The sentence encoder: what it says of texts, which folder it is read from, and what is wrong with a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.encoder.sentences import SentenceEncoderError, load_sentence_encoder, sentence_encoder_version
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import ModelError
from bot.settings import get_settings

SAME = ("my card was declined", "Meine Karte wurde abgelehnt", "korttini hylättiin")
OTHER = "where do I find my invoices"


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that BOT_ENCODER names, with an encoder that reads three tokens of each text."""
    folder = tmp_path / "encoder"
    shutil.copytree(get_settings().encoder, folder)
    (folder / "about.json").write_text(json.dumps({"longest": 3}), encoding="utf8")
    monkeypatch.setenv("BOT_ENCODER", str(folder))
    get_settings.cache_clear()
    yield folder
    get_settings.cache_clear()


def test_the_same_matter_lies_together_in_three_languages() -> None:
    vectors = load_sentence_encoder().encode([*SAME, OTHER])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[:3, :3].min() > likeness[:3, 3].max() + 0.2


def test_a_text_gets_the_same_vector_alone_and_among_others() -> None:
    encoder = load_sentence_encoder()
    texts = [*SAME, OTHER, "", "?", "a" * 5000]
    assert np.array_equal(encoder.encode(texts), np.concatenate([encoder.encode([text]) for text in texts]))
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_what_is_encoded_together_for_training_is_nearly_the_same() -> None:
    encoder = load_sentence_encoder()
    texts = [*SAME, OTHER, *(f"{text}!" for text in SAME), "?"]
    assert (encoder.encode(texts) * encoder.encode_for_training(texts)).sum(axis=1).min() > 0.95
    assert encoder.encode_for_training([]).shape == (0, encoder.dimension)


def test_a_folder_that_the_settings_name_is_used_as_its_about_file_says(another: Path) -> None:
    encoder = load_sentence_encoder()
    first, second = encoder.encode(["card declined", "card refunded"])
    assert np.array_equal(first, second)  # three tokens are the word `card` between the marks of begin and end


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_folder_without_one_of_its_files_is_refused_with_the_remedy(another: Path, name: str) -> None:
    (another / name).unlink()
    with pytest.raises(SentenceEncoderError, match=f"{name}.*BOT_ENCODER"):
        load_sentence_encoder()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_refused_by_name(another: Path, name: str) -> None:
    (another / name).write_bytes(b"nothing of use")
    with pytest.raises(SentenceEncoderError, match=name):
        load_sentence_encoder()


def test_a_model_of_another_encoder_is_refused(tmp_path: Path) -> None:
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn([LabelledText(SAME[0], "card_declined", "en"), LabelledText(OTHER, "download_invoice", "en")])
    model.save(tmp_path)
    about = json.loads((tmp_path / "intents.json").read_text(encoding="utf8"))
    assert about["BOT_ENCODER"] == sentence_encoder_version()
    (tmp_path / "intents.json").write_text(json.dumps({**about, "BOT_ENCODER": "another"}), encoding="utf8")
    with pytest.raises(ModelError, match="BOT_ENCODER"):
        IntentModel.load(tmp_path, LinearIntentClassifier.get_default_config())
