"""Tells whether what no issue covers is about the products at all: then an imported article may answer it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.component import TrainedComponent
from bot.nlu.metadata import intent_metadata, is_command
from bot.nlu.models.linear import FORMAT, REGULARISATION, TextModel, train_linear_model
from bot.nlu.models.ngrams import NgramFeatures

_ABOUT, _ELSEWHERE = "about_products", "elsewhere"
_NOTHING_LEARNED = "nothing-learned"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ProductScope(TrainedComponent):
    """Adds `about_products` ({likely, confidence}) to each message: a mail that does not arrive, not the weather.

    A linear model over n-grams, learned from the phrases of one intent, of which the training data says which are about
    the products (`about_products: true`). What an issue covers is not its business.
    """

    MUST_BE: ClassVar = {"above 0 and at most 1": ("threshold",), "a power of two": ("buckets",)}

    _model: TextModel | None = None
    """None where the phrases are all of one kind."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # The intent whose phrases are told apart.
            "intent": "out_of_scope",
            # From which confidence on a message is taken to be about the products.
            "threshold": 0.7,
            # Characters of a text that are read, from its beginning.
            "longest_text": 700,
            # Hash buckets of each n-gram block; a power of two, as many as the classifier's, so that both count once.
            "buckets": 2**17,
            # Factor on the scores before they become confidences; fitted once on a fifth of the phrases held out.
            "sharpness": 1.7252,
            # Seed of the training's shuffling.
            "random_seed": 7,
        }

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another format of what is stored."""
        return FORMAT

    def train(self, training_data: TrainingData) -> Resource:
        """Trains on the phrases of the intent; where they are all of one kind, nothing is ever likely."""
        phrases = [
            message
            for message in training_data.intent_examples
            if message.get("intent") == self._config["intent"] and message.get(TEXT)
        ]
        labels = [_ABOUT if intent_metadata(message).get("about_products") else _ELSEWHERE for message in phrases]
        if len(set(labels)) > 1:
            ngrams, config = NgramFeatures(self._config["buckets"]), self._config
            features = ngrams.fit_transform([str(message.get(TEXT)) for message in phrases])
            linear = train_linear_model(features, labels, REGULARISATION, config["random_seed"], config["sharpness"])
            self._model = TextModel(ngrams, linear)
        return self.persist()

    def save(self, folder: Path) -> None:
        """Writes the model into a folder."""
        if self._model is None:
            (folder / _NOTHING_LEARNED).touch()
        else:
            self._model.save(folder)

    def restore(self, folder: Path) -> None:
        """Reads the model."""
        if not (folder / _NOTHING_LEARNED).exists():
            self._model = TextModel.load(folder, NgramFeatures(self._config["buckets"]))

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds `about_products` to each message with typed text."""
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        confidences = self.confidences([str(message.get(TEXT)) for message in typed])
        for message, confidence in zip(typed, confidences.tolist(), strict=True):
            found = {"likely": confidence >= self._config["threshold"], "confidence": round(confidence, 3)}
            message.set("about_products", found, add_to_output=True)
        return messages

    def confidences(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns how certain it is of each of n texts that it is about the products, 0-1; numbers alone never are."""
        if self._model is None or not texts:
            return np.zeros(len(texts), np.float32)
        has_letters = np.array([any(char.isalpha() for char in text) for text in texts])
        read = [text[: self._config["longest_text"]] for text in texts]
        about = self._model.confidences(read)[:, self._model.labels.index(_ABOUT)]
        return np.asarray(about * has_letters, dtype=np.float32)
