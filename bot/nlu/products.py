"""Rasa component: adds to each typed message how likely it is about the products at all (`about_products`).

Of messages that no issue covers, only those that are about the products are answered from imported articles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder.sentences import Floats
from bot.nlu.component import Setting, TrainedComponent
from bot.nlu.metadata import intent_metadata, typed
from bot.nlu.models.linear import REGULARISATION, TextModel
from bot.nlu.models.ngrams import NgramFeatures

_INTENT = "out_of_scope"
"""The intent whose phrases are told apart."""
_ABOUT, _ELSEWHERE = "about_products", "elsewhere"
_NOTHING_LEARNED = "nothing-learned"
_LONGEST_TEXT = 700
"""Characters of a text that are read, from its beginning."""
_INVERSE_TEMPERATURE = 1.7252
"""Factor on the scores before they become confidences; fitted once on a fifth of the phrases held out."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ProductScope(TrainedComponent):
    """Adds `about_products` ({likely, confidence}) to each message: a mail that does not arrive, not the weather.

    A linear model over n-grams, learned from the phrases of one intent, of which the training data says which are about
    the products (`about_products: true`). What an issue covers is not its business.
    """

    model: TextModel | None = None
    """None where the phrases are all of one kind."""

    SETTINGS: ClassVar = {
        # From which confidence on a message is taken to be about the products.
        "threshold": Setting(0.7, "above 0 and at most 1"),
    }

    def learn(self, training_data: TrainingData) -> None:
        """Learns from the phrases of the intent; where they are all of one kind, nothing is ever likely."""
        phrases = [each for each in training_data.intent_examples if each.get(INTENT) == _INTENT and each.get(TEXT)]
        labels = [_ABOUT if intent_metadata(message).get("about_products") else _ELSEWHERE for message in phrases]
        if len(set(labels)) > 1:
            texts = [str(each.get(TEXT)) for each in phrases]
            # As many buckets as the classifier's, so that n-grams are counted once for both.
            self.model = TextModel.learn(NgramFeatures(), texts, labels, REGULARISATION, 7, _INVERSE_TEMPERATURE)

    def save(self, folder: Path) -> None:
        """Writes the model into a folder."""
        if self.model is None:
            (folder / _NOTHING_LEARNED).touch()  # Rasa's cache keeps no empty folder
        else:
            self.model.save(folder)

    def restore(self, folder: Path) -> None:
        """Reads the model."""
        if not (folder / _NOTHING_LEARNED).exists():
            self.model = TextModel.load(folder, NgramFeatures())

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds `about_products` to each message with typed text."""
        asked = typed(messages)
        confidences = self.confidences([str(message.get(TEXT)) for message in asked])
        for message, confidence in zip(asked, confidences.tolist(), strict=True):
            found = {"likely": confidence >= self._config["threshold"], "confidence": round(confidence, 3)}
            message.set("about_products", found, add_to_output=True)
        return messages

    def confidences(self, texts: Sequence[str]) -> Floats:
        """Returns how certain it is of each of n texts that it is about the products, 0-1; numbers alone never are."""
        if self.model is None or not texts:
            return np.zeros(len(texts), np.float32)
        has_letters = np.array([any(char.isalpha() for char in text) for text in texts])
        about = self.model.confidences([text[:_LONGEST_TEXT] for text in texts])[:, self.model.labels.index(_ABOUT)]
        return np.asarray(about * has_letters, dtype=np.float32)
