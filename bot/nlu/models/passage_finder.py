"""Finds what a message in a conversation asks for: a passage of an article, an issue's steps, or nothing of ours."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from bot.articles.parts import section_product
from bot.articles.played_turns import MOST_ANSWERS, PlayedTurn
from bot.encoder.sentences import Floats, load_sentence_encoder
from bot.nlu.models.found_passages import NOTHING, Found, FoundPassage
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import LinearModel, softmax
from bot.nlu.models.ngrams import NgramFeatures
from bot.nlu.models.passage_counts import PassageCounts
from bot.nlu.models.passage_scores import Evidence, PassageLabels
from bot.text.sentences import sentences_of

_MODEL, _LABELS, _SIMILAR = "passages.npz", "passages.json", "similar.npz"
_MEANINGS, _RARITY, _STEPS = "means.npy", "idf.npy", "steps.npy"
_OTHERS = 0.2
"""Number of first messages on the same issue, on others, and of questions on others, for each of its questions."""
_TURN_SHARE = 2.0
"""Weight of a played turn, where a question that somebody wrote for a passage has 1."""
_FIRST_SHARE = 0.5
"""Weight of a first message in the means of what wants an issue's steps, where a question has 1."""
_STEPS_C, _STEPS_MOST = 3.0, 4.0
"""Inverse strength of regularisation of the regression that tells wishes for steps; bound of its log odds."""
_SHORT = 2
IN_ARTICLE_FROM = 0.7
"""Probability among an article's answers from which a short message, or one that names it, asks for a passage."""
_LEAST = 1e-6
"""Probability from which an answer counts."""


def _questions(text: str) -> list[str]:
    """Returns the questions of three words or more in a message, all its sentences where there are none."""
    sentences = [each for each in sentences_of(text) if len(each.split()) > _SHORT] or [text]
    return [each for each in sentences if "?" in each] or sentences


def _played(turns: Sequence[PlayedTurn], known: Collection[str | None]) -> Iterator[LabelledText]:
    """Yields played turns as questions for the known ones of the passages or steps that answer them best."""
    for turn in turns:
        for answer in [name for name in turn.answers if name in known][:MOST_ANSWERS]:
            yield LabelledText(turn.text, "", None, passage=answer)


def _label(example: LabelledText) -> str:
    """Returns the label that an example is learned as; a first message wants its issue's steps."""
    return example.passage or f"{example.intent}/"


def _learn_articles(
    examples: Sequence[LabelledText],
    encodings: Floats,
    shares: Floats,
    articles: Collection[str],
    regularisation: float,
) -> LinearModel:
    """Returns the regressions of all articles side by side; each also learns from some of what asks for none of it."""
    about = np.array([_label(example).partition("/")[0] for example in examples])
    asks = np.array([example.passage is not None for example in examples])

    def learn(article: str) -> LinearModel:
        on_it = about == article
        own = np.flatnonzero(asks & on_it)
        few = _OTHERS * shares[own].sum()
        kinds = (~asks & on_it, ~asks & ~on_it, asks & ~on_it)
        others = [_first(np.flatnonzero(kind), shares, few) for kind in kinds]
        labels = [_label(examples[row]) for row in own] + [f"{article}/"] * sum(map(len, others))
        rows = np.concatenate([own, *others])
        return learn_meaning(encodings[rows], labels, regularisation, shares[rows])

    # An article on each core: a regression that takes several cores for itself is slower.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        models = [*threads.map(learn, sorted(articles))]
    weights = np.concatenate([model.weights for model in models], axis=1)
    intercept = np.concatenate([model.intercept for model in models])
    return LinearModel(tuple(label for model in models for label in model.labels), weights, intercept, 1.0)


def _first(rows: NDArray[np.int64], shares: Floats, total: float) -> NDArray[np.int64]:
    """Returns the first of some rows, so many that their weights add up to a total."""
    return rows[: int(np.searchsorted(np.cumsum(shares[rows]), total, side="right"))]


def _learn_steps(turns: Sequence[PlayedTurn], encoding_of: Mapping[str, Floats]) -> Floats:
    """Returns weights and intercept of a logistic regression that tells wishes for steps from questions.

    Zeros where the turns are all of one kind.
    """
    from sklearn.linear_model import LogisticRegression

    known = [turn for turn in turns if turn.text in encoding_of]
    wants = [turn.wants_steps for turn in known]
    if len({*wants}) < 2:
        return np.zeros(load_sentence_encoder().dimension + 1, np.float32)
    found = LogisticRegression(C=_STEPS_C, class_weight="balanced", max_iter=200)
    found.fit(np.stack([encoding_of[turn.text] for turn in known]), wants)
    return np.append(found.coef_[0], found.intercept_).astype(np.float32)


@dataclass(frozen=True)
class PassageFinder:
    """A logistic regression for each article over sentence encodings, beside the mean of each passage's questions.

    The regressions stand side by side in one model, whose labels are `issue/slug`; `issue/` stands for what asks for
    none of an article's passages, wishes for its steps among it.
    """

    model: LinearModel
    ngrams: NgramFeatures
    """Fitted on all messages."""
    similar: sparse.csr_matrix
    """(n-grams, labels): the mean of each passage's questions and of what wants an issue's steps, of unit length."""
    meanings: Floats
    """(dimensions, labels): the mean encoding of the same messages, of unit length."""
    steps: Floats
    """(dimensions + 1,): weights and intercept of a logistic regression that tells wishes for steps from questions."""
    counts: PassageCounts

    @cached_property
    def _labels(self) -> PassageLabels:
        return PassageLabels(self.model.labels, self.counts)

    @classmethod
    def learn(
        cls,
        questions: Sequence[LabelledText],
        first_messages: Sequence[LabelledText],
        turns: Sequence[PlayedTurn],
        regularisation: float,
    ) -> PassageFinder:
        """Learns from known questions.

        Args:
            questions: questions of all languages, each with the passage that answers it.
            first_messages: messages on issues, which want the steps and no passage.
            turns: what was asked in played conversations; learned from as questions are.
            regularisation: inverse strength of regularisation (`C`).
        """
        articles = {str(question.passage).partition("/")[0] for question in questions}
        known = {*(question.passage for question in questions), *(f"{article}/" for article in articles)}
        played = [*_played(turns, known)]
        # A mixed order that is the same each time.
        examples = sorted((*questions, *played, *first_messages), key=lambda example: zlib.crc32(example.text.encode()))
        of_turns = {*played}
        shares = np.array([_TURN_SHARE if example in of_turns else 1.0 for example in examples], np.float32)
        row_of_text = {text: row for row, text in enumerate(dict.fromkeys(example.text for example in examples))}
        encoded = load_sentence_encoder().encode_for_training([*row_of_text])
        place = [row_of_text[example.text] for example in examples]
        model = _learn_articles(examples, encoded[place], shares, articles, regularisation)
        ngrams = NgramFeatures()
        counted = ngrams.fit_transform([*row_of_text])
        row_of = {label: row for row, label in enumerate(model.labels)}
        of_label = [column for column, example in enumerate(examples) if _label(example) in row_of]
        shares[[example.passage is None for example in examples]] = _FIRST_SHARE
        rows = [row_of[_label(examples[column])] for column in of_label]
        columns = [place[column] for column in of_label]
        sums = sparse.csr_matrix((shares[of_label], (rows, columns)), (len(row_of), len(encoded)))
        similar, meanings = normalize(sums @ counted).T.tocsr(), normalize(sums @ encoded).T
        steps = _learn_steps(turns, {text: encoded[row] for text, row in row_of_text.items()})
        return cls(model, ngrams, similar, meanings, steps, PassageCounts.learn(model.labels, turns))

    def find_in_article(self, text: str, issue: str, product: str | None) -> FoundPassage:
        """Returns the passage of an issue's article, or its steps, that a message asks for, and how likely it does.

        No conversation and no other article count.

        Args:
            text: the message.
            issue: the article's.
            product: the customer's, None where it is not known: then each passage may be asked for.
        """
        slugs = {}
        for label, column in self._labels.rows.items():
            about, _, slug = label.partition("/")
            if about == issue and (product is None or section_product(slug) in (product, None)):
                slugs[column] = slug
        if not slugs:
            return FoundPassage(issue, "", 0.0)
        likely = softmax(self.model.scores(load_sentence_encoder().encode([text]))[:, [*slugs]])[0]
        return FoundPassage(issue, [*slugs.values()][likely.argmax()], float(likely.max()))

    def find(self, text: str, evidence: Evidence) -> Found:
        """Returns what a message may ask for where it is said; what was shown is not found again.

        Args:
            text: the message.
            evidence: what else is known of it.
        """
        similar = (self.ngrams.transform([text]) @ self.similar).toarray()[0]
        encoder = load_sentence_encoder()
        encoded, asked = encoder.encode([text]), np.concatenate([encoder.encode([each]) for each in _questions(text)])
        scores = self.model.scores(encoded)[0]
        meanings = np.stack([(encoded @ self.meanings)[0], (asked @ self.meanings).max(axis=0)])
        wants_steps = float(np.clip(encoded[0] @ self.steps[:-1] + self.steps[-1], -_STEPS_MOST, _STEPS_MOST))
        given = [self._labels.rows[name] for name in evidence.given if name in self._labels.rows and name[-1] != "/"]
        like_given = (self.meanings[:, given].T @ self.meanings).max(axis=0, initial=0.0)
        words = len(text.split())
        shares = self._labels.probabilities(scores, similar, meanings, like_given, wants_steps, words, evidence)
        names = (*self.model.labels, NOTHING)
        order = np.argsort(-shares, kind="stable")[: np.count_nonzero(shares >= _LEAST)]
        return Found([(names[column], share) for column, share in zip(order, shares[order].tolist(), strict=True)])

    def save(self, folder: Path) -> None:
        """Writes it into a folder; words and means as half precision."""
        self.model.save(folder / _MODEL)
        self.counts.save(folder)
        (folder / _LABELS).write_text(json.dumps(self.model.labels), encoding="utf8")
        np.save(folder / _RARITY, self.ngrams.idf)
        np.save(folder / _MEANINGS, self.meanings.astype(np.float16))
        np.save(folder / _STEPS, self.steps)
        columns, rows = self.similar.indices.astype(np.uint16), self.similar.indptr
        np.savez(folder / _SIMILAR, data=self.similar.data.astype(np.float16), columns=columns, rows=rows)

    @classmethod
    def load(cls, folder: Path) -> PassageFinder:
        """Reads what `save` wrote."""
        labels = json.loads((folder / _LABELS).read_text(encoding="utf8"))
        ngrams = NgramFeatures()
        ngrams.idf = np.load(folder / _RARITY)
        with np.load(folder / _SIMILAR) as kept:
            parts = (kept["data"].astype(np.float32), kept["columns"].astype(np.int32), kept["rows"])
        similar = sparse.csr_matrix(parts, (len(ngrams.idf), len(labels)))
        meanings = np.load(folder / _MEANINGS).astype(np.float32)
        model, steps = LinearModel.load(folder / _MODEL, labels), np.load(folder / _STEPS)
        return cls(model, ngrams, similar, meanings, steps, PassageCounts.load(folder))
