"""Language identification: a character model learned from the phrases, lingua, and what page and conversation say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
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
from bot.nlu.models.linear import FORMAT, TextModel, softmax, train_linear_model
from bot.nlu.metadata import example_language, is_command, page_locales, set_entities
from bot.nlu.models.ngrams import NgramFeatures

if TYPE_CHECKING:
    from lingua import LanguageDetector

LANGUAGE = "language"
FALLBACK_LANGUAGE = "fallback_language"

FLOOR = 0.02
"""Added to lingua's probabilities: its "impossible", often wrong for short texts, must not overrule everything."""

# E-mail and web addresses are in no language; a typed address must not change that of the conversation.
_ADDRESS = re.compile(r"(?<!\S)\S+@\S+|https?://\S+")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class LanguageIdentifier(GraphComponent):
    """Recognises the language of each message and hands it on as the entity `language`, which fills the slot.

    Where the bot has no replies in it, the entity `fallback_language` says which language it answers in: the first of
    the page's (`metadata.language`, `metadata.fallback_language`) that has replies, else the settings' default.

    The evidence of the text is the sum of two log probabilities: of a linear model over character n-grams, learned
    from the phrases in the training data and the texts of article trees, and of lingua in its low-accuracy mode (20 MB
    instead of 300). The fewer letters a text has, the less its evidence counts beside the prior: the page's locale
    (`metadata.language` of the message) and the conversation so far (slot `language`).
    """

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

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model: TextModel | None = None
        self._ngrams = NgramFeatures(config["buckets"], tuple(config["characters"]), words=(1, 1), fold=False)
        self._lingua: LanguageDetector | None = None
        self._replies = Replies()

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names the key and what it must be.
        """
        for key in ("page_prior", "conversation_prior"):
            if not 0 <= config[key] < 1:
                raise InvalidConfigException(f"{cls.__name__}: `{key}` must be at least 0 and below 1.")
        if config["full_evidence_letters"] < 1:
            raise InvalidConfigException(f"{cls.__name__}: `full_evidence_letters` must be at least 1.")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageIdentifier:
        """Creates an untrained identifier."""
        cls.validate_config(config)
        return cls(config, model_storage, resource)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another format of what is stored."""
        return FORMAT

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it tells apart."""
        return self._model.labels if self._model else ()

    def train(self, training_data: TrainingData) -> Resource:
        """Learns the character model from the examples that declare their language.

        Raises:
            InvalidConfigException: a configured language has no example, or fewer than two languages have any.
        """
        wanted = set(self._config["languages"])
        examples = [
            (message.get(TEXT)[: self._config["longest_example"] if message.get(INTENT) else None], language)
            for message in training_data.training_examples
            if message.get(TEXT) and (language := example_language(message)) and (not wanted or language in wanted)
        ]
        found = {language for _, language in examples}
        if len(found) < 2 or wanted - found:
            missing = ", ".join(sorted(wanted - found)) or "a second one"
            raise InvalidConfigException(
                f"LanguageIdentifier: no examples declare the language(s) {missing}; "
                "add `metadata: {language: ..}` to the phrases or correct `languages` in config.yml."
            )
        texts, languages = [text for text, _ in examples], [language for _, language in examples]
        features, config = self._ngrams.fit_transform(texts), self._config
        linear = train_linear_model(features, languages, config["C"], seed=7, sharpness=config["sharpness"])
        self._model = TextModel(self._ngrams, linear)
        self.persist()
        return self._resource

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Adds the entity `language` to each message that has typed text."""
        typed = [message for message in messages if message.get(TEXT) and not is_command(message)]
        if typed and self._model is not None:
            # What the customer has chosen on the page counts before what was recognised so far.
            chosen = (typed[0].get("metadata") or {}).get("conversation_language")
            conversation = chosen or (tracker.get_slot(LANGUAGE) if tracker is not None else None)
            pages = [self._page_language(message) for message in typed]
            texts = [message.get(TEXT) for message in typed]
            probabilities = self._probabilities(texts, pages, conversation)
            best = probabilities.argmax(axis=1)
            highest = probabilities[np.arange(len(best)), best].tolist()
            for message, column, confidence in zip(typed, best.tolist(), highest, strict=True):
                self._annotate(message, self.languages[column], confidence)
        return messages

    def predict(
        self, texts: Sequence[str], pages: Sequence[str | None] | None = None, conversation: str | None = None
    ) -> list[dict[str, float]]:
        """Gives the probability of each language for each text.

        Args:
            texts: n texts.
            pages: n locales of the pages that the texts were typed on (`nb` or `nb-NO`), None where unknown.
            conversation: the language of the conversation so far, None where unknown.

        Returns:
            n mappings language -> probability, most probable first.
        """
        probabilities = self._probabilities(texts, pages or [None] * len(texts), conversation)
        order = np.argsort(-probabilities, axis=1)
        names = np.array(self.languages, dtype=object)[order].tolist()
        values = np.take_along_axis(probabilities, order, axis=1).tolist()
        return [dict(zip(*row, strict=True)) for row in zip(names, values, strict=True)]

    def _probabilities(
        self, texts: Sequence[str], pages: Sequence[str | None], conversation: str | None
    ) -> NDArray[np.float32]:
        """Returns the probability of each of `languages` for each text, (n, languages); arguments as for `predict`."""
        assert self._model is not None, "train or load the identifier first"
        texts = [_ADDRESS.sub(" ", text[: self._config["longest_text"]]) for text in texts]
        prior = np.array([self._log_prior(page, conversation) for page in pages], dtype=np.float32)
        weights = [
            self._weight(sum(map(str.isalpha, text)), bool(conversation or page))
            for text, page in zip(texts, pages, strict=True)
        ]
        weight = np.array(weights, dtype=np.float32)[:, None]
        return softmax(self._evidence(texts, weight, prior) * weight + prior)

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
    ) -> LanguageIdentifier:
        """Loads a trained identifier."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            component._model = TextModel.load(folder, component._ngrams)
        return component

    def _weight(self, letters: int, is_hinted: bool) -> float:
        """Returns how much the evidence of a text counts, 0-1; `is_hinted` says whether page or conversation tell."""
        if letters <= self._config["ignored_letters"] and is_hinted:
            return 0.0
        return min(1.0, letters / float(self._config["full_evidence_letters"]))

    def _evidence(
        self, texts: Sequence[str], weight: NDArray[np.float32], prior: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Returns the log probabilities of the languages by the texts alone, (n, languages).

        Lingua takes nine tenths of the time and is asked only where its word can matter.

        Args:
            texts: n texts.
            weight: (n, 1) how much the evidence of each will count.
            prior: (n, languages) what is known beside it.
        """
        assert self._model is not None
        own = np.log(self._model.confidences(texts) + 1e-6)
        lingua_weight, detector = self._config["lingua_weight"], self._detector()
        if not lingua_weight or detector is None:
            return np.asarray(own, dtype=np.float32)
        column = {language: index for index, language in enumerate(self._model.labels)}
        # A language that lingua does not know stays as probable as if lingua had said nothing.
        other = np.full_like(own, 1 / len(column))
        ranked = np.sort(own * weight + prior, axis=1)
        ahead = ranked[:, -1] - ranked[:, -2]
        # By twice as much as lingua could take away: the language stays the same, and it stays certain.
        doubtful = ahead <= 2 * lingua_weight * weight[:, 0] * math.log((1 + FLOOR) / FLOOR)
        for row in np.flatnonzero(doubtful):
            for value in detector.compute_language_confidence_values(texts[row]):
                other[row, column[value.language.iso_code_639_1.name.lower()]] = value.value
        return np.asarray(own + lingua_weight * np.log(other + FLOOR), dtype=np.float32)

    def _detector(self) -> LanguageDetector | None:
        """Returns lingua over those of the languages that it knows, None if it cannot tell two of them apart."""
        if self._lingua is None:
            from lingua import IsoCode639_1, LanguageDetectorBuilder

            codes = [code for language in self.languages if (code := getattr(IsoCode639_1, language.upper(), None))]
            if len(codes) < 2:
                return None
            builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
            self._lingua = builder.with_low_accuracy_mode().build()
        return self._lingua

    def _page_language(self, message: Message) -> str | None:
        """Returns the first of the page's languages that can be told apart, None if there is none."""
        return next((code for locale in page_locales(message) if (code := normalise(locale)) in self.languages), None)

    def _log_prior(self, page: str | None, conversation: str | None) -> NDArray[np.float32]:
        labels = self.languages
        log_prior = np.zeros(len(labels), dtype=np.float32)
        hints: Mapping[str, str | None] = {"page_prior": page, "conversation_prior": conversation}
        for key, hint in hints.items():
            language = normalise(hint)
            if language in labels:
                share = self._config[key]
                prior = np.full(len(labels), (1 - share) / max(1, len(labels) - 1), dtype=np.float32)
                prior[labels.index(language)] = share
                log_prior += np.log(prior)
        if not page and not conversation and self._config["default_language"] in labels:
            # Decides only where the text says next to nothing, such as "?" or "hello".
            log_prior[labels.index(self._config["default_language"])] += 0.4
        return log_prior

    def _annotate(self, message: Message, language: str, confidence: float) -> None:
        values = {LANGUAGE: language}
        answered = self._replies.answer_language(language, *page_locales(message))
        if answered != language:
            values[FALLBACK_LANGUAGE] = answered
        set_entities(message, values, confidence, type(self).__name__)
        message.set(LANGUAGE, {"name": language, "confidence": confidence}, add_to_output=True)
