"""The model behind the intent classifier: n-grams and the sentence encoding, with calibrated confidences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bot.encoder import Encoder, load_encoder
from bot.nlu.linear import TextModel, train_linear_model
from bot.nlu.neighbours import Neighbours
from bot.nlu.ngrams import NgramFeatures


@dataclass(frozen=True)
class LabelledText:
    """A text, what it means, and its language."""

    text: str
    intent: str
    language: str | None


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


@dataclass(frozen=True)
class Explanation:
    """What in a text speaks for one intent and against another, in log odds; the linear model's are their sum."""

    words: Mapping[str, float]
    """Its words, each with all n-grams that lie in it."""
    ngrams: Mapping[str, float]
    """Its n-grams; blanks at the ends are the bounds of a word."""
    meaning: float
    """The sentence encoding."""
    constant: float
    """How much more frequent the intent is."""


class IntentModel:
    """A linear support vector machine over n-grams and encoding; near phrases judge languages that have no phrases.

    Its scores become confidences by a temperature fitted on held-out predictions (Guo et al. 2017, "On Calibration of
    Modern Neural Networks").

    Args:
        settings: those of `LinearIntentClassifier`, by name.
        encoder: the sentence encoder; the configured one without it, loaded when it is first needed.
    """

    def __init__(self, settings: Mapping[str, Any], encoder: Encoder | None = None) -> None:
        self._settings = settings
        self._encoder = encoder
        self._ngrams = NgramFeatures(
            settings["buckets"],
            tuple(settings["characters"]),
            tuple(settings["words"]),
            settings["fold_diacritics"],
        )
        self._model: TextModel | None = None
        self._neighbours: Neighbours | None = None
        self._languages: frozenset[str] = frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents it tells apart; none before it is trained or loaded."""
        return self._model.labels if self._model else ()

    def learn(self, examples: Sequence[LabelledText], encodings: NDArray[np.float32] | None = None) -> None:
        """Trains on the examples.

        Args:
            examples: n texts with their intents, of at least two intents; one example of an intent is enough.
            encodings: (n, dimension) their sentence encodings, if they are there already.
        """
        settings = self._settings
        self._languages = languages_with_phrases(examples)
        texts = [example.text for example in examples]
        known = self._encodings(texts, encodings)
        self._ngrams.fit(texts)
        linear = train_linear_model(
            self._features(texts, known),
            [example.intent for example in examples],
            regularisation=settings["C"],
            seed=settings["random_seed"],
            share=settings["calibration_share"],
        )
        self._model = TextModel(self._ngrams, linear)
        if known is not None:
            columns = {label: column for column, label in enumerate(linear.labels)}
            targets = np.array([columns[example.intent] for example in examples])
            self._neighbours = Neighbours.learn(known, targets, len(columns))

    def predict(
        self,
        texts: Sequence[str],
        encodings: NDArray[np.float32] | None = None,
        languages: Sequence[str | None] | None = None,
    ) -> list[IntentRanking]:
        """Ranks the intents of each text.

        Args:
            texts: n texts as customers typed them.
            encodings: (n, dimension) sentence encodings, if they are there already; computed where they are not.
            languages: n languages of the texts, None where unknown. Of a text in a language that no example is in, the
                near phrases judge.

        Returns:
            n rankings of all intents.
        """
        return rankings(self.labels, self.confidences(texts, encodings, languages))

    def confidences(
        self,
        texts: Sequence[str],
        encodings: NDArray[np.float32] | None = None,
        languages: Sequence[str | None] | None = None,
    ) -> NDArray[np.float32]:
        """Returns the confidences of `labels` for each text, (n, labels); arguments as for `predict`."""
        assert self._model is not None, "train or load it first"
        known = self._encodings(texts, encodings)
        weight = np.float32(self._settings["encoder_weight"])
        confidences = self._model.confidences(texts, None if known is None else known * weight)
        foreign = np.flatnonzero([self._is_foreign(language) for language in languages or ()])
        if self._neighbours is not None and known is not None and len(foreign):
            share = self._settings["foreign"]
            near = np.log(self._neighbours.confidences(known[foreign]) + 1e-4)
            mixed = np.exp((1 - share) * np.log(confidences[foreign] + 1e-9) + share * near)
            confidences[foreign] = mixed / mixed.sum(axis=1, keepdims=True)
        return confidences

    def explain(self, text: str, intent: str, other: str) -> Explanation:
        """Tells what in a text speaks for one intent and against another one.

        The linear model's scores are sums over the features, so each one's part is exact.

        Args:
            text: the text as typed.
            intent: what speaks for this one is positive.
            other: what speaks for this one is negative.
        """
        assert self._model is not None, "train or load it first"
        linear, features = self._model.linear, self._ngrams.transform([text])
        column, against = linear.labels.index(intent), linear.labels.index(other)
        weights = (linear.weights[:, column] - linear.weights[:, against]) * linear.sharpness
        parts = dict(zip(features.indices.tolist(), (features.data * weights[features.indices]).tolist(), strict=True))
        occurrences = [ngram for ngram in self._ngrams.occurrences(text) if ngram.column in parts]
        times = Counter(ngram.column for ngram in occurrences)
        words: dict[str, float] = {}
        ngrams: dict[str, float] = {}
        for ngram in occurrences:
            part = parts[ngram.column] / times[ngram.column]
            words[ngram.word] = words.get(ngram.word, 0.0) + part
            ngrams[ngram.text] = ngrams.get(ngram.text, 0.0) + part
        encodings = self._encodings([text], None)
        meaning = 0.0
        if encodings is not None:
            meaning = float(encodings[0] @ weights[features.shape[1] :]) * self._settings["encoder_weight"]
        constant = (linear.intercept[column] - linear.intercept[against]) * linear.sharpness
        return Explanation(words, ngrams, meaning, float(constant))

    def save(self, folder: Path) -> None:
        """Writes everything that was learned into a folder."""
        assert self._model is not None, "train it first"
        self._model.save(folder)
        (folder / "languages.json").write_text(json.dumps(sorted(self._languages)), encoding="utf8")
        if self._neighbours is not None:
            self._neighbours.save(folder / "neighbours.npz")

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> IntentModel:
        """Reads what `save` wrote."""
        model = cls(settings)
        model._model = TextModel.load(folder, model._ngrams)
        model._languages = frozenset(json.loads((folder / "languages.json").read_text(encoding="utf8")))
        if settings["encoder_weight"]:
            model._neighbours = Neighbours.load(folder / "neighbours.npz")
        return model

    def _is_foreign(self, language: str | None) -> bool:
        return bool(language and self._languages and language not in self._languages)

    def _encodings(self, texts: Sequence[str], encodings: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """Returns the encodings, computed where they are not there already; None where the settings leave them out."""
        if not self._settings["encoder_weight"]:
            return None
        return (self._encoder or load_encoder()).encode(texts) if encodings is None else encodings

    def _features(self, texts: Sequence[str], encodings: NDArray[np.float32] | None) -> sparse.csr_matrix:
        ngrams = self._ngrams.transform(texts)
        if encodings is None:
            return ngrams
        weighted = sparse.csr_matrix(encodings * np.float32(self._settings["encoder_weight"]))
        return sparse.hstack([ngrams, weighted], format="csr")


def rankings(labels: Sequence[str], confidences: NDArray[np.float32], length: int | None = None) -> list[IntentRanking]:
    """Ranks intents.

    Args:
        labels: the intents.
        confidences: (n, labels).
        length: how many are listed; None lists all.
    """
    order = np.argsort(-confidences, axis=1, kind="stable")[:, :length]
    names = np.array(labels, dtype=object)[order].tolist()
    sorted_confidences = np.take_along_axis(confidences, order, axis=1).tolist()
    return [IntentRanking(tuple(intents), tuple(row)) for intents, row in zip(names, sorted_confidences, strict=True)]


def languages_with_phrases(examples: Sequence[LabelledText]) -> frozenset[str]:
    """Returns the languages that have a quarter as many examples as the largest one, or more.

    A language of which the titles of an article tree are the only examples has too few for the linear model.
    """
    counts = Counter(example.language for example in examples if example.language)
    most = max(counts.values(), default=0)
    return frozenset(language for language, count in counts.items() if 4 * count >= most)
