"""A linear model with calibrated confidences: training, prediction, storage."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rasa.shared.exceptions import RasaException
from scipy import sparse
from scipy.optimize import minimize_scalar

from bot.nlu.models.ngrams import NgramFeatures

FORMAT = "6"
"""Of stored models; what was stored with another one had other columns for the same n-grams. Components that store a
model add it to their fingerprint, or Rasa would take an older one out of its cache."""
_FEW = 250
"""Fewer examples than this say nothing about how sure one may be: each would be found right and taken for certain."""
_SHARPNESS_OF_FEW = 2.0
"""The inverse temperature where there are so few."""
REGULARISATION = 1.0
"""Inverse strength of regularisation (`C`) of the intent classifier; measured in docs/understanding.md."""

_MANY = 10_000
_ROUNDS = 5
"""With so many examples each is gone through so often: more rounds take twice the time and bring nothing, neither on
messages that people wrote nor on made-up ones (docs/understanding.md)."""

Features: TypeAlias = sparse.csr_matrix | NDArray[np.float32]


class ModelFormatError(RasaException):
    """A stored model was trained by another version of this code; the message says what to do."""


@dataclass(frozen=True)
class LinearModel:
    """Scores = features x weights + intercept; confidences = softmax(scores x sharpness)."""

    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    """(features, labels)"""
    intercept: NDArray[np.float32]
    """(labels,)"""
    sharpness: float
    """Inverse temperature of the softmax."""

    def scores(self, features: Features) -> NDArray[np.float32]:
        """Returns the scores of (n, features) vectors, (n, labels)."""
        return np.asarray(features @ self.weights + self.intercept, dtype=np.float32)

    def confidences(self, features: Features) -> NDArray[np.float32]:
        """Returns the confidences for (n, features) vectors, (n, labels); each row adds up to 1."""
        return softmax(self.scores(features) * self.sharpness)

    def save(self, path: Path) -> None:
        """Writes the numbers; weights as half precision, which moves no score by more than 0.001."""
        np.savez(
            path,
            weights=self.weights.astype(np.float16),
            intercept=self.intercept,
            sharpness=np.float64(self.sharpness),
        )

    @classmethod
    def load(cls, path: Path, labels: Sequence[str]) -> LinearModel:
        """Reads what `save` wrote; `labels` in the order of the columns."""
        with np.load(path) as stored:
            return cls(
                tuple(labels),
                stored["weights"].astype(np.float32),
                stored["intercept"],
                float(stored["sharpness"]),
            )


class TextModel:
    """A linear model over the n-grams of texts.

    Args:
        ngrams: the n-grams, fitted.
        linear: what was trained on them.
    """

    def __init__(self, ngrams: NgramFeatures, linear: LinearModel) -> None:
        self.ngrams = ngrams
        self.linear = linear

    @property
    def labels(self) -> tuple[str, ...]:
        """What it tells apart."""
        return self.linear.labels

    def confidences(self, texts: Sequence[str]) -> NDArray[np.float32]:
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
            ModelFormatError: another version of this code wrote it.
        """
        path = folder / "about.json"
        about = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
        if about.get("format") != FORMAT:
            raise ModelFormatError("The model was trained by another version of the bot; train again: `make train`.")
        ngrams.idf = np.load(folder / "idf.npy")
        return cls(ngrams, LinearModel.load(folder / "model.npz", about["labels"]))


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns each row's softmax."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), dtype=np.float32)


def train_linear_model(
    features: sparse.csr_matrix,
    labels: Sequence[str],
    regularisation: float,
    seed: int,
    sharpness: float | None = None,
    share: float = 0.2,
) -> LinearModel:
    """Trains one-against-the-rest linear support vector machines.

    Args:
        features: (n, d) training vectors.
        labels: n labels; one example of a label is enough.
        regularisation: inverse strength of regularisation (`C`).
        seed: seed of the order in which examples are gone through, and of which are held out.
        sharpness: inverse temperature of the confidences; without it, that which minimises the log loss of held-out
            scores.
        share: share of the examples on which a second model, trained without them, is asked for that.
    """
    features.sort_indices()  # the same whatever the order in which n-grams were counted
    names, targets = np.unique(np.asarray(labels), return_inverse=True)
    if len(targets) < _FEW:
        sharpness = _SHARPNESS_OF_FEW
    if sharpness is None:
        test = _held_out(features, targets, share, seed)
        train = np.setdiff1d(np.arange(len(targets)), test)
        weights, intercept = fit(features[train], targets[train], regularisation, seed, len(names))
        sharpness = fit_sharpness(features[test] @ weights + intercept, targets[test])
    weights, intercept = fit(features, targets, regularisation, seed, len(names))
    return LinearModel(tuple(str(name) for name in names), weights, intercept, sharpness)


def _held_out(features: sparse.csr_matrix, targets: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Returns the rows of the share of each label's examples that is held out; none of a label with very few.

    Whether an example is, depends on itself: with a few phrases more or less, the others stay on their side, and the
    calibration moves by what was changed and not by chance.
    """
    ends, columns = features.indptr, features.indices.astype(np.int64)
    numbers = np.array([zlib.crc32(columns[ends[row] : ends[row + 1]].tobytes(), seed) for row in range(len(targets))])
    ranked = np.argsort(numbers, kind="stable")
    parts = [ranked[targets[ranked] == label] for label in np.unique(targets)]
    return np.sort(np.concatenate([part[: round(share * len(part))] for part in parts]))


def fit_sharpness(scores: NDArray[np.float32], targets: NDArray[np.int64]) -> float:
    """Returns the inverse temperature that minimises the log loss of held-out scores (Guo et al. 2017)."""

    def log_loss(log_sharpness: float) -> float:
        scaled = scores * np.exp(log_sharpness)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        chosen = scaled[np.arange(len(targets)), targets] - np.log(np.exp(scaled).sum(axis=1))
        return float(-chosen.mean())

    return float(np.exp(minimize_scalar(log_loss, bounds=(-2.0, 4.0), method="bounded").x))


def fit(
    features: sparse.csr_matrix, targets: NDArray[np.int64], regularisation: float, seed: int, labels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fits a linear support vector machine for each label against all others, in two processes where examples are many.

    Args:
        features: (n, d) training vectors.
        targets: (n,) labels' numbers.
        regularisation: inverse strength of regularisation (`C`).
        seed: seed of the order in which examples are gone through.
        labels: how many labels there are, at least two, each with an example.

    Returns:
        weights (d, labels) and intercept (labels,).
    """
    from joblib import Parallel, delayed

    # Always two groups: on a machine with more cores the model is the same.
    groups = np.array_split(np.arange(labels), max(1, min(2, labels // 2)))
    # In processes: liblinear has one sequence of random numbers for all threads, and models would differ by chance.
    fitted = Parallel(n_jobs=len(groups) if len(targets) >= _MANY else 1)(
        delayed(_fit_group)(features, targets, group, regularisation, seed) for group in groups
    )
    weights = np.concatenate([part for part, _ in fitted]).T
    return np.ascontiguousarray(weights), np.concatenate([part for _, part in fitted])


def _fit_group(
    features: sparse.csr_matrix,
    targets: NDArray[np.int64],
    group: NDArray[np.int64],
    regularisation: float,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns weights (labels, d) and intercept (labels,) of a group of labels; the others count as one more label."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    others = targets.max() + 1
    labelled = np.where(np.isin(targets, group), targets, others)
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
