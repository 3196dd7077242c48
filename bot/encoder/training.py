"""Trains an encoder in numpy: parallel texts draw together, English texts go where the teacher puts them.

A text's vector is the sum of its features' rows, brought to unit length. Two losses: InfoNCE (van den Oord et al. 2018,
arXiv:1807.03748) between two random languages of a segment, the other segments of the batch being the wrong answers,
and the cosine distance to the teacher's vector (Reimers & Gurevych 2020, arXiv:2004.09813). Each row of the table has a
step size of its own (row-wise RMSprop), so that only the rows that a batch touches are updated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from bot.encoder.features import Vocabulary, vocabulary_of, words_of

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]


class NothingToLearnError(ValueError):
    """The trees hold too few parallel segments to train on."""


@dataclass(frozen=True)
class TrainingSettings:
    """How an encoder is trained; the defaults are those of the shipped weights (measured in docs/encoder.md)."""

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
    """Of these, segments per step."""
    step: float = 0.02
    """Step size at the start; it falls to zero in a straight line."""
    spread: float = 0.02
    """Standard deviation of the untrained table: small, so that what is hardly ever seen hardly counts."""
    sharpness: float = 10.0
    """Factor on the cosines before the softmax (the inverse temperature)."""
    word_dropout: float = 0.3
    """Share of words left out at random in training: no segment may hang on one rare word."""
    teaching: float = 1.0
    """Weight of the distance to the teacher beside InfoNCE."""
    seed: int = 7


@dataclass(frozen=True)
class Lesson:
    """Texts and the directions that the teacher gives them."""

    texts: list[str]
    targets: Floats
    """(texts, teacher's dimension), unit-length rows."""


@dataclass(frozen=True)
class _Corpus:
    """All texts as sparse counts: texts by words, words by features."""

    words: sparse.csr_matrix
    features: sparse.csr_matrix


def _corpus(texts: Sequence[str], vocabulary: Vocabulary) -> _Corpus:
    numbers: dict[str, int] = {}
    columns: list[int] = []
    ends = [0]
    for text in texts:
        columns.extend(numbers.setdefault(word, len(numbers)) for word in words_of(text))
        ends.append(len(columns))
    shape = (len(texts), len(numbers))
    words = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=shape)
    return _Corpus(words, vocabulary.matrix(list(numbers)))


class _Table:
    """The rows being trained, each with its own step size."""

    _MEMORY = 0.99
    """Share of a row's former squared gradient that is kept."""

    def __init__(self, values: Floats, step: float) -> None:
        self.values = values
        self._step = step
        self._squares = np.zeros(len(values), np.float32)
        self._visits = np.zeros(len(values), np.float32)

    def forward(self, features: sparse.csr_matrix) -> tuple[Floats, Callable[[Floats, float], None]]:
        """Encodes texts and returns their unit vectors with the function that learns from their gradient."""
        touched = np.flatnonzero(np.bincount(features.indices, minlength=len(self.values)))
        place = np.zeros(len(self.values), np.int32)
        place[touched] = np.arange(len(touched), dtype=np.int32)
        compact = sparse.csr_matrix(
            (features.data, place[features.indices], features.indptr), shape=(features.shape[0], len(touched))
        )
        sums = compact @ self.values[touched]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-4)
        units = sums / lengths

        def learn(gradient: Floats, pace: float) -> None:
            across = (gradient - (gradient * units).sum(axis=1, keepdims=True) * units) / lengths
            self._update(touched, np.asarray(compact.T.tocsr() @ across, dtype=np.float32), pace)

        return units, learn

    def _update(self, touched: npt.NDArray[np.int64], gradient: Floats, pace: float) -> None:
        self._visits[touched] += 1
        squares = np.einsum("ij,ij->i", gradient, gradient) / gradient.shape[1]
        kept = self._MEMORY * self._squares[touched] + (1 - self._MEMORY) * squares
        self._squares[touched] = kept
        typical = np.sqrt(kept / (1 - self._MEMORY ** self._visits[touched])) + 1e-10
        self.values[touched] -= gradient * (self._step * pace / typical)[:, None]


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def contrast(first: Floats, second: Floats, sharpness: float) -> tuple[float, Floats]:
    """InfoNCE in both directions between the rows of two matrices.

    Args:
        first: (n, dimension) unit vectors.
        second: (n, dimension) unit vectors; row i says the same as row i of `first`.
        sharpness: factor on the cosines.

    Returns:
        The mean loss and its gradient by the rows of `first` and then `second`, (2n, dimension).
    """
    count = len(first)
    scores = np.float32(sharpness) * (first @ second.T)
    forth, back = _softmax(scores), _softmax(scores.T)
    loss = -0.5 * float(np.log(np.diag(forth) + 1e-9).mean() + np.log(np.diag(back) + 1e-9).mean())
    error = forth + back.T
    error[np.diag_indices(count)] -= 2.0
    error *= np.float32(sharpness / (2 * count))
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
    lesson: Lesson | None,
    settings: TrainingSettings,
    phrases: Sequence[Mapping[str, str]] = (),
    near: Sequence[Mapping[str, str]] = (),
    report: Callable[[str], None] = print,
) -> tuple[Vocabulary, Floats]:
    """Learns a table of feature vectors.

    Args:
        segments: texts of articles that say the same, by language; at least two languages each.
        lesson: what the teacher says about English texts; None trains on the parallel texts alone.
        settings: sizes and weights.
        phrases: customer phrases about the same situation, by language; drawn from at every step beside the segments.
        near: those of the segments that are about the customers' matters; drawn from once more at every step.
        report: is called with lines about the progress.

    Returns:
        The vocabulary and its table, (features, dimension).

    Raises:
        NothingToLearnError: there are fewer than two segments.
    """
    if len(segments) < 2:
        raise NothingToLearnError("Fewer than two parallel segments: give at least two trees with common file names.")
    numbers: dict[str, int] = {}
    generator = np.random.default_rng(settings.seed)
    pairings = [_Pairing(_members(segments, numbers), settings.batch, generator)]
    for groups, batch in ((phrases, settings.phrase_batch), (near, settings.near_batch)):
        if len(groups) > 1:
            pairings.append(_Pairing(_members(groups, numbers), batch, generator))
    taught = np.array([numbers.setdefault(text, len(numbers)) for text in lesson.texts] if lesson else [], np.int32)
    targets = project(lesson.targets, settings.dimension) if lesson else np.zeros((0, settings.dimension), np.float32)
    texts = list(numbers)
    vocabulary = vocabulary_of(texts, settings.occurrences)
    table = generator.standard_normal((len(vocabulary), settings.dimension), np.float32) * np.float32(settings.spread)
    for number in range(2):
        report(f"{len(texts)} texts, {len(segments)} segments, {len(phrases)} situations, {len(taught)} taught texts, "
               f"{len(vocabulary)} features")  # fmt: skip
        _run(table, _corpus(texts, vocabulary), pairings, (taught, targets), settings, generator, report)
        if len(vocabulary) <= settings.features or number:
            break
        vocabulary, table = _most_useful(vocabulary, table, texts, settings.features)
    return vocabulary, table


def _members(groups: Sequence[Mapping[str, str]], numbers: dict[str, int]) -> Rows:
    """Numbers the texts of parallel groups: (groups, languages), -1 where a group lacks a language."""
    languages = sorted({language for group in groups for language in group})
    members = np.full((len(groups), len(languages)), -1, np.int32)
    for row, group in enumerate(groups):
        for language, text in group.items():
            members[row, languages.index(language)] = numbers.setdefault(text, len(numbers))
    return members


class _Pairing:
    """Parallel texts of one kind, drawn in random order and two languages at a time."""

    def __init__(self, members: Rows, batch: int, generator: np.random.Generator) -> None:
        self.members = members
        self.batch = min(batch, len(members))
        self._generator = generator
        self._order = generator.permutation(len(members))
        self._next = 0

    def draw(self) -> Rows:
        """Returns the text numbers of a batch in one language and then in another, (2 * batch,)."""
        if self._next + self.batch > len(self._order):
            self._order = self._generator.permutation(len(self.members))
            self._next = 0
        chosen = self.members[self._order[self._next : self._next + self.batch]]
        self._next += self.batch
        lots = np.where(chosen >= 0, self._generator.random(chosen.shape), -1.0)
        languages = np.argpartition(-lots, 1, axis=1)[:, :2]
        return np.take_along_axis(chosen, languages, axis=1).T.ravel()


def _most_useful(
    vocabulary: Vocabulary, table: Floats, texts: Sequence[str], at_most: int
) -> tuple[Vocabulary, Floats]:
    """Keeps the features that move the texts' vectors most: long rows that occur often."""
    occurrences = np.asarray(vocabulary.matrix(texts).sum(axis=0)).ravel()
    weight = np.linalg.norm(table, axis=1) * np.sqrt(occurrences)
    kept = np.sort(np.argsort(-weight, kind="stable")[:at_most])
    return Vocabulary(vocabulary.keys[kept]), table[kept]


def _run(
    values: Floats,
    corpus: _Corpus,
    pairings: Sequence[_Pairing],
    lesson: tuple[Rows, Floats],
    settings: TrainingSettings,
    generator: np.random.Generator,
    report: Callable[[str], None],
) -> None:
    table = _Table(values, settings.step)
    taught, targets = lesson
    steps_per_epoch = max(1, len(pairings[0].members) // pairings[0].batch)
    steps = settings.epochs * steps_per_epoch
    began = time.perf_counter()
    losses: list[float] = []
    for step in range(steps):
        drawn = [pairing.draw() for pairing in pairings]
        chosen = generator.integers(0, len(taught), min(settings.batch, len(taught))) if len(taught) else taught
        rows = np.concatenate([*drawn, taught[chosen]])
        units, learn = table.forward(_without_some_words(corpus, rows, settings.word_dropout, generator))
        gradients = []
        start = 0
        for part in drawn:
            middle, end = start + len(part) // 2, start + len(part)
            loss, gradient = contrast(units[start:middle], units[middle:end], settings.sharpness)
            losses.append(loss)
            gradients.append(gradient)
            start = end
        if len(chosen):
            gradients.append(-np.float32(settings.teaching / len(chosen)) * targets[chosen])
        learn(np.concatenate(gradients), 1 - step / steps)
        if (step + 1) % steps_per_epoch == 0:
            report(f"epoch {(step + 1) // steps_per_epoch}: {np.mean(losses):.3f}, {time.perf_counter() - began:.0f} s")
            losses.clear()


def _without_some_words(corpus: _Corpus, rows: Rows, share: float, generator: np.random.Generator) -> sparse.csr_matrix:
    words = corpus.words[rows]
    words.data = words.data * (generator.random(len(words.data)) >= share)
    words.eliminate_zeros()
    return (words @ corpus.features).tocsr()
