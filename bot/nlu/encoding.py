"""A dense featurizer: puts the encoding of the shipped multilingual sentence encoder beside other features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import load_encoder


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class SentenceEncodingFeaturizer(GraphComponent):
    """Adds the sentence encoding as a dense sentence feature, for any classifier that reads Rasa's features.

    The weights are not in the model (`BOT_ENCODER_WEIGHTS` names them); it knows which ones it was trained for.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # Name under which other components may select these features.
            "alias": "SentenceEncodingFeaturizer",
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncodingFeaturizer:
        """Creates the featurizer; the weights are loaded with the first message."""
        return cls(config, model_storage, resource)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice other weights."""
        return load_encoder().version

    def train(self, training_data: TrainingData) -> Resource:
        """Notes for which weights the model is trained."""
        with self._model_storage.write_to(self._resource) as folder:
            (folder / "encoder.json").write_text(json.dumps({"version": load_encoder().version}), encoding="utf8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceEncodingFeaturizer:
        """Loads the featurizer of a trained model.

        Raises:
            RasaException: the model was trained for other weights, whose encodings mean something else.
        """
        with model_storage.read_from(resource) as folder:
            trained = json.loads((folder / "encoder.json").read_text(encoding="utf8"))["version"]
        if trained != load_encoder().version:
            raise RasaException(
                f"The model was trained for the sentence encoder {trained}, but BOT_ENCODER_WEIGHTS names the encoder "
                f"{load_encoder().version}; name the file that the model was trained with, or train again."
            )
        return cls(config, model_storage, resource)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Adds the features to every example of an intent."""
        self.process(training_data.nlu_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the features to every message with text."""
        typed = [message for message in messages if message.get(TEXT)]
        if typed:
            encodings = load_encoder().encode([message.get(TEXT) for message in typed])
            for message, encoding in zip(typed, encodings, strict=True):
                message.add_features(Features(encoding[None], FEATURE_TYPE_SENTENCE, TEXT, self._config["alias"]))
        return messages


def encodings_of(messages: Sequence[Message]) -> NDArray[np.float32] | None:
    """Returns what the featurizer has computed for the messages, (n, dimension); None where one has no encoding."""
    name = SentenceEncodingFeaturizer.__name__
    # As Message.get_dense_features, which builds lists of all features and joins them anew for each message.
    found = [
        one.features for message in messages for one in message.features if one.origin == name and one.attribute == TEXT
    ]
    if not found or len(found) != len(messages):
        return None
    return np.asarray(np.concatenate(found), dtype=np.float32)
