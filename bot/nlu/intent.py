"""The intent classifier as a component of Rasa's pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder.sentences import sentence_encoder_version
from bot.nlu.component import TrainedComponent
from bot.nlu.metadata import follows_an_answer, intent_metadata, is_command, language_of
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import FORMAT, REGULARISATION
from bot.settings import get_settings

# What is loaded in this process, by resource, its fingerprint and the encoders: a component that asks for the same
# classifier shares it.
_LOADED: WeakValueDictionary[tuple[str, str, Path, Path], IntentModel] = WeakValueDictionary()


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(TrainedComponent):
    """Puts an `IntentModel` into Rasa's pipeline."""

    MUST_BE: ClassVar = {
        "above 0": (
            *("C", "words_sharpness", "meaning_C", "meaning_sharpness", "sure", "sharpness"),
            *("encoded", "encoded_out_of_scope"),
        ),
        "a power of two": ("buckets",),
        "between 0 and 1": ("meaning_share", "words_floor", "foreign"),
    }

    model: IntentModel
    """Trained or loaded."""

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

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another sentence encoder, and another format of what is stored."""
        return f"{FORMAT} {sentence_encoder_version()}"

    def train(self, training_data: TrainingData) -> Resource:
        """Trains on all examples that have an intent, but for those of what is said only in a conversation.

        Raises:
            InvalidConfigException: there are fewer than two intents to tell apart.
        """
        examples = labelled_texts(each for each in training_data.intent_examples if not follows_an_answer(each))
        if len({example.intent for example in examples}) < 2:
            raise InvalidConfigException("LinearIntentClassifier needs examples of at least two intents; add phrases.")
        self.model = IntentModel(self._config)
        self.model.learn(examples)
        return self.persist()

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets `intent` and `intent_ranking` of each message with text.

        A button's payload is left to Rasa, which reads it after the pipeline; until then it has no intent, for certain.
        """
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        if typed:
            texts, languages = [message.get(TEXT) for message in typed], [language_of(message) for message in typed]
            for message, ranking in zip(typed, self.model.predict(texts, languages), strict=True):
                self._annotate(message, ranking)
        for message in messages:
            if is_command(message):
                message.set(INTENT, {"name": None, "confidence": 1.0}, add_to_output=True)
        return messages

    def save(self, folder: Path) -> None:
        """Writes the model into a folder."""
        self.model.save(folder)

    def restore(self, folder: Path) -> None:
        """Reads the model; a component that has read it in this process shares it."""
        # With other encoders it is read again, and refused there if they are not those that it was trained with.
        encoders = (get_settings().encoder, get_settings().encoder_weights)
        key = (self._resource.name, self._resource.output_fingerprint, *encoders)
        known = _LOADED.get(key)
        self.model = _LOADED[key] = known if known is not None else IntentModel.load(folder, self._config)

    def _annotate(self, message: Message, ranking: dict[str, float]) -> None:
        first = [*ranking][: self._config["ranking_length"]]
        listed = [
            {"name": intent, "confidence": confidence}
            for intent, confidence in ranking.items()
            if intent in first or intent in self._config["always_listed"]
        ]
        message.set(INTENT, listed[0], add_to_output=True)
        message.set("intent_ranking", listed, add_to_output=True)


def labelled_texts(examples: Iterable[Message]) -> list[LabelledText]:
    """Returns training examples that have an intent, without those that have no text."""
    texts = []
    for message in examples:
        if message.get(TEXT):
            about = intent_metadata(message)
            texts.append(
                LabelledText(
                    message.get(TEXT),
                    message.get(INTENT),
                    about.get("language"),
                    about.get("style") == "real",  # as customers really write
                    about.get("product"),
                    about.get("passage"),
                )
            )
    return texts


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
