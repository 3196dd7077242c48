"""The intent classifier as a component of Rasa's pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.component import Setting, TrainedComponent
from bot.nlu.metadata import follows_an_answer, intent_metadata, is_command, language_of, typed
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import REGULARISATION
from bot.settings import get_settings

RANKING = "intent_ranking"
_RANKED = 10
"""Number of intents that the ranking of a message lists."""
_ALWAYS_LISTED = "out_of_scope"
"""Listed in any case: how a message stands to what no issue covers tells whether it is one."""

# What is loaded in this process, by resource, its fingerprint and the encoders: a component that asks for the same
# classifier shares it.
_LOADED: WeakValueDictionary[tuple[str, str, Path, Path], IntentModel] = WeakValueDictionary()


class NoClassifierError(InvalidConfigException):
    """A pipeline has no intent classifier of ours."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(TrainedComponent):
    """Puts an `IntentModel` into Rasa's pipeline."""

    model: IntentModel
    """Trained or loaded."""

    SETTINGS: ClassVar = {
        # Inverse strength of regularisation of the model over words; smaller generalises more.
        "C": Setting(REGULARISATION, "above 0"),
        # Hash buckets of each n-gram block; a power of two. Fewer make a smaller model with more collisions.
        "buckets": Setting(2**17, "a power of two"),
        # Factor on the scores of the model over words before they become confidences.
        "words_inverse_temperature": Setting(4.6, "above 0"),
        # How much the sentence encoding counts beside the words, 0-1; 0 leaves it out.
        "meaning_share": Setting(0.75, "between 0 and 1"),
        # Added to what words say, beside the sentence encoding: what they hold for impossible may be said in words
        # that no phrase has.
        "words_floor": Setting(0.02, "between 0 and 1"),
        # Of each intent and language so many examples are encoded, first those in real style: more take longer and
        # bring nothing (docs/understanding.md).
        "encoded": Setting(40, "above 0"),
        # The same of what no issue covers, which is many things: with 40 of it a twentieth less is found.
        "encoded_out_of_scope": Setting(500, "above 0"),
        # Inverse strength of regularisation of the model over sentence encodings.
        "meaning_C": Setting(1.0, "above 0"),
        # Where words alone are so sure, the sentence is not encoded, 0-1; above 1 all are.
        "sure": Setting(0.95, "above 0"),
        # Factor on the logarithms of the averaged confidences: with it they are right as often as they say, on
        # messages that people wrote (docs/understanding.md).
        "inverse_temperature": Setting(1.2, "above 0"),
        # How much the nearest phrases count for a message in a language that hardly any phrase is in, 0-1.
        "foreign": Setting(0.8, "between 0 and 1"),
        # Seed of the training's shuffling.
        "random_seed": Setting(7),
    }

    def learn(self, training_data: TrainingData) -> None:
        """Learns from all examples that have an intent, but for those of what is said only in a conversation.

        Raises:
            InvalidConfigException: there are fewer than two intents to tell apart.
        """
        examples = labelled_texts(each for each in training_data.intent_examples if not follows_an_answer(each))
        if len({example.intent for example in examples}) < 2:
            raise InvalidConfigException("LinearIntentClassifier needs examples of at least two intents; add phrases.")
        self.model = IntentModel(self._config).learn(examples)

    def restore(self, folder: Path) -> None:
        """Reads the model; a component that has read it in this process shares it."""
        # With other encoders it is read again, and refused there if they are not those that it was trained with.
        encoders = (get_settings().encoder, get_settings().encoder_weights)
        key = (self._resource.name, self._resource.output_fingerprint, *encoders)
        known = _LOADED.get(key)
        self.model = _LOADED[key] = known if known is not None else IntentModel.load(folder, self._config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets `intent` and `intent_ranking` of each message with text.

        A button's payload is left to Rasa, which reads it after the pipeline; until then it has no intent, for certain.
        A message without text, Enter alone in Rasa's shell, is not understood.
        """
        asked = typed(messages)
        rankings = self.model.predict([message.get(TEXT) for message in asked], [language_of(each) for each in asked])
        for message, ranking in zip(asked, rankings, strict=True):
            names = [name for place, name in enumerate(ranking) if place < _RANKED or name == _ALWAYS_LISTED]
            listed = [{"name": name, "confidence": ranking[name]} for name in names]
            message.set(INTENT, listed[0], add_to_output=True)
            message.set(RANKING, listed, add_to_output=True)
        for message in messages:
            if is_command(message) or not message.get(TEXT):
                name = None if message.get(TEXT) else DEFAULT_NLU_FALLBACK_INTENT_NAME
                message.set(INTENT, {"name": name, "confidence": 1.0}, add_to_output=True)
        return messages


def labelled_texts(examples: Iterable[Message]) -> list[LabelledText]:
    """Returns training examples that have an intent, without those that have no text."""
    return [
        LabelledText(
            message.get(TEXT),
            message.get(INTENT),
            about.get("language"),
            about.get("style") == "real",  # as customers really write
            about.get("product"),
            about.get("passage"),
            about.get("implies"),
        )
        for message in examples
        if message.get(TEXT)
        for about in [intent_metadata(message)]
    ]


def load_classifier(model_storage: ModelStorage, execution_context: ExecutionContext) -> LinearIntentClassifier:
    """Loads the intent classifier of a trained pipeline; what another component has loaded of it is shared.

    Args:
        model_storage: where the trained components are.
        execution_context: of the component that asks; its graph is that of the pipeline.

    Raises:
        NoClassifierError: the pipeline has none of this kind.
    """
    for node in execution_context.graph_schema.nodes.values():
        kind: type[LinearIntentClassifier] = node.uses
        if issubclass(kind, LinearIntentClassifier) and node.resource is not None:
            settings = {**kind.get_default_config(), **node.config}
            return kind.load(settings, model_storage, node.resource, execution_context)
    problem = "The pipeline has no LinearIntentClassifier; name it in config.yml, before Triage, and train again."
    raise NoClassifierError(problem)
