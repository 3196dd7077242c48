"""Which intent a text has: n-grams, the sentence encoding and near phrases, with calibrated confidences."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bot.encoder import Encoder, load_encoder
from bot.nlu.courtesy import LabelledText, with_courtesies
from bot.nlu.linear import Calibration, LinearModel, TextModel, train_linear_model
from bot.nlu.neighbours import Neighbours
from bot.nlu.ngrams import NgramFeatures
from bot.nlu.spelling import Spelling
from bot.pieces import Split, Texts


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

    text: str
    """The text as it was read, typing errors mended."""
    words: Mapping[str, float]
    """Its words, each with all n-grams that lie in it."""
    ngrams: Mapping[str, float]
    """Its n-grams; blanks at the ends are the bounds of a word."""
    meaning: float
    """The sentence encoding."""
    constant: float
    """How much more frequent the intent is."""
    nearness: float
    """How much near phrases count beside the linear model, 0-1: more where the words are strange."""


@dataclass(frozen=True)
class _Said:
    """What was said to some texts."""

    rows: Mapping[tuple[str, bool, bool], int]
    """Text, whether it is in a language without phrases, whether near phrases judge it -> row of `confidences`."""
    confidences: NDArray[np.float32]
    """(n, labels)"""


_NOTHING_SAID = _Said({}, np.zeros((0, 0), dtype=np.float32))


class IntentModel:
    """A linear support vector machine over n-grams and encoding, and near phrases where the words are strange.

    Its scores become confidences by a temperature fitted on held-out predictions (Guo et al. 2017, "On Calibration of
    Modern Neural Networks") and a prior for what is out of scope.

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
        self._spelling: Spelling | None = None
        self._neighbours: Neighbours | None = None
        self._languages: frozenset[str] = frozenset()
        self._said = _NOTHING_SAID

    @property
    def labels(self) -> tuple[str, ...]:
        """The intents it tells apart; none before it is trained or loaded."""
        return self._model.labels if self._model else ()

    def learn(self, examples: Sequence[LabelledText], encodings: NDArray[np.float32] | None = None) -> None:
        """Trains on the examples.

        Args:
            examples: n texts with their intents, of at least two intents.
            encodings: (n, dimension) their sentence encodings, if they are there already.
        """
        settings = self._settings
        self._said = _NOTHING_SAID
        self._languages = languages_with_phrases(examples)
        genuine = len(examples)
        made = with_courtesies(examples, settings["courtesy_share"], settings["random_seed"])
        all_examples = [*examples, *(example for _, example in made)]
        texts = [example.text for example in all_examples]
        known = None
        if settings["encoder_weight"]:
            first = self._encode(texts[:genuine]) if encodings is None else encodings
            known = np.concatenate([first, self._encode(texts[genuine:])]) if made else first
        self._spelling = Spelling.learn(texts[:genuine])
        self._ngrams.fit(texts)
        linear, calibration = train_linear_model(
            self._features(texts, known),
            [example.intent for example in all_examples],
            regularisation=settings["C"],
            seed=settings["random_seed"],
            share=settings["calibration_share"],
            origins=np.array([*range(genuine), *(origin for origin, _ in made)]),
        )
        linear = with_refusals(
            linear,
            calibration,
            settings["refusal_intent"],
            settings["most_false_refusals"],
            settings["small_talk"],
        )
        self._model = TextModel(self._ngrams, linear)
        if known is not None:
            columns = {label: column for column, label in enumerate(linear.labels)}
            targets = np.array([columns[example.intent] for example in examples])
            self._neighbours = Neighbours.learn(known[:genuine], targets, len(columns))

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
        near: Sequence[bool] | None = None,
    ) -> NDArray[np.float32]:
        """Returns the confidences of `labels` for each text, (n, labels), read-only; arguments as for `predict`.

        `near` says of each text whether near phrases judge it where its words are strange, which takes longer than all
        else; None lets them. What was said to a text by the call before is said again: the first part of a message is
        often all of it.
        """
        foreign = np.array([self._is_foreign(language) for language in languages or [None] * len(texts)], dtype=bool)
        nearby = np.ones(len(texts), dtype=bool) if near is None else np.array(near, dtype=bool)
        keys = list(zip(texts, foreign.tolist(), nearby.tolist(), strict=True))
        rows = np.array([self._said.rows.get(key, -1) for key in keys], dtype=np.int64)
        new = np.flatnonzero(rows < 0)
        if len(new) == len(keys):
            confidences = self._confidences(texts, encodings, foreign, nearby)
        else:
            confidences = self._said.confidences[rows]
            if len(new):
                known = None if encodings is None else encodings[new]
                confidences[new] = self._confidences([texts[row] for row in new], known, foreign[new], nearby[new])
        confidences.setflags(write=False)
        self._said = _Said({key: row for row, key in enumerate(keys)}, confidences)
        return confidences

    def with_settings(self, **changes: Any) -> IntentModel:
        """Returns the same trained model with other settings of its use; those of the training have no effect."""
        changed = copy.copy(self)
        changed._said = _NOTHING_SAID
        changed._settings = {**self._settings, **changes}
        return changed

    def explain(self, text: str, intent: str, other: str) -> Explanation:
        """Tells what in a text speaks for one intent and against another one.

        The linear model's scores are sums over the features, so each one's part is exact; what near phrases say of a
        text with strange words is not a sum, and told as a share.

        Args:
            text: the text as typed.
            intent: what speaks for this one is positive.
            other: what speaks for this one is negative.
        """
        assert self._model is not None and self._spelling is not None, "train or load it first"
        linear, (read, changed, [strangeness]) = (
            self._model.linear,
            self._read([text], np.zeros(1, dtype=bool), np.ones(1, dtype=bool)),
        )
        features, mended = self._ngrams.transform(read), self._spelling.mend(text) if changed else text
        column, against = linear.labels.index(intent), linear.labels.index(other)
        weights = (linear.weights[:, column] - linear.weights[:, against]) * linear.sharpness
        parts = dict(zip(features.indices.tolist(), (features.data * weights[features.indices]).tolist(), strict=True))
        occurrences = [ngram for ngram in self._ngrams.occurrences(mended) if ngram.column in parts]
        times = Counter(ngram.column for ngram in occurrences)
        words: dict[str, float] = {}
        ngrams: dict[str, float] = {}
        for ngram in occurrences:
            part = parts[ngram.column] / times[ngram.column]
            words[ngram.word] = words.get(ngram.word, 0.0) + part
            ngrams[ngram.text] = ngrams.get(ngram.text, 0.0) + part
        encodings = self._encodings(read, changed, None)
        meaning = 0.0
        if encodings is not None:
            meaning = float(encodings[0] @ weights[features.shape[1] :]) * self._settings["encoder_weight"]
        constant = (linear.intercept[column] - linear.intercept[against]) * linear.sharpness
        constant += linear.prior[column] - linear.prior[against]
        return Explanation(mended, words, ngrams, meaning, float(constant), strangeness)

    def save(self, folder: Path) -> None:
        """Writes everything that was learned into a folder."""
        assert self._model is not None and self._spelling is not None, "train it first"
        self._model.save(folder)
        self._spelling.save(folder / "spelling.npz")
        (folder / "languages.json").write_text(json.dumps(sorted(self._languages)), encoding="utf8")
        if self._neighbours is not None:
            self._neighbours.save(folder / "neighbours.npz")

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any]) -> IntentModel:
        """Reads what `save` wrote."""
        model = cls(settings)
        model._model = TextModel.load(folder, model._ngrams)
        model._spelling = Spelling.load(folder / "spelling.npz")
        model._languages = frozenset(json.loads((folder / "languages.json").read_text(encoding="utf8")))
        if settings["encoder_weight"]:
            model._neighbours = Neighbours.load(folder / "neighbours.npz")
        return model

    def _is_foreign(self, language: str | None) -> bool:
        return bool(language and self._languages and language not in self._languages)

    def _confidences(
        self,
        texts: Sequence[str],
        encodings: NDArray[np.float32] | None,
        foreign: NDArray[np.bool_],
        nearby: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        assert self._model is not None and self._spelling is not None, "train or load it first"
        mended, changed, strangeness = self._read(texts, foreign, nearby)
        encodings = self._encodings(mended, changed, encodings)
        weight = np.float32(self._settings["encoder_weight"])
        confidences = self._model.confidences(mended, None if encodings is None else encodings * weight)
        strange = np.flatnonzero(strangeness)
        if self._neighbours is not None and encodings is not None and len(strange):
            share = strangeness[strange, None]
            near = np.log(self._neighbours.confidences(encodings[strange]) + 1e-4)
            mixed = np.exp((1 - share) * np.log(confidences[strange] + 1e-9) + share * near)
            confidences[strange] = mixed / mixed.sum(axis=1, keepdims=True)
        return confidences

    def _encode(self, texts: Texts) -> NDArray[np.float32]:
        return (self._encoder or load_encoder()).encode(texts)

    def _read(
        self, texts: Sequence[str], foreign: NDArray[np.bool_], nearby: NDArray[np.bool_]
    ) -> tuple[Split, list[int], NDArray[np.float32]]:
        """Returns texts without typing errors, the rows that had some, and how much near phrases count, (n,) 0-1.

        That goes by the share of its words that no phrase has, and by whether its language has any phrase.
        """
        assert self._spelling is not None
        mended, changed, known = self._spelling.read(texts, ~foreign & self._settings["mend_spelling"])
        strange, familiar = np.float32(self._settings["strange"]), np.float32(self._settings["familiar"])
        strangeness = np.minimum((familiar - known) / (familiar - strange), np.float32(1))
        return mended, changed, np.maximum(strangeness * nearby, foreign * np.float32(self._settings["foreign"]))

    def _encodings(
        self, texts: Split, changed: Sequence[int], encodings: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        """Returns the encodings of mended texts; those that are there and of texts that have not changed are kept."""
        if not self._settings["encoder_weight"]:
            return None
        if encodings is None:
            return self._encode(texts)
        if changed:
            encodings = encodings.copy()
            encodings[changed] = self._encode(texts.at(changed))
        return encodings

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


def with_refusals(
    model: LinearModel, calibration: Calibration, intent: str, most: float, as_likely: Sequence[str] = ()
) -> LinearModel:
    """Returns the model with a prior for the refusal intent: as high as the false refusals allow.

    Args:
        model: the trained model.
        calibration: what was said to held-out examples.
        intent: the refusal intent; a model without it is returned as it is.
        most: share of the other intents' held-out examples that may be refused at the most, 0-1.
        as_likely: intents that get the same prior, so that none of theirs is refused for it.
    """
    if intent not in model.labels:
        return model
    column = model.labels.index(intent)
    scores = calibration.scores[calibration.targets != column] * model.sharpness
    # By how much each of the others is ahead of the refusal intent; negative where it is refused anyway.
    margins = np.delete(scores, column, axis=1).max(axis=1) - scores[:, column]
    prior = model.prior.copy()
    prior[column] = max(0.0, float(np.quantile(margins, most)))
    for other in set(as_likely) & set(model.labels):
        prior[model.labels.index(other)] = prior[column]
    return replace(model, prior=prior)
