"""The Rasa component that recognises the language of each message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.language import normalise
from bot.articles.replies import Replies
from bot.nlu.component import TrainedComponent
from bot.nlu.metadata import follows_an_answer, intent_metadata, is_command, page_locales, set_entities
from bot.nlu.models.language_model import LanguageModel
from bot.nlu.models.linear import FORMAT

LANGUAGE = "language"
FALLBACK_LANGUAGE = "fallback_language"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class LanguageIdentifier(TrainedComponent):
    """Recognises the language of each message and hands it on as the entity `language`, which fills the slot.

    Where the bot has no replies in it, the entity `fallback_language` says which language it answers in: the first of
    the page's (`metadata.language`, `metadata.fallback_language`) that has replies, else the settings' default.

    The page's locale (`metadata.language` of the message) and the conversation so far (slot `language`) are its prior.
    """

    MUST_BE: ClassVar = {
        "at least 0 and below 1": ("page_prior", "conversation_prior"),
        "at least 1": ("full_evidence_letters",),
    }

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # ISO 639-1 codes of the languages to tell apart; [] takes those that the training texts declare.
            "languages": [],
            # Weight of lingua's log probability beside the character model's; measured in benchmarks/language.
            "lingua_weight": 0.5,
            # Prior probability of the page's locale, and of the conversation's language so far.
            "page_prior": 0.85,
            "conversation_prior": 0.95,
            # Texts with fewer letters count for less, in proportion; with this many they count fully.
            "full_evidence_letters": 18,
            # Characters of a text that are read, from its beginning: more of them say nothing new.
            "longest_text": 700,
            # The same of a phrase in training: with more, training takes three times as long and less is right. Of
            # article trees there are few texts; they are read whole.
            "longest_example": 60,
            # Texts with this many letters or fewer never change the language of a conversation.
            "ignored_letters": 3,
            # Inverse strength of regularisation of the character model.
            "C": 1.0,
            # Inverse temperature of the character model; fitted once on a fifth of the phrases held out.
            "sharpness": 3.3,
            # Hash buckets and lengths of the character n-grams.
            "buckets": 2**16,
            "characters": [1, 5],
            # The language where nothing at all is known.
            "default_language": "en",
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self.model = LanguageModel(config)
        self._replies = Replies()

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another format of what is stored."""
        return FORMAT

    def train(self, training_data: TrainingData) -> Resource:
        """Learns the character model from the examples that declare their language, but for what follows an answer.

        Those are a third of all phrases and mostly short: with them, everyday Norwegian is taken for Danish.

        Raises:
            InvalidConfigException: a configured language has no example, or fewer than two languages have any.
        """
        wanted = set(self._config["languages"])
        examples = [
            (message.get(TEXT)[: self._config["longest_example"] if message.get(INTENT) else None], language)
            for message in training_data.training_examples
            if message.get(TEXT)
            and (language := intent_metadata(message).get("language"))
            and (not wanted or language in wanted)
            and not follows_an_answer(message)
        ]
        found = {language for _, language in examples}
        if len(found) < 2 or wanted - found:
            missing = ", ".join(sorted(wanted - found)) or "a second one"
            raise InvalidConfigException(
                f"LanguageIdentifier: no examples declare the language(s) {missing}; "
                "add `metadata: {language: ..}` to the phrases or correct `languages` in config.yml."
            )
        self.model.learn([text for text, _ in examples], [language for _, language in examples])
        return self.persist()

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Adds the entity `language` to each message that has typed text."""
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        if typed:
            # What the customer has chosen on the page counts before what was recognised so far.
            chosen = (typed[0].get("metadata") or {}).get("conversation_language")
            conversation = chosen or (tracker.get_slot(LANGUAGE) if tracker is not None else None)
            pages = [self._page_language(message) for message in typed]
            found = self.model.predict([message.get(TEXT) for message in typed], pages, conversation)
            for message, probabilities in zip(typed, found, strict=True):
                self._annotate(message, *next(iter(probabilities.items())))
        return messages

    def save(self, folder: Path) -> None:
        """Writes the model into a folder."""
        self.model.save(folder)

    def restore(self, folder: Path) -> None:
        """Reads the model."""
        self.model.load(folder)

    def _page_language(self, message: Message) -> str | None:
        """Returns the first of the page's languages that can be told apart, None if there is none."""
        codes = map(normalise, page_locales(message))
        return next((code for code in codes if code in self.model.languages), None)

    def _annotate(self, message: Message, language: str, confidence: float) -> None:
        values = {LANGUAGE: language}
        answered = self._replies.answer_language(language, *page_locales(message))
        if answered != language:
            values[FALLBACK_LANGUAGE] = answered
        set_entities(message, values, confidence, type(self).__name__)
        message.set(LANGUAGE, {"name": language, "confidence": confidence}, add_to_output=True)
