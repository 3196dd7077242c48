"""The intent classifier's model: one over words and, for texts that leave it in doubt, one over their meaning.

In doubt the two are averaged, else the one over words decides alone. A text in a language that hardly any example is
in is judged by its words and by the nearest examples of the other languages.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.encoder import load_encoder
from bot.encoder.sentences import Floats, load_sentence_encoder, sentence_encoder_version
from bot.nlu.models.labelled_texts import LabelledText, few_examples, first_of_each, real_style_first
from bot.nlu.models.linear import LinearModel, ModelError, Rows, TextModel, ranked, softmax
from bot.nlu.models.neighbours import Neighbours
from bot.nlu.models.ngrams import NgramFeatures

Languages: TypeAlias = Sequence[str | None] | None

_TINY = 1e-6
"""Added to confidences of which a logarithm is taken."""
_ROUNDS = 60
"""Rounds of a regression over encodings; with two hundred it takes twice as long and chooses no better (2026-11-30)."""


@dataclass(frozen=True)
class Explanation:
    """The parts of a text that speak for one intent and against another, in log odds; the model's are their sum."""

    words: Mapping[str, float]
    """Its words, each with all n-grams that lie in it."""
    ngrams: Mapping[str, float]
    """Its n-grams; blanks at the ends are the bounds of a word."""
    meaning: float
    """The sentence encoding."""
    constant: float
    """Factor by which the intent is more frequent."""


class IntentModel:
    """Two models that tell the same intents apart; their log probabilities are averaged.

    Words: a linear support vector machine over the n-grams of all examples. Meaning: logistic regression over the
    sentence encodings of a choice of the examples, which is asked where words alone leave a doubt. It tells apart the
    intents that have examples in real style, or few examples, or all if none has any in real style; the others, such as
    small talk, are for words alone.
    Languages that have hardly any examples are judged by the nearest examples of the other ones.

    Args:
        settings: those of `LinearIntentClassifier`, by name.
    """

    _words: TextModel
    _languages: frozenset[str]
    _few: frozenset[str]
    _meaning: LinearModel | None = None
    _neighbours: Neighbours | None = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._ngrams = NgramFeatures(settings["buckets"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents it tells apart."""
        return self._words.labels

    def learn(self, examples: Sequence[LabelledText]) -> IntentModel:
        """Trains on the examples; returns itself.

        Args:
            examples: n texts with their intents, of at least two intents; one example of an intent is enough.
        """
        settings = self._settings
        texts, intents = [example.text for example in examples], [example.intent for example in examples]
        options = (settings["C"], settings["random_seed"], settings["words_inverse_temperature"])
        self._words, self._few = TextModel.learn(self._ngrams, texts, intents, *options), few_examples(intents)
        if settings["meaning_share"]:
            named = {example.intent for example in examples if example.real_style}
            named = named | self._few if len(named) > 1 else set(intents)
            limits = {"out_of_scope": settings["encoded_out_of_scope"]}
            ordered = real_style_first(example for example in examples if example.intent in named)
            chosen = list(first_of_each(ordered, limits, settings["encoded"]))
            encodings = load_sentence_encoder().encode_for_training([example.text for example in chosen])
            self._meaning = learn_meaning(encodings, [example.intent for example in chosen], settings["meaning_C"])
        counts = Counter(example.language for example in examples if example.language)
        # A quarter of the largest one's: where titles of an article tree are the only examples, words tell too little.
        enough = max(counts.values(), default=0) / 4
        self._languages = frozenset(language for language, count in counts.items() if count >= enough)
        if self._foreign([example.language for example in examples], len(examples)).any():
            encodings = load_encoder().encode(texts)
            self._neighbours = Neighbours.learn(encodings, self._columns(intents), len(self.labels))
        return self

    def predict(self, texts: Sequence[str], languages: Languages = None) -> list[dict[str, float]]:
        """Returns intent -> confidence for each text, best first; arguments as for `confidences`."""
        return ranked(self.labels, self.confidences(texts, languages))

    def confidences(self, texts: Sequence[str], languages: Languages = None) -> Floats:
        """Returns the confidences of `labels` for each text.

        Args:
            texts: n texts as customers typed them.
            languages: n languages of the texts, None where unknown. Of a text in a language that no example is in, the
                near phrases judge.

        Returns:
            (n, labels); each row adds up to 1.
        """
        confidences = self.word_confidences(texts, languages)
        own = ~self._foreign(languages, len(texts))
        doubtful = np.flatnonzero((confidences.max(axis=1, initial=0) < self._settings["sure"]) & own)
        if self._meaning is not None and len(doubtful):
            place = np.ix_(doubtful, self._columns(self._meaning.labels))
            meaning = self._meaning.confidences(load_sentence_encoder().encode([texts[row] for row in doubtful]))
            together = confidences[place].sum(axis=1, keepdims=True)  # the share of intents of words alone stays
            shares = self._meaning_shares(meaning, self._meaning.labels)
            confidences[place] = _mixed(self._beside_meaning(confidences[place]), meaning, shares) * together
        confidences[own] = softmax(np.log(confidences[own] + _TINY) * self._settings["inverse_temperature"])
        return confidences

    def word_confidences(self, texts: Sequence[str], languages: Languages = None) -> Floats:
        """Returns what words alone say, (n, labels): for parts of messages, of which there are many."""
        confidences = self._words.confidences(texts)
        foreign = np.flatnonzero(self._foreign(languages, len(texts)))
        if self._neighbours is not None and len(foreign):
            near = self._neighbours.confidences(load_encoder().encode([texts[row] for row in foreign]))
            confidences[foreign] = _mixed(confidences[foreign], near, self._settings["foreign"])
        return confidences

    def explain(self, text: str, intent: str, other: str) -> Explanation:
        """Explains what in a text speaks for one intent and against another one.

        Both models' scores are sums, so each part is exact, wherever the meaning is asked.

        Args:
            text: the text as typed.
            intent: what speaks for this one is positive.
            other: what speaks for this one is negative.
        """
        linear, features = self._words.linear, self._ngrams.transform([text])
        column, against = linear.labels.index(intent), linear.labels.index(other)
        scale, meaning = linear.inverse_temperature * self._settings["inverse_temperature"], 0.0
        scores = linear.scores(features) * linear.inverse_temperature
        words_say = softmax(scores)
        known_labels = self._meaning.labels if self._meaning is not None else ()
        if (
            self._meaning is not None
            and {intent, other} <= {*known_labels}
            and words_say.max() < self._settings["sure"]
        ):
            first, second = known_labels.index(intent), known_labels.index(other)
            says = self._meaning.confidences(load_sentence_encoder().encode([text]))
            share = float(self._meaning_shares(says, known_labels)[0, 0])
            says = np.log(says[0] + _TINY)
            meaning = float(says[first] - says[second]) * share * self._settings["inverse_temperature"]
            words = np.log(self._beside_meaning(words_say[:, self._columns(self._meaning.labels)])[0] + _TINY)
            # What the floor leaves of the words' odds is spread over them in proportion.
            odds = float(scores[0, column] - scores[0, against])
            scale *= (1 - share) * float(words[first] - words[second]) / (odds or 1.0)
        weights = (linear.weights[:, column] - linear.weights[:, against]) * scale
        parts = dict(zip(features.indices.tolist(), (features.data * weights[features.indices]).tolist(), strict=True))
        occurrences = [ngram for ngram in self._ngrams.occurrences(text) if ngram.column in parts]
        times = Counter(ngram.column for ngram in occurrences)
        by_word, by_ngram = defaultdict[str, float](float), defaultdict[str, float](float)
        for ngram in occurrences:
            part = parts[ngram.column] / times[ngram.column]
            by_word[ngram.word] += part
            by_ngram[ngram.text] += part
        constant = (linear.intercept[column] - linear.intercept[against]) * scale
        return Explanation(by_word, by_ngram, meaning, float(constant))

    def save(self, folder: Path) -> None:
        """Writes everything that was learned into a folder."""
        self._words.save(folder)
        about: dict[str, Any] = {"languages": sorted(self._languages), "few": sorted(self._few)}
        if self._meaning is not None:
            self._meaning.save(folder / "meaning.npz")
            about |= {"meaning": self._meaning.labels, "BOT_ENCODER": sentence_encoder_version()}
        if self._neighbours is not None:
            self._neighbours.save(folder / "neighbours.npz")
            about["BOT_ENCODER_WEIGHTS"] = load_encoder().version
        (folder / "intents.json").write_text(json.dumps(about), encoding="utf8")

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> IntentModel:
        """Reads what `save` wrote.

        Raises:
            ModelError: it was trained with another encoder than the settings name.
        """
        model = cls(settings)
        model._words = TextModel.load(folder, model._ngrams)
        about = json.loads((folder / "intents.json").read_text(encoding="utf8"))
        model._languages, model._few = frozenset(about["languages"]), frozenset(about["few"])
        if "BOT_ENCODER" in about:
            _check_encoder("BOT_ENCODER", about["BOT_ENCODER"], sentence_encoder_version())
            model._meaning = LinearModel.load(folder / "meaning.npz", about["meaning"])
            load_sentence_encoder()  # now, and not while the first customer waits
        if "BOT_ENCODER_WEIGHTS" in about:
            _check_encoder("BOT_ENCODER_WEIGHTS", about["BOT_ENCODER_WEIGHTS"], load_encoder().version)
            model._neighbours = Neighbours.load(folder / "neighbours.npz")
        return model

    def _columns(self, labels: Sequence[str]) -> Rows:
        return np.array([self.labels.index(label) for label in labels])

    def _beside_meaning(self, words: Floats) -> Floats:
        """Returns what words say of the intents that the meaning tells apart, as it counts beside that (n, intents)."""
        shares = words / (words.sum(axis=1, keepdims=True) + _TINY) + self._settings["words_floor"]
        return np.asarray(shares, dtype=np.float32)

    def _meaning_shares(self, meaning: Floats, labels: Sequence[str]) -> Floats:
        """Returns how much the meaning counts beside the words, (n, 1), by its own confidences (n, labels)."""
        few = np.array([label in self._few for label in labels])
        return np.where(few[meaning.argmax(axis=1)], 1.0, self._settings["meaning_share"]).astype(np.float32)[:, None]

    def _foreign(self, languages: Languages, count: int) -> NDArray[np.bool_]:
        """Returns which of so many texts are in a language that has hardly any examples, (count,)."""
        known = {None, "", *self._languages}
        return np.array([bool(self._languages) and one not in known for one in languages or [None] * count], dtype=bool)


def _check_encoder(setting: str, trained: str, version: str) -> None:
    if trained != version:
        known_labels = f"The model was trained with the encoder {trained}, but {setting} names {version}"
        raise ModelError(f"{known_labels}; name the one that it was trained with, or train again.")


def _mixed(first: Floats, second: Floats, share: float | Floats) -> Floats:
    """Returns the geometric mean of two sets of confidences, the second weighted by `share`; each row adds up to 1."""
    return softmax((1 - share) * np.log(first + _TINY) + share * np.log(second + _TINY))


def learn_meaning(
    encodings: Floats, intents: Sequence[str], regularisation: float, shares: Floats | None = None
) -> LinearModel:
    """Learns logistic regression over sentence encodings.

    Args:
        encodings: (n, dimension).
        intents: n of them, at least two different ones.
        regularisation: inverse strength of regularisation (`C`).
        shares: weight of each encoding, (n,); without them all have 1.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    counts = Counter(intents)
    usual = float(np.median(list(counts.values())))
    weights_of = {intent: usual / counts[intent] for intent in few_examples(intents)}
    model = LogisticRegression(C=regularisation, class_weight=weights_of, max_iter=_ROUNDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(encodings, intents, shares)
    weights, intercept = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one column for two classes
        weights, intercept = np.hstack([-weights, weights]) / 2, np.concatenate([-intercept, intercept]) / 2
    names, weights = tuple(map(str, model.classes_)), np.ascontiguousarray(weights, dtype=np.float32)
    return LinearModel(names, weights, intercept.astype(np.float32), inverse_temperature=1.0)
