"""Tells whether what no issue covers is about the products at all: then an imported article may answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.models.linear import FORMAT, REGULARISATION, TextModel, train_linear_model
from bot.nlu.metadata import is_about_products, is_command
from bot.nlu.models.ngrams import NgramFeatures

_ABOUT, _ELSEWHERE = "about_products", "elsewhere"
_NOTHING_LEARNED = "nothing-learned"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ProductScope(GraphComponent):
    """Adds `about_products` ({likely, confidence}) to each message: a mail that does not arrive, not the weather.

    A linear model over n-grams, learned from the phrases of one intent, of which the training data says which are about
    the products (`about_products: true`). What an issue covers is not its business.
    """

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
            # Hash buckets of each n-gram block; a power of two.
            "buckets": 2**15,
            # Seed of the training's shuffling.
            "random_seed": 7,
        }

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, model: TextModel | None = None
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._ngrams = NgramFeatures(config["buckets"])
        self._model = model

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names the key and what it must be.
        """
        if not 0 < config["threshold"] <= 1:
            raise InvalidConfigException(f"{cls.__name__}: `threshold` must be above 0 and at most 1.")
        if config["buckets"] < 2 or config["buckets"] & (config["buckets"] - 1):
            raise InvalidConfigException(
                f"{cls.__name__}: `buckets` must be a power of two, it is {config['buckets']}."
            )

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ProductScope:
        """Creates an untrained component."""
        cls.validate_config(config)
        return cls(config, model_storage, resource)

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
        labels = [_ABOUT if is_about_products(message) else _ELSEWHERE for message in phrases]
        if len(set(labels)) > 1:
            texts = [str(message.get(TEXT)) for message in phrases]
            features = self._ngrams.fit_transform(texts)
            linear = train_linear_model(features, labels, REGULARISATION, self._config["random_seed"])
            self._model = TextModel(self._ngrams, linear)
        with self._model_storage.write_to(self._resource) as folder:
            if self._model is None:
                (folder / _NOTHING_LEARNED).touch()
            else:
                self._model.save(folder)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ProductScope:
        """Loads the component of a trained model."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            if not (folder / _NOTHING_LEARNED).exists():
                component._model = TextModel.load(folder, component._ngrams)
        return component

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
