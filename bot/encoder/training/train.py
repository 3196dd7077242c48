"""Trains word vectors in numpy: parallel texts draw together, English texts go where the teacher puts them.

A text's vector is the sum of its features' rows, brought to unit length. Two losses: InfoNCE (van den Oord et al. 2018,
arXiv:1807.03748) between two random languages of a segment, the other segments of the batch being the wrong answers,
and the cosine distance to the teacher's vector (Reimers & Gurevych 2020, arXiv:2004.09813). Each row of the table has a
step size of its own (row-wise RMSprop), so that only the rows that a batch touches are updated.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import softmax

from bot.encoder.features import Floats, Keys, rows_of, word_keys, words_of

Rows = npt.NDArray[np.int32]

_LARGEST_CODE = 127
_MEMORY = 0.99
"""Share of a row's former squared gradient that is kept."""


class NothingToLearnError(ValueError):
    """The trees hold too few parallel segments to train on."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training of word vectors; the shipped weights have the defaults (docs/understanding.md)."""

    dimension: int = 192
    features: int = 50_000
    """Rows kept in the file at most: the most useful ones, and then trained on alone."""
    occurrences: int = 3
    """Texts in which a feature must occur to be trained at all."""
    epochs: int = 6
    batch: int = 384
    """Segments per step, and taught texts per step."""
    phrase_batch: int = 256
    """Situations of customers per step."""
    near_segments: int = 4000
    """Segments that are most like customers' phrases; they are drawn from once more at every step."""
    near_batch: int = 192
    """Number of these that are segments, per step."""
    step: float = 0.02
    """Step size at the start; it falls to zero in a straight line."""
    spread: float = 0.02
    """Standard deviation of the untrained table: small, so that what is hardly ever seen hardly counts."""
    inverse_temperature: float = 10.0
    """Factor on the cosines before the softmax (the inverse temperature)."""
    word_dropout: float = 0.3
    """Share of words left out at random in training: no segment may hang on one rare word."""
    seed: int = 7


def frequent_keys(texts: Sequence[str], at_least: int) -> Keys:
    """Returns the features that occur in enough texts, ascending."""
    words = Counter(word for text in texts for word in set(words_of(text)))
    counts: Counter[int] = Counter()
    for word, count in words.items():
        for key in set(word_keys(word).tolist()):
            counts[key] += count
    return np.array(sorted(key for key, count in counts.items() if count >= at_least), dtype=np.uint32)


def count_features(texts: Sequence[str], keys: Keys) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Returns the occurrences of words in texts, (texts, words), and of known features in words, (words, features)."""
    numbers: dict[str, int] = {}
    words = [[numbers.setdefault(word, len(numbers)) for word in words_of(text)] for text in texts]
    features = _occurrences([rows_of(keys, word) for word in numbers], len(keys))
    features.sum_duplicates()
    return _occurrences(words, len(numbers)), features


def _occurrences(columns: Sequence[Sequence[int] | npt.NDArray[np.int64]], width: int) -> sparse.csr_matrix:
    """Returns a sparse matrix with a one for each column number of each row."""
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.concatenate([np.zeros(0, np.int32), *columns]).astype(np.int32)
    return sparse.csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(columns), width))


def quantise(table: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Rounds each row to int8 with a scale of its own.

    Args:
        table: (features, dimension).

    Returns:
        The codes (features, dimension) and the scales (features,); table ≈ codes * scales[:, None].
    """
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12).astype(np.float32) / np.float32(_LARGEST_CODE)
    return np.rint(table / scales[:, None]).astype(np.int8), scales


class _Table:
    """The rows being trained, each with its own step size."""

    def __init__(self, values: Floats, step: float) -> None:
        self.values = values
        self._step = step
        self._squares = np.zeros(len(values), np.float32)
        self._visits = np.zeros(len(values), np.float32)

    def forward(self, features: sparse.csr_matrix) -> tuple[Floats, Callable[[Floats, float], None]]:
        """Encodes texts and returns their unit vectors with the function that learns from their gradient."""
        touched = np.flatnonzero(np.bincount(features.indices, minlength=len(self.values)))
        compact = features[:, touched]
        sums = compact @ self.values[touched]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-4)
        units = sums / lengths

        def learn(gradient: Floats, pace: float) -> None:
            across = (gradient - (gradient * units).sum(axis=1, keepdims=True) * units) / lengths
            by_row = np.asarray(compact.T.tocsr() @ across, dtype=np.float32)
            self._visits[touched] += 1
            squares = np.einsum("ij,ij->i", by_row, by_row) / by_row.shape[1]
            kept = _MEMORY * self._squares[touched] + (1 - _MEMORY) * squares
            self._squares[touched] = kept
            typical = np.sqrt(kept / (1 - _MEMORY ** self._visits[touched])) + 1e-10
            self.values[touched] -= by_row * (self._step * pace / typical)[:, None]

        return units, learn


def contrast(first: Floats, second: Floats, inverse_temperature: float) -> tuple[float, Floats]:
    """InfoNCE in both directions between the rows of two matrices.

    Args:
        first: (n, dimension) unit vectors.
        second: (n, dimension) unit vectors; row i says the same as row i of `first`.
        inverse_temperature: factor on the cosines.

    Returns:
        The mean loss and its gradient by the rows of `first` and then `second`, (2n, dimension).
    """
    count = len(first)
    scores = np.float32(inverse_temperature) * (first @ second.T)
    forth, back = softmax(scores, axis=1), softmax(scores.T, axis=1)
    loss = -0.5 * float(np.log(np.diag(forth) + 1e-9).mean() + np.log(np.diag(back) + 1e-9).mean())
    error = forth + back.T
    error[np.diag_indices(count)] -= 2.0
    error *= np.float32(inverse_temperature / (2 * count))
    return loss, np.concatenate([error @ second, error.T @ first])


def project(targets: Floats, dimension: int) -> Floats:
    """Turns the teacher's vectors into fewer numbers, keeping their cosines as well as possible (principal axes).

    Args:
        targets: (n, teacher's dimension).
        dimension: the encoder's dimension; if it is larger, zeros are appended.

    Returns:
        (n, dimension) unit-length rows.
    """
    _, axes = np.linalg.eigh(targets.T @ targets)
    turned = (targets @ axes[:, ::-1])[:, :dimension]
    turned = np.pad(turned, ((0, 0), (0, dimension - turned.shape[1])))
    lengths = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.asarray(turned / lengths, dtype=np.float32)


def train(
    segments: Sequence[Mapping[str, str]],
    taught: Mapping[str, Floats],
    settings: TrainingSettings,
    phrases: Sequence[Mapping[str, str]] = (),
    near: Sequence[Mapping[str, str]] = (),
    report: Callable[[str], None] = print,
) -> tuple[Keys, Floats]:
    """Learns a table of feature vectors.

    Args:
        segments: texts of articles that say the same, by language; at least two languages each.
        taught: the teacher's unit vectors of English texts; without any the parallel texts alone are learned from.
        settings: sizes and weights.
        phrases: customer phrases about the same situation, by language; drawn from at every step beside the segments.
        near: those of the segments that are about the customers' matters; drawn from once more at every step.
        report: is called with lines about the progress.

    Returns:
        The features' keys, ascending, and their table, (features, dimension).

    Raises:
        NothingToLearnError: there are fewer than two segments.
    """
    if len(segments) < 2:
        raise NothingToLearnError("Fewer than two parallel segments: give at least two trees with common file names.")
    numbers: dict[str, int] = {}
    generator = np.random.default_rng(settings.seed)
    batches = []
    for groups, size in ((segments, settings.batch), (phrases, settings.phrase_batch), (near, settings.near_batch)):
        if len(groups) > 1:
            order = generator.permutation(len(groups))
            batches.append(_batches(_members(groups, numbers), min(size, len(groups)), order, generator))
    rows = np.array([numbers.setdefault(text, len(numbers)) for text in taught], np.int32)
    targets = project(np.array([*taught.values()]), settings.dimension) if taught else None
    texts = list(numbers)
    keys = frequent_keys(texts, settings.occurrences)
    table = generator.standard_normal((len(keys), settings.dimension), np.float32) * np.float32(settings.spread)
    steps_per_epoch = len(segments) // min(settings.batch, len(segments))

    def run() -> sparse.csr_matrix:
        """Trains the table in place and returns how often each of its features occurs."""
        report(f"{len(texts)} texts, {len(segments)} segments, {len(phrases)} situations, {len(taught)} taught texts, "
               f"{len(keys)} features")  # fmt: skip
        words, features = count_features(texts, keys)
        learner = _Table(table, settings.step)
        began = time.perf_counter()
        losses: list[float] = []
        for step in range(settings.epochs * steps_per_epoch):
            drawn = [next(batch) for batch in batches]
            chosen = generator.integers(0, len(rows), min(settings.batch, len(rows))) if taught else rows
            kept = words[np.concatenate([*drawn, rows[chosen]])]
            kept.data *= generator.random(len(kept.data)) >= settings.word_dropout
            kept.eliminate_zeros()
            units, learn = learner.forward(kept @ features)
            gradients = []
            for part in np.split(units, np.cumsum([len(part) for part in drawn]))[:-1]:
                first, second = np.split(part, 2)
                loss, gradient = contrast(first, second, settings.inverse_temperature)
                losses.append(loss)
                gradients.append(gradient)
            if targets is not None:
                gradients.append(-np.float32(1 / len(chosen)) * targets[chosen])
            learn(np.concatenate(gradients), 1 - step / (settings.epochs * steps_per_epoch))
            if (step + 1) % steps_per_epoch == 0:
                seconds = time.perf_counter() - began
                report(f"epoch {(step + 1) // steps_per_epoch}: {np.mean(losses):.3f}, {seconds:.0f} s")
                losses.clear()
        return words.sum(axis=0) @ features

    occurrences = run()
    if len(keys) > settings.features:  # keeps those that move the texts' vectors most: long rows that occur often
        usefulness = np.linalg.norm(table, axis=1) * np.sqrt(np.asarray(occurrences).ravel())
        kept = np.sort(np.argsort(-usefulness, kind="stable")[: settings.features])
        keys, table = keys[kept], table[kept]
        run()
    return keys, table


def _members(groups: Sequence[Mapping[str, str]], numbers: dict[str, int]) -> Rows:
    """Numbers the texts of parallel groups: (groups, languages), -1 where a group lacks a language."""
    languages = sorted({language for group in groups for language in group})
    members = np.full((len(groups), len(languages)), -1, np.int32)
    for row, group in enumerate(groups):
        for language, text in group.items():
            members[row, languages.index(language)] = numbers.setdefault(text, len(numbers))
    return members


def _batches(members: Rows, size: int, order: npt.NDArray[np.int64], generator: np.random.Generator) -> Iterator[Rows]:
    """Yields without end the text numbers of groups in one random language and then in another, (2 * size,)."""
    while True:
        for start in range(0, len(order) - size + 1, size):
            chosen = members[order[start : start + size]]
            lots = np.where(chosen >= 0, generator.random(chosen.shape), -1.0)
            languages = np.argpartition(-lots, 1, axis=1)[:, :2]
            yield np.take_along_axis(chosen, languages, axis=1).T.ravel()
        order = generator.permutation(len(members))
