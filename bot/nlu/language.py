"""Rasa component: recognises each message's language, by its text, the page's locale and the conversation so far.

If the bot has no replies in that language, it also names the one that the bot answers in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.language import normalise
from bot.articles.replies import Replies
from bot.encoder.sentences import Floats
from bot.nlu.component import TrainedComponent
from bot.nlu.metadata import follows_an_answer, intent_metadata, page_locales, set_entities, typed
from bot.nlu.models.linear import REGULARISATION, TextModel, ranked, softmax
from bot.nlu.models.ngrams import NgramFeatures

if TYPE_CHECKING:
    from lingua import LanguageDetector

LANGUAGE = "language"
FALLBACK_LANGUAGE = "fallback_language"

_LINGUA_WEIGHT = 0.5
"""Weight of lingua's log probability beside the character model's."""
_FLOOR = 0.02
"""Added to lingua's probabilities: its "impossible", often wrong for short texts, must not overrule everything."""
_PAGE_PRIOR, _CONVERSATION_PRIOR = 0.85, 0.95
"""Prior probability of the page's locale, and of the conversation's language so far."""
_FULL_EVIDENCE, _IGNORED = 18, 3
"""Texts with fewer letters than the first count for less, in proportion; with as few as the second, they never change
the language of a conversation."""
_LONGEST_TEXT, _LONGEST_EXAMPLE = 700, 60
"""Characters of a text that are read, from its beginning: more of them say nothing new. Of a phrase in training: with
more, training takes three times as long and less is right. Of article trees there are few texts; they are read whole.
"""
_DEFAULT_LANGUAGE = "en"
"""The language where nothing at all is known."""
_INVERSE_TEMPERATURE = 3.3
"""Inverse temperature of the character model; fitted once on a fifth of the phrases held out."""

# E-mail and web addresses are in no language; a typed address must not change that of the conversation.
_ADDRESS = re.compile(r"(?<!\S)\S+@\S+|https?://\S+")
# What a message quotes need not be in its writer's language: `da steht: Your card was declined`.
_QUOTED = re.compile(r"""["„“«»][^"„“”«»]+["“”«»]|(?<=\w\w):\s.+""", re.DOTALL)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class LanguageIdentifier(TrainedComponent):
    """Recognises the language of each message and hands it on as the entity `language`, which fills the slot.

    Where the bot has no replies in it, the entity `fallback_language` says which language it answers in: the first of
    the page's (`metadata.language`, `metadata.fallback_language`) that has replies, else the settings' default.

    The evidence of a text is the sum of two log probabilities: those of a linear model over character n-grams, learned
    from texts, and of lingua in its low-accuracy mode (20 MB instead of 300). The fewer letters a text has, the less
    its evidence counts beside the prior: the page's locale (`metadata.language` of the message) and the conversation so
    far (slot `language`).
    """

    model: TextModel
    """Over characters."""

    def learn(self, training_data: TrainingData) -> None:
        """Learns the character model from the examples that declare their language, but for what follows an answer.

        Those are a third of all phrases and mostly short: with them, everyday Norwegian is taken for Danish.

        Raises:
            InvalidConfigException: fewer than two languages have an example.
        """
        examples = [
            (message.get(TEXT)[: _LONGEST_EXAMPLE if message.get(INTENT) else None], language)
            for message in training_data.training_examples
            if message.get(TEXT)
            and (language := intent_metadata(message).get("language"))
            and not follows_an_answer(message)
        ]
        texts, languages = zip(*examples, strict=True) if examples else ((), ())
        if len({*languages}) < 2:
            problem = "LanguageIdentifier: the examples declare fewer than two languages"
            raise InvalidConfigException(f"{problem}; add `metadata: {{language: ..}}` to the phrases.")
        self.model = TextModel.learn(_ngrams(), texts, languages, REGULARISATION, 7, _INVERSE_TEMPERATURE)

    def restore(self, folder: Path) -> None:
        """Reads the model."""
        self.model = TextModel.load(folder, _ngrams())

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Adds the entity `language` to each message that has typed text."""
        asked = typed(messages)
        if not asked:
            return messages
        # What the customer has chosen on the page counts before what was recognised so far.
        chosen = (asked[0].get("metadata") or {}).get("conversation_language")
        conversation = chosen or (tracker.get_slot(LANGUAGE) if tracker is not None else None)
        pages = [self._page_language(message) for message in asked]
        found = self.predict([message.get(TEXT) for message in asked], pages, conversation)
        for message, probabilities in zip(asked, found, strict=True):
            language, confidence = next(iter(probabilities.items()))
            answered = Replies().answer_language(language, *page_locales(message))
            values = {LANGUAGE: language, **({FALLBACK_LANGUAGE: answered} if answered != language else {})}
            set_entities(message, values, confidence, type(self).__name__)
            message.set(LANGUAGE, {"name": language, "confidence": confidence}, add_to_output=True)
        return messages

    def predict(
        self, texts: Sequence[str], pages: Sequence[str | None], conversation: str | None
    ) -> list[dict[str, float]]:
        """Returns language -> probability for each text, most probable first.

        Args:
            texts: n texts.
            pages: n languages of the pages that the texts were typed on, None where unknown.
            conversation: the language of the conversation so far, None where unknown.
        """
        texts = [_ADDRESS.sub(" ", text[:_LONGEST_TEXT]) for text in texts]
        if conversation:
            own = [_QUOTED.sub(" ", text) for text in texts]
            texts = [rest if len(rest.split()) > 1 else text for rest, text in zip(own, texts, strict=True)]
        prior = np.array([self._log_prior(page, conversation) for page in pages], dtype=np.float32)
        letters = np.array([sum(map(str.isalpha, text)) for text in texts])
        hinted = np.array([bool(conversation or page) for page in pages], dtype=bool)
        # How much the evidence of each text counts, 0-1.
        weight = np.minimum(1.0, letters / _FULL_EVIDENCE).astype(np.float32)[:, None]
        weight[hinted & (letters <= _IGNORED)] = 0.0
        return ranked(self.model.labels, softmax(self._evidence(texts, weight, prior) * weight + prior))

    def _page_language(self, message: Message) -> str | None:
        """Returns the first of the page's languages that can be told apart, None if there is none."""
        return next((code for code in map(normalise, page_locales(message)) if code in self.model.labels), None)

    def _evidence(self, texts: Sequence[str], weight: Floats, prior: Floats) -> Floats:
        """Returns the log probabilities of the languages by the texts alone, (n, languages).

        Lingua takes nine tenths of the time and is asked only where its word can matter.

        Args:
            texts: n texts.
            weight: (n, 1) how much the evidence of each will count.
            prior: (n, languages) what is known beside it.
        """
        own = np.log(self.model.confidences(texts) + 1e-6)
        column = {language: index for index, language in enumerate(self.model.labels)}
        # A language that lingua does not know stays as probable as if lingua had said nothing.
        other = np.full_like(own, 1 / len(column))
        best = np.sort(own * weight + prior, axis=1)
        ahead = best[:, -1] - best[:, -2]
        # By twice as much as lingua could take away: the language stays the same, and it stays certain.
        doubtful = ahead <= 2 * _LINGUA_WEIGHT * weight[:, 0] * math.log((1 + _FLOOR) / _FLOOR)
        for row in np.flatnonzero(doubtful):
            for value in self._detector.compute_language_confidence_values(texts[row]) if self._detector else ():
                other[row, column[value.language.iso_code_639_1.name.lower()]] = value.value
        return np.asarray(own + _LINGUA_WEIGHT * np.log(other + _FLOOR), dtype=np.float32)

    @cached_property
    def _detector(self) -> LanguageDetector | None:
        """Lingua over those of the languages that it knows, None if it cannot tell two of them apart."""
        from lingua import IsoCode639_1, LanguageDetectorBuilder

        codes = [code for language in self.model.labels if (code := getattr(IsoCode639_1, language.upper(), None))]
        if len(codes) < 2:
            return None
        return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()

    def _log_prior(self, page: str | None, conversation: str | None) -> Floats:
        labels = self.model.labels
        log_prior = np.zeros(len(labels), dtype=np.float32)
        for share, language in ((_PAGE_PRIOR, page), (_CONVERSATION_PRIOR, normalise(conversation))):
            if language in labels:
                rest = (1 - share) / (len(labels) - 1)
                log_prior += np.log([share if label == language else rest for label in labels], dtype=np.float32)
        if not page and not conversation and _DEFAULT_LANGUAGE in labels:
            # Decides only where the text says next to nothing, such as "?" or "hello".
            log_prior[labels.index(_DEFAULT_LANGUAGE)] += 0.4
        return log_prior


def _ngrams() -> NgramFeatures:
    return NgramFeatures(2**16, (1, 5), words=(1, 1), fold=False)
