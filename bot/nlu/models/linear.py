"""A linear model with calibrated confidences: training, prediction, storage."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bot.encoder.sentences import Floats
from bot.nlu.models.ngrams import NgramFeatures

FORMAT = "10"
"""Version of stored models; those of another one had other files, or other columns for the same n-grams. Components
that store a model add it to their fingerprint, or Rasa would take an older one out of its cache."""
_FEW = 250
"""Fewer examples than this say nothing about how sure one may be: each would be found right and taken for certain."""
_INVERSE_TEMPERATURE_OF_FEW = 2.0
"""The inverse temperature where there are so few."""
REGULARISATION = 1.0
"""Inverse strength of regularisation (`C`) of the intent classifier; measured in docs/understanding.md."""

_MANY = 10_000
_ROUNDS = 5
"""With so many examples each is gone through so often: more rounds take twice the time and bring nothing, neither on
messages that people wrote nor on made-up ones (docs/understanding.md)."""

Features: TypeAlias = sparse.csr_matrix | Floats
Rows: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = Sequence[str]


class ModelError(ValueError):
    """A stored model does not fit this version or these settings; the message says what to do."""


@dataclass(frozen=True)
class LinearModel:
    """Scores = features x weights + intercept; confidences = softmax(scores x inverse temperature)."""

    labels: tuple[str, ...]
    weights: Floats
    """(features, labels)"""
    intercept: Floats
    """(labels,)"""
    inverse_temperature: float
    """Inverse temperature of the softmax."""

    def scores(self, features: Features) -> Floats:
        """Returns the scores of (n, features) vectors, (n, labels)."""
        return np.asarray(features @ self.weights + self.intercept, dtype=np.float32)

    def confidences(self, features: Features) -> Floats:
        """Returns the confidences for (n, features) vectors, (n, labels); each row adds up to 1."""
        return softmax(self.scores(features) * self.inverse_temperature)

    def save(self, path: Path) -> None:
        """Writes the numbers; weights as half precision, which moves no score by more than 0.001."""
        weights, inverse_temperature = self.weights.astype(np.float16), np.float64(self.inverse_temperature)
        # Compressed here: Rasa's archive takes five times as long for as few bytes.
        np.savez_compressed(path, weights=weights, intercept=self.intercept, inverse_temperature=inverse_temperature)

    @classmethod
    def load(cls, path: Path, labels: Sequence[str]) -> LinearModel:
        """Reads what `save` wrote; `labels` in the order of the columns."""
        with np.load(path) as stored:
            weights = stored["weights"].astype(np.float32)
            return cls(tuple(labels), weights, stored["intercept"], float(stored["inverse_temperature"]))


@dataclass(frozen=True)
class TextModel:
    """A linear model over the n-grams of texts."""

    ngrams: NgramFeatures
    """Fitted."""
    linear: LinearModel

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it tells apart."""
        return self.linear.labels

    @classmethod
    def learn(
        cls,
        ngrams: NgramFeatures,
        texts: Texts,
        labels: Texts,
        regularisation: float,
        seed: int,
        inverse_temperature: float,
    ) -> TextModel:
        """Learns how rare the n-grams of texts are, and to tell the texts' labels; see `train_linear_model`."""
        return cls(
            ngrams, train_linear_model(ngrams.fit_transform(texts), labels, regularisation, seed, inverse_temperature)
        )

    def confidences(self, texts: Sequence[str]) -> Floats:
        """Returns the confidences of n texts, (n, labels); each row adds up to 1."""
        return self.linear.confidences(self.ngrams.transform(texts))

    def save(self, folder: Path) -> None:
        """Writes the model and what its n-grams have learned into a folder."""
        self.linear.save(folder / "model.npz")
        np.save(folder / "idf.npy", self.ngrams.idf)
        (folder / "about.json").write_text(json.dumps({"format": FORMAT, "labels": self.labels}), encoding="utf8")

    @classmethod
    def load(cls, folder: Path, ngrams: NgramFeatures) -> TextModel:
        """Reads what `save` wrote; the n-grams get back what they had learned.

        Raises:
            ModelError: another version of this code wrote it.
        """
        path = folder / "about.json"
        about = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
        if about.get("format") != FORMAT:
            raise ModelError("The model was trained by another version of the bot; train again: `make train`.")
        ngrams.idf = np.load(folder / "idf.npy")
        return cls(ngrams, LinearModel.load(folder / "model.npz", about["labels"]))


def softmax(scores: Floats) -> Floats:
    """Returns each row's softmax."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), dtype=np.float32)


def ranked(labels: Sequence[str], confidences: Floats) -> list[dict[str, float]]:
    """Returns label -> confidence for each row of (n, labels) confidences, best first."""
    order = np.argsort(-confidences, axis=1, kind="stable")
    names = np.array(labels, dtype=object)[order].tolist()
    values = np.take_along_axis(confidences, order, axis=1).tolist()
    return [dict(zip(*row, strict=True)) for row in zip(names, values, strict=True)]


def train_linear_model(
    features: sparse.csr_matrix, labels: Sequence[str], regularisation: float, seed: int, inverse_temperature: float
) -> LinearModel:
    """Trains a linear support vector machine for each label against all others.

    Args:
        features: (n, d) training vectors.
        labels: n labels, at least two different ones; one example of a label is enough.
        regularisation: inverse strength of regularisation (`C`).
        seed: seed of the order in which examples are gone through.
        inverse_temperature: inverse temperature of the confidences, where there are enough examples for one.
    """
    from joblib import Parallel, delayed

    features.sort_indices()  # the same whatever the order in which n-grams were counted
    names, targets = np.unique(np.asarray(labels), return_inverse=True)
    # Always two groups: on a machine with more cores the model is the same.
    groups = np.array_split(np.arange(len(names)), max(1, min(2, len(names) // 2)))
    # In processes: liblinear has one sequence of random numbers for all threads, and models would differ by chance.
    fits = [delayed(_fit_group)(features, targets, group, regularisation, seed) for group in groups]
    fitted = Parallel(n_jobs=len(groups) if len(targets) >= _MANY else 1)(fits)
    weights, intercepts = map(np.concatenate, zip(*fitted, strict=True))
    fitted = inverse_temperature if len(targets) >= _FEW else _INVERSE_TEMPERATURE_OF_FEW
    return LinearModel(tuple(map(str, names)), np.ascontiguousarray(weights.T), intercepts, fitted)


def _fit_group(
    features: sparse.csr_matrix, targets: Rows, group: Rows, regularisation: float, seed: int
) -> tuple[Floats, Floats]:
    """Returns weights (labels, d) and intercept (labels,) of a group of labels; the others count as one more label."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    labelled = np.where(np.isin(targets, group), targets, targets.max() + 1)
    rounds = _ROUNDS if len(targets) >= _MANY else 1000
    # liblinear's own tolerance: scikit-learn's takes four times as long and changes no prediction.
    machine = LinearSVC(C=regularisation, tol=0.1, random_state=seed, max_iter=rounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(features, labelled)
    weights, intercept = machine.coef_.astype(np.float32), machine.intercept_.astype(np.float32)
    if len(weights) == 1:  # scikit-learn keeps one row for two labels
        weights, intercept = np.vstack([-weights, weights]), np.concatenate([-intercept, intercept])
    return weights[: len(group)], intercept[: len(group)]


def fit_inverse_temperature(scores: Floats, targets: Rows) -> float:
    """Returns the inverse temperature that minimises the log loss of held-out scores (Guo et al. 2017).

    Args:
        scores: (n, labels).
        targets: column of the right label of each, (n,).
    """
    from scipy.optimize import minimize_scalar

    def log_loss(log_inverse_temperature: float) -> float:
        chosen = softmax(scores * np.float32(np.exp(log_inverse_temperature)))[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())

    return float(np.exp(minimize_scalar(log_loss, bounds=(-2.0, 4.0), method="bounded").x))
