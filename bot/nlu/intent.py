"""The intent classifier: a linear model over n-grams and the sentence encoding, with calibrated confidences."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy import sparse

from bot.encoder import load_encoder
from bot.nlu import action_results
from bot.nlu.encoding import SentenceEncodingFeaturizer
from bot.nlu.linear import REGULARISATION, Calibration, LinearModel, train_linear_model
from bot.nlu.metadata import is_command
from bot.nlu.ngrams import NgramFeatures

logger = logging.getLogger(__name__)

# Loading the pipeline is the one moment that every way of starting Rasa has in common.
action_results.install()


@dataclass(frozen=True)
class IntentRanking:
    """The intents of one text, most probable first; the confidences of all intents add up to 1."""

    intents: tuple[str, ...]
    confidences: tuple[float, ...]

    @property
    def intent(self) -> str:
        """The most probable intent."""
        return self.intents[0]

    @property
    def confidence(self) -> float:
        """The confidence of the most probable intent, 0-1."""
        return self.confidences[0]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent):
    """A linear support vector machine over hashed n-grams and the multilingual sentence encoding.

    Its scores become confidences by a temperature fitted on held-out predictions (Guo et al. 2017, "On Calibration of
    Modern Neural Networks") and a prior for what is out of scope. `predict` takes a list of texts; `process`, batches
    and the nightly run all go through it.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # Inverse strength of regularisation; smaller generalises more.
            "C": REGULARISATION,
            # Hash buckets of each n-gram block; a power of two. Fewer make a smaller model with more collisions.
            "buckets": 2**17,
            # Shortest and longest character n-gram.
            "characters": [2, 5],
            # Shortest and longest word n-gram.
            "words": [1, 2],
            # Whether character n-grams are read without diacritics.
            "fold_diacritics": True,
            # Length of the sentence encoding beside the unit-length n-gram blocks; 0 leaves the encoder out.
            "encoder_weight": 1.0,
            # Share of the examples on which a second model is asked, to calibrate confidences and refusals.
            "calibration_share": 0.2,
            # The intent of messages that are not the bot's business, and how many of the others (share of the
            # calibration examples) may be taken for it. So many are, so that the bot refuses as much as it can
            # afford: real traffic has more of it than the training data. Measured in docs/understanding.md.
            "refusal_intent": "out_of_scope",
            "most_false_refusals": 0.045,
            # How many intents the ranking of a message lists.
            "ranking_length": 10,
            # Seed of the training's shuffling.
            "random_seed": 7,
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: LinearModel | None = None,
        ngrams: NgramFeatures | None = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model
        self._ngrams = ngrams or NgramFeatures(
            config["buckets"], tuple(config["characters"]), tuple(config["words"]), config["fold_diacritics"]
        )

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names the key and what it must be.
        """
        name = cls.__name__
        if config["C"] <= 0:
            raise InvalidConfigException(f"{name}: `C` must be above 0, it is {config['C']}.")
        if config["buckets"] < 2 or config["buckets"] & (config["buckets"] - 1):
            raise InvalidConfigException(f"{name}: `buckets` must be a power of two, it is {config['buckets']}.")
        for key in ("calibration_share", "most_false_refusals"):
            if not 0 < config[key] < 1:
                raise InvalidConfigException(f"{name}: `{key}` must be between 0 and 1, it is {config[key]}.")
        if config["encoder_weight"] < 0:
            raise InvalidConfigException(f"{name}: `encoder_weight` must not be negative.")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        """Creates an untrained classifier."""
        cls.validate_config(config)
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Trains on all examples that have an intent.

        Raises:
            InvalidConfigException: there are fewer than two intents to tell apart.
        """
        messages = [message for message in training_data.intent_examples if message.get(TEXT)]
        texts = [message.get(TEXT) for message in messages]
        intents = [message.get(INTENT) for message in messages]
        if len(set(intents)) < 2:
            raise InvalidConfigException("LinearIntentClassifier needs examples of at least two intents; add phrases.")
        self._ngrams.fit(texts)
        model, calibration = train_linear_model(
            self._features(texts, _encodings(messages)),
            intents,
            regularisation=self._config["C"],
            seed=self._config["random_seed"],
            share=self._config["calibration_share"],
        )
        self._model = with_refusals(
            model, calibration, self._config["refusal_intent"], self._config["most_false_refusals"]
        )
        self.persist()
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets `intent` and `intent_ranking` of each message with text.

        A button's payload is left to Rasa, which reads it after the pipeline; until then it has no intent, for certain.
        """
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        if typed and self._model is not None:
            rankings = self.predict([message.get(TEXT) for message in typed], _encodings(typed))
            for message, ranking in zip(typed, rankings, strict=True):
                self._annotate(message, ranking)
        for message in messages:
            if is_command(message):
                message.set(INTENT, {"name": None, "confidence": 1.0}, add_to_output=True)
        return messages

    def predict(self, texts: Sequence[str], encodings: NDArray[np.float32] | None = None) -> list[IntentRanking]:
        """Ranks the intents of each text.

        Args:
            texts: n texts as customers typed them.
            encodings: (n, dimension) sentence encodings, if they are there already; computed where they are not.

        Returns:
            n rankings of all intents.
        """
        assert self._model is not None, "train or load the classifier first"
        confidences = self._model.confidences(self._features(texts, encodings))
        order = np.argsort(-confidences, axis=1, kind="stable")
        names = self._model.labels
        return [
            IntentRanking(
                tuple(names[column] for column in row),
                tuple(float(confidence) for confidence in confidences[index, row]),
            )
            for index, row in enumerate(order)
        ]

    def persist(self) -> None:
        """Writes the model into Rasa's model storage."""
        assert self._model is not None
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder / "model.npz")
            np.save(folder / "idf.npy", self._ngrams.idf)
            (folder / "labels.json").write_text(json.dumps(self._model.labels), encoding="utf8")

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        """Loads a trained classifier."""
        with model_storage.read_from(resource) as folder:
            labels = json.loads((folder / "labels.json").read_text(encoding="utf8"))
            component = cls(config, model_storage, resource, LinearModel.load(folder / "model.npz", labels))
            component._ngrams.idf = np.load(folder / "idf.npy")
        return component

    def _features(self, texts: Sequence[str], encodings: NDArray[np.float32] | None) -> sparse.csr_matrix:
        ngrams = self._ngrams.transform(texts)
        weight = self._config["encoder_weight"]
        if not weight:
            return ngrams
        if encodings is None:
            encodings = load_encoder().encode(texts)
        return sparse.hstack([ngrams, sparse.csr_matrix(encodings * np.float32(weight))], format="csr")

    def _annotate(self, message: Message, ranking: IntentRanking) -> None:
        listed = [
            {"name": intent, "confidence": confidence}
            for intent, confidence in zip(ranking.intents, ranking.confidences, strict=True)
        ][: self._config["ranking_length"]]
        message.set(INTENT, listed[0], add_to_output=True)
        message.set("intent_ranking", listed, add_to_output=True)


def with_refusals(model: LinearModel, calibration: Calibration, intent: str, most: float) -> LinearModel:
    """Returns the model with a prior for the refusal intent: as high as the false refusals allow.

    Args:
        model: the trained model.
        calibration: what was said to held-out examples.
        intent: the refusal intent; a model without it is returned as it is.
        most: share of the other intents' held-out examples that may be refused at the most, 0-1.
    """
    if intent not in model.labels:
        return model
    column = model.labels.index(intent)
    scores = calibration.scores[calibration.targets != column] * model.sharpness
    # By how much each of the others is ahead of the refusal intent; negative where it is refused anyway.
    margins = np.delete(scores, column, axis=1).max(axis=1) - scores[:, column]
    prior = model.prior.copy()
    prior[column] = max(0.0, float(np.quantile(margins, most)))
    return replace(model, prior=prior)


def _encodings(messages: Sequence[Message]) -> NDArray[np.float32] | None:
    """Returns what the featurizer before this component has computed for all of the messages, or None."""
    found = [message.get_dense_features(TEXT, [SentenceEncodingFeaturizer.__name__])[1] for message in messages]
    if any(features is None for features in found):
        return None
    return np.asarray(np.concatenate([features.features for features in found]), dtype=np.float32)
