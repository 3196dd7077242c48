"""The intent classifier as a component of Rasa's pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder.sentences import sentence_encoder_version
from bot.nlu.acts import FOLLOW_UPS
from bot.nlu.models.intent_model import IntentModel, IntentRanking, LabelledText, rankings
from bot.nlu.models.linear import FORMAT, REGULARISATION
from bot.nlu.metadata import answering_passage, example_language, is_command, is_real_style, named_product
from bot.settings import get_settings

# What is loaded in this process, by resource, its fingerprint and the encoders: a component that asks for the same
# classifier shares it.
_LOADED: WeakValueDictionary[tuple[str, str, Path, Path], IntentModel] = WeakValueDictionary()


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent):
    """Puts an `IntentModel` into Rasa's pipeline."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # Inverse strength of regularisation of the model over words; smaller generalises more.
            "C": REGULARISATION,
            # Hash buckets of each n-gram block; a power of two. Fewer make a smaller model with more collisions.
            "buckets": 2**17,
            # Shortest and longest character n-gram.
            "characters": [2, 5],
            # Shortest and longest word n-gram.
            "words": [1, 2],
            # Whether character n-grams are read without diacritics.
            "fold_diacritics": True,
            # Factor on the scores of the model over words before they become confidences.
            "words_sharpness": 4.6,
            # How much the sentence encoding counts beside the words, 0-1; 0 leaves it out.
            "meaning_share": 0.75,
            # Added to what words say, beside the sentence encoding: what they hold for impossible may be said in words
            # that no phrase has.
            "words_floor": 0.02,
            # Of each intent and language so many examples are encoded, first those in real style: more take longer and
            # bring nothing (docs/understanding.md).
            "encoded": 40,
            # The same of what no issue covers, which is many things: with 40 of it a twentieth less is found.
            "encoded_out_of_scope": 500,
            # Inverse strength of regularisation, and factor on the scores, of the model over sentence encodings.
            "meaning_C": 1.0,
            "meaning_sharpness": 1.0,
            # Where words alone are so sure, the sentence is not encoded, 0-1; above 1 all are.
            "sure": 0.95,
            # Factor on the logarithms of the averaged confidences: with it they are right as often as they say, on
            # messages that people wrote (docs/understanding.md).
            "sharpness": 1.2,
            # How much the nearest phrases count for a message in a language that hardly any phrase is in, 0-1.
            "foreign": 0.8,
            # How many intents the ranking of a message lists.
            "ranking_length": 10,
            # What it lists in any case: how a message stands to what no issue covers tells whether it is one.
            "always_listed": ["out_of_scope"],
            # Seed of the training's shuffling.
            "random_seed": 7,
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: IntentModel | None = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @property
    def model(self) -> IntentModel:
        """The trained model."""
        assert self._model is not None, "train or load the classifier first"
        return self._model

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
        for key in ("meaning_share", "words_floor", "foreign"):
            if not 0 <= config[key] <= 1:
                raise InvalidConfigException(f"{name}: `{key}` must be between 0 and 1, it is {config[key]}.")
        positive = ("words_sharpness", "meaning_C", "meaning_sharpness", "sure", "sharpness")
        for key in (*positive, "encoded", "encoded_out_of_scope"):
            if config[key] <= 0:
                raise InvalidConfigException(f"{name}: `{key}` must be above 0, it is {config[key]}.")

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

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another sentence encoder, and another format of what is stored."""
        return f"{FORMAT} {sentence_encoder_version()}"

    def train(self, training_data: TrainingData) -> Resource:
        """Trains on all examples that have an intent, but for those of what is said only in a conversation.

        Raises:
            InvalidConfigException: there are fewer than two intents to tell apart.
        """
        told = labelled_texts(training_data)
        examples = [example for example in told if example.intent not in FOLLOW_UPS and not example.only_in_context]
        if len({example.intent for example in examples}) < 2:
            raise InvalidConfigException("LinearIntentClassifier needs examples of at least two intents; add phrases.")
        self._model = IntentModel(self._config)
        self._model.learn(examples)
        self.persist()
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets `intent` and `intent_ranking` of each message with text.

        A button's payload is left to Rasa, which reads it after the pipeline; until then it has no intent, for certain.
        """
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        if typed and self._model is not None:
            languages = [(message.get("language") or {}).get("name") for message in typed]
            said = self.model.confidences([message.get(TEXT) for message in typed], languages)
            for message, ranking in zip(typed, rankings(self.model.labels, said), strict=True):
                self._annotate(message, ranking)
        for message in messages:
            if is_command(message):
                message.set(INTENT, {"name": None, "confidence": 1.0}, add_to_output=True)
        return messages

    def predict(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> list[IntentRanking]:
        """Ranks the intents of each text.

        Args:
            texts: n texts as customers typed them.
            languages: n languages of the texts, None where unknown.

        Returns:
            n rankings of all intents.
        """
        return self.model.predict(texts, languages)

    def persist(self) -> None:
        """Writes the model into Rasa's model storage."""
        assert self._model is not None
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder)

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
        # With other encoders it is read again, and refused there if they are not those that it was trained with.
        encoders = (get_settings().encoder, get_settings().encoder_weights)
        key = (resource.name, resource.output_fingerprint, *encoders)
        model = _LOADED.get(key)
        if model is None:
            with model_storage.read_from(resource) as folder:
                model = _LOADED[key] = IntentModel.load(folder, config)
        return cls(config, model_storage, resource, model)

    def _annotate(self, message: Message, ranking: IntentRanking) -> None:
        listed = [
            {"name": intent, "confidence": confidence}
            for place, (intent, confidence) in enumerate(zip(ranking.intents, ranking.confidences, strict=True))
            if place < self._config["ranking_length"] or intent in self._config["always_listed"]
        ]
        message.set(INTENT, listed[0], add_to_output=True)
        message.set("intent_ranking", listed, add_to_output=True)


def labelled_texts(training_data: TrainingData) -> list[LabelledText]:
    """Returns the examples that have an intent."""
    return [
        LabelledText(
            message.get(TEXT),
            message.get(INTENT),
            example_language(message),
            is_real_style(message),
            named_product(message),
            answering_passage(message),
        )
        for message in training_data.intent_examples
        if message.get(TEXT)
    ]


def load_classifier(
    schema: GraphSchema, model_storage: ModelStorage, execution_context: ExecutionContext
) -> LinearIntentClassifier | None:
    """Loads the intent classifier of a trained pipeline; what another component has loaded of it is shared.

    Args:
        schema: the graph of the pipeline.
        model_storage: where the trained components are.
        execution_context: of the component that asks.

    Returns:
        The classifier, None if the pipeline has none of this kind.
    """
    for node in schema.nodes.values():
        if issubclass(node.uses, LinearIntentClassifier) and node.resource is not None:
            settings = {**node.uses.get_default_config(), **node.config}
            classifier: LinearIntentClassifier = node.uses.load(
                settings, model_storage, node.resource, execution_context
            )
            return classifier
    return None
