"""Tells languages apart: a character model learned from texts, lingua, and what page and conversation say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bot.articles.language import normalise
from bot.nlu.models.linear import TextModel, ranked, softmax, train_linear_model
from bot.nlu.models.ngrams import NgramFeatures

if TYPE_CHECKING:
    from lingua import LanguageDetector

FLOOR = 0.02
"""Added to lingua's probabilities: its "impossible", often wrong for short texts, must not overrule everything."""

# E-mail and web addresses are in no language; a typed address must not change that of the conversation.
_ADDRESS = re.compile(r"(?<!\S)\S+@\S+|https?://\S+")


class LanguageModel:
    """The evidence of a text, which is the sum of two log probabilities, and the prior.

    The evidence is that of a linear model over character n-grams, learned from texts, and of lingua in its low-accuracy
    mode (20 MB instead of 300). The fewer letters a text has, the less its evidence counts beside the prior: the page's
    locale and the conversation so far.

    Args:
        settings: those of `LanguageIdentifier`, by name.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._ngrams = NgramFeatures(settings["buckets"], tuple(settings["characters"]), words=(1, 1), fold=False)
        self._characters: TextModel | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it tells apart; none before it is trained or loaded."""
        return self._characters.labels if self._characters else ()

    def learn(self, texts: Sequence[str], languages: Sequence[str]) -> None:
        """Learns the character model from n texts in n languages, at least two different ones."""
        features, settings = self._ngrams.fit_transform(texts), self._settings
        linear = train_linear_model(features, languages, settings["C"], seed=7, sharpness=settings["sharpness"])
        self._characters = TextModel(self._ngrams, linear)

    def save(self, folder: Path) -> None:
        """Writes what was learned into a folder."""
        assert self._characters is not None, "train it first"
        self._characters.save(folder)

    def load(self, folder: Path) -> None:
        """Reads what `save` wrote."""
        self._characters = TextModel.load(folder, self._ngrams)

    def predict(
        self, texts: Sequence[str], pages: Sequence[str | None] | None = None, conversation: str | None = None
    ) -> list[dict[str, float]]:
        """Returns language -> probability for each text, most probable first.

        Args:
            texts: n texts.
            pages: n locales of the pages that the texts were typed on (`nb` or `nb-NO`), None where unknown.
            conversation: the language of the conversation so far, None where unknown.
        """
        pages = pages or [None] * len(texts)
        texts = [_ADDRESS.sub(" ", text[: self._settings["longest_text"]]) for text in texts]
        prior = np.array([self._log_prior(page, conversation) for page in pages], dtype=np.float32)
        weights = [
            self._weight(sum(map(str.isalpha, text)), bool(conversation or page))
            for text, page in zip(texts, pages, strict=True)
        ]
        weight = np.array(weights, dtype=np.float32)[:, None]
        return ranked(self.languages, softmax(self._evidence(texts, weight, prior) * weight + prior))

    def _weight(self, letters: int, is_hinted: bool) -> float:
        """Returns how much the evidence of a text counts, 0-1; `is_hinted` says whether page or conversation tell."""
        if letters <= self._settings["ignored_letters"] and is_hinted:
            return 0.0
        return min(1.0, letters / float(self._settings["full_evidence_letters"]))

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
        assert self._characters is not None
        own = np.log(self._characters.confidences(texts) + 1e-6)
        lingua_weight, detector = self._settings["lingua_weight"], self._detector
        if not lingua_weight or detector is None:
            return np.asarray(own, dtype=np.float32)
        column = {language: index for index, language in enumerate(self._characters.labels)}
        # A language that lingua does not know stays as probable as if lingua had said nothing.
        other = np.full_like(own, 1 / len(column))
        best = np.sort(own * weight + prior, axis=1)
        ahead = best[:, -1] - best[:, -2]
        # By twice as much as lingua could take away: the language stays the same, and it stays certain.
        doubtful = ahead <= 2 * lingua_weight * weight[:, 0] * math.log((1 + FLOOR) / FLOOR)
        for row in np.flatnonzero(doubtful):
            for value in detector.compute_language_confidence_values(texts[row]):
                other[row, column[value.language.iso_code_639_1.name.lower()]] = value.value
        return np.asarray(own + lingua_weight * np.log(other + FLOOR), dtype=np.float32)

    @cached_property
    def _detector(self) -> LanguageDetector | None:
        """Lingua over those of the languages that it knows, None if it cannot tell two of them apart."""
        from lingua import IsoCode639_1, LanguageDetectorBuilder

        codes = [code for language in self.languages if (code := getattr(IsoCode639_1, language.upper(), None))]
        if len(codes) < 2:
            return None
        return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()

    def _log_prior(self, page: str | None, conversation: str | None) -> NDArray[np.float32]:
        labels = self.languages
        log_prior = np.zeros(len(labels), dtype=np.float32)
        hints: Mapping[str, str | None] = {"page_prior": page, "conversation_prior": conversation}
        for key, hint in hints.items():
            language = normalise(hint)
            if language in labels:
                share = self._settings[key]
                prior = np.full(len(labels), (1 - share) / max(1, len(labels) - 1), dtype=np.float32)
                prior[labels.index(language)] = share
                log_prior += np.log(prior)
        if not page and not conversation and self._settings["default_language"] in labels:
            # Decides only where the text says next to nothing, such as "?" or "hello".
            log_prior[labels.index(self._settings["default_language"])] += 0.4
        return log_prior
