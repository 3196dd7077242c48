"""Finds what a message in a conversation asks for: a passage of an article, an issue's steps, or nothing of ours."""

from __future__ import annotations

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from bot.articles.parts import section_product, without_product
from bot.encoder.sentences import Floats, load_sentence_encoder
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import LinearModel, softmax
from bot.nlu.models.ngrams import NgramFeatures
from bot.nlu.models.passage_counts import PassageCounts, PlayedTurn
from bot.nlu.models.passage_scores import WEIGHTS, Evidence, PassageLabels

_MODEL, _LABELS, _SIMILAR, _MEANINGS, _RARITY = "passages.npz", "passages.json", "similar.npz", "means.npy", "idf.npy"
_OTHERS = 0.2
"""Number of first messages on the same issue, on others, and of questions on others, for each of its questions."""
_CHOICE = 3
"""Number of passages that are named beside the likeliest one."""
_AGAIN_FROM, _AGAIN_MOST = 0.6, 0.65
"""Probability from which a message asks once more for a passage that was shown; it never counts for more, so that the
next likely ones come beside it: nine of thirteen times it was another that was asked for (2026-11-28)."""

_WORDS = 10.0
"""Weight of the words of a passage's questions where a case is sought, beside the encoding's 1."""
_CASE_FROM, _SECOND_CASE_FROM = 0.33, 0.2
"""Shares of probability among an article's passages from which the first and the second are offered."""

_SENTENCE_END, _SHORT = re.compile(r"(?<=[.!?…])\s+|\n+"), 2
_NOTHING = "/"
"""The label of what is neither a passage nor an issue's steps."""
_LEAST = 1e-6
"""Probability from which an answer counts."""


@dataclass(frozen=True)
class FoundPassage:
    """A passage, an issue's steps (an empty slug) or nothing of ours (no issue), and how likely it is meant, 0-1."""

    issue: str
    slug: str
    confidence: float
    next: tuple[str, ...] = ()
    """The passages that are the next likely ones, as `issue/slug`."""
    issue_confidence: float = 0.0
    """Probability that anything of the issue is meant, 0-1."""

    @property
    def values(self) -> dict[str, str]:
        """The entities that name it."""
        return {"about": self.issue, "section": self.slug}

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names it and the next ones; none where there is no passage."""
        return _named([f"{self.issue}/{self.slug}", *self.next]) if self.slug else {}

    @property
    def others(self) -> dict[str, str]:
        """The entity that names the next ones; none where there is no other passage."""
        return _named(self.next)


def _questions(text: str) -> list[str]:
    """Returns the questions of three words or more in a message, all its sentences where there are none."""
    sentences = [each for each in _SENTENCE_END.split(text) if len(each.split()) > _SHORT] or [text]
    return [each for each in sentences if "?" in each] or sentences


def _named(passages: Sequence[str]) -> dict[str, str]:
    return {"passages": " ".join(passages)} if passages else {}


@dataclass(frozen=True)
class Found:
    """Answers that a message may ask for, likeliest first: passages, the steps of issues, or nothing of ours.

    Args:
        likely: `issue/slug`, `issue/` or `/`, and the probability of each.
    """

    likely: Sequence[tuple[str, float]]

    @cached_property
    def likeliest(self) -> FoundPassage:
        """The likeliest of all; the next ones are the passages after it."""
        return self._found(self.likely[0], 1.0, [name for name, _ in self.likely[1:] if not name.endswith("/")])

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names the likeliest answers, passages and the steps of issues (`issue/`)."""
        return _named([name for name, _ in self.likely if name != _NOTHING][: _CHOICE + 1])

    @property
    def outside(self) -> float:
        """The probability that nothing of ours is asked for."""
        return dict(self.likely).get(_NOTHING, 0.0)

    def passage(self, issue: str = "") -> FoundPassage:
        """Returns the likeliest passage, of an issue's article or of all; its confidence is that among these."""
        prefix = f"{issue}/" if issue else ""
        passages = [pair for pair in self.likely if pair[0].startswith(prefix) and not pair[0].endswith("/")]
        if not passages:
            return FoundPassage(issue, "", 0.0)
        return self._found(passages[0], sum(each for _, each in passages), [name for name, _ in passages[1:]])

    def choice_on(self, issue: str) -> dict[str, str]:
        """Returns the entity that names the likeliest passages of an issue's article, and the likeliest of another."""
        own = self.passage(issue).choice.get("passages", "").split()[:_CHOICE]
        best = self.passage().choice.get("passages", "").split()
        return _named([*dict.fromkeys([*own, *best])][: _CHOICE + 1])

    def _found(self, likely: tuple[str, float], share: float, others: Sequence[str]) -> FoundPassage:
        issue, _, slug = likely[0].partition("/")
        of_issue = sum(each for name, each in self.likely if name.startswith(f"{issue}/"))
        return FoundPassage(issue, slug, likely[1] / share, tuple(others[:_CHOICE]), of_issue)


@dataclass(frozen=True)
class PassageFinder:
    """A logistic regression for each article over sentence encodings, beside the mean of each passage's questions.

    The regressions stand side by side in one model, whose labels are `issue/slug`; `issue/` is what asks for none of an
    article's passages.
    """

    model: LinearModel
    ngrams: NgramFeatures
    """Fitted on the questions."""
    similar: sparse.csr_matrix
    """(n-grams, labels): the mean of each passage's questions, of unit length."""
    meanings: Floats
    """(dimensions, labels): the mean encoding of each passage's questions, of unit length."""
    counts: PassageCounts

    @cached_property
    def _labels(self) -> PassageLabels:
        return PassageLabels(self.model.labels, self.counts)

    @cached_property
    def _columns(self) -> dict[str, dict[int, str]]:
        """Issue -> its columns of the model -> what each stands for, a passage's slug or empty."""
        columns: dict[str, dict[int, str]] = {}
        for column, label in enumerate(self.model.labels):
            issue, _, slug = label.partition("/")
            columns.setdefault(issue, {})[column] = slug
        return columns

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
            turns: what was asked in played conversations.
            regularisation: inverse strength of regularisation (`C`).
        """
        # A mixed order that is the same each time.
        examples = sorted((*questions, *first_messages), key=lambda example: zlib.crc32(example.text.encode()))
        encodings = load_sentence_encoder().encode_for_training([example.text for example in examples])
        about = np.array([(example.passage or example.intent).partition("/")[0] for example in examples])
        asks = np.array([example.passage is not None for example in examples])
        models = []
        for issue in sorted({*about[asks]}):
            on_it = about == issue
            own = np.flatnonzero(asks & on_it)
            few = int(_OTHERS * len(own))
            others = [np.flatnonzero(which)[:few] for which in (~asks & on_it, ~asks & ~on_it, asks & ~on_it)]
            labels = [str(examples[row].passage) for row in own] + [f"{issue}/"] * sum(map(len, others))
            models.append(learn_meaning(encodings[np.concatenate([own, *others])], labels, regularisation))
        labels = [label for model in models for label in model.labels]
        ngrams = NgramFeatures()
        counted = ngrams.fit_transform([question.text for question in questions])
        row_of = {label: row for row, label in enumerate(labels)}
        rows = [row_of[str(question.passage)] for question in questions]
        sums = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, range(len(rows)))), (len(labels), len(rows)))
        row_of_text = {example.text: row for row, example in enumerate(examples)}
        encoded = encodings[[row_of_text[question.text] for question in questions]]
        similar, meanings = normalize(sums @ counted).T.tocsr(), normalize(sums @ encoded).T
        weights = np.concatenate([model.weights for model in models], axis=1)
        intercept = np.concatenate([model.intercept for model in models])
        model, counts = LinearModel(tuple(labels), weights, intercept, 1.0), PassageCounts.learn(labels, turns)
        return cls(model, ngrams, similar, meanings, counts)

    def find_first(self, text: str, issue: str, product: str | None) -> FoundPassage:
        """Returns the passage of an issue's article that a message on it asks for, which no conversation precedes.

        Args:
            text: the message.
            issue: the article's.
            product: the customer's, None where it is not known.
        """
        slugs = self._slugs(issue, product)
        if not slugs:
            return FoundPassage(issue, "", 0.0)
        likely = softmax(self.model.scores(load_sentence_encoder().encode([text]))[:, [*slugs]])[0]
        return FoundPassage(issue, [*slugs.values()][likely.argmax()], float(likely.max()))

    def cases(self, text: str, issue: str, product: str | None) -> tuple[list[str], float]:
        """Returns the passages that fit the case which a first message describes, and how likely the first one does.

        They are written `issue/slug`, likeliest first; the probability is one among the passages of the article.

        Args:
            text: the message.
            issue: the article's.
            product: the customer's; where it is not known, each passage counts with those for the other products.
        """
        slugs = {column: slug for column, slug in self._slugs(issue, product).items() if slug}
        if not slugs:
            return [], 0.0
        scores = self.model.scores(load_sentence_encoder().encode([text]))[0, [*slugs]]
        scores += _WORDS * (self.ngrams.transform([text]) @ self.similar[:, [*slugs]]).toarray()[0]
        scores += WEIGHTS["asked"] * self.counts.asked[[*slugs]]
        shares: dict[str, float] = defaultdict(float)
        for slug, share in zip(slugs.values(), softmax(scores[None])[0], strict=True):
            shares[without_product(slug)] += float(share)
        first, second = sorted((*shares, ""), key=lambda name: -shares[name])[:2]
        fits = {name for name, least in ((first, _CASE_FROM), (second, _SECOND_CASE_FROM)) if shares[name] >= least}
        known = sorted(slugs.values(), key=lambda slug: without_product(slug) != first)
        found = [f"{issue}/{slug}" for slug in known if first in fits and without_product(slug) in fits]
        return found, shares[first]

    def _slugs(self, issue: str, product: str | None) -> dict[int, str]:
        """Returns the columns of an issue's passages for a product, and that of its steps, with their slugs."""
        own, columns = (product, None), self._columns.get(issue, {})
        return {column: slug for column, slug in columns.items() if product is None or section_product(slug) in own}

    def find(self, text: str, evidence: Evidence, again: bool = False) -> Found:
        """Returns what a message may ask for where it is said.

        Args:
            text: the message.
            evidence: what else is known of it.
            again: whether a passage that was shown is found where the message surely asks for it once more.
        """
        similar = (self.ngrams.transform([text]) @ self.similar).toarray()[0]
        encoder = load_sentence_encoder()
        encoded, asked = encoder.encode([text]), np.concatenate([encoder.encode([each]) for each in _questions(text)])
        scores = self.model.scores(encoded)[0]
        meanings = np.stack([(encoded @ self.meanings)[0], (asked @ self.meanings).max(axis=0)])
        names = (*self.model.labels, _NOTHING)

        def likely(known: Evidence) -> list[tuple[str, float]]:
            shares = self._labels.probabilities(scores, similar, meanings, len(text.split()), known)
            order = np.argsort(-shares, kind="stable")[: np.count_nonzero(shares >= _LEAST)]
            return [(names[column], share) for column, share in zip(order, shares[order].tolist(), strict=True)]

        found = likely(evidence)
        if again and evidence.given:
            first, *_ = likely(replace(evidence, given=()))
            if first[0] in evidence.given and first[1] >= _AGAIN_FROM:
                most = min(first[1], _AGAIN_MOST)
                found = [(first[0], most), *((name, share * (1 - most)) for name, share in found)]
        return Found(found)

    def save(self, folder: Path) -> None:
        """Writes it into a folder; words and means as half precision."""
        self.model.save(folder / _MODEL)
        self.counts.save(folder)
        (folder / _LABELS).write_text(json.dumps(self.model.labels), encoding="utf8")
        np.save(folder / _RARITY, self.ngrams.idf)
        np.save(folder / _MEANINGS, self.meanings.astype(np.float16))
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
        model, counts = LinearModel.load(folder / _MODEL, labels), PassageCounts.load(folder)
        return cls(model, ngrams, similar, meanings, counts)
