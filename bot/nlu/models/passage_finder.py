"""Finds what a message in a conversation asks for: a passage of an article, an issue's steps, or nothing of ours."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from bot.articles.parts import passage_kind, section_product
from bot.encoder.sentences import load_sentence_encoder
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import LinearModel, softmax
from bot.nlu.models.ngrams import NgramFeatures

_MODEL, _LABELS, _SIMILAR, _RARITY = "passages.npz", "passages.json", "similar.npz", "idf.npy"
_BUCKETS = 2**16
_OTHERS = 0.2
"""So many first messages on an article's issue, on other issues, and questions on those, for each of its questions."""
_CHOICE = 2
"""So many passages are named beside the likeliest one."""
_MOST_ODDS = 6.0
_LONG = 8
"""A question of so many words mostly says itself what it is about."""

OUTSIDE = "out_of_scope"

WEIGHTS: Mapping[str, float] = {
    # Of a passage: log probability among those of its article; cosine to the words of its questions; log probability of
    # its kind of question; log odds that a passage of its article is asked for; log probability of its issue; whether
    # the article is the one at hand (more for a short question, which names nothing: "who can do that?"), or of an
    # earlier topic.
    "within": 0.59,
    "similar": 16.8,
    "kind": 1.38,
    "passage_odds": 0.06,
    "passage_issue": 0.3,
    "at_hand": 5.16,
    "at_hand_short": 3.96,
    "earlier": 2.6,
    # Of an issue's steps: a constant, the same odds, log probability of the issue and of a new matter.
    "steps": 5.41,
    "steps_odds": 0.22,
    "steps_issue": 1.75,
    "new_matter": 0.81,
    # Of what is outside: a constant, log probability by the ranking and by the acts.
    "outside": 4.67,
    "outside_ranking": 0.41,
    "outside_act": 1.22,
}
"""What each piece of evidence counts: a conditional logit (McFadden 1974), fitted by `benchmarks.passages --fit`."""


@dataclass(frozen=True)
class FoundPassage:
    """A passage, an issue's steps (an empty slug) or nothing of ours (no issue), and how likely it is meant, 0-1."""

    issue: str
    slug: str
    confidence: float
    next: tuple[str, ...] = ()
    """The passages that are the next likely ones, as `issue/slug`."""
    issue_confidence: float = 0.0
    """How likely anything of the issue is meant, 0-1."""

    @property
    def values(self) -> dict[str, str]:
        """The entities that name it."""
        return {"about": self.issue, "section": self.slug}

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names it and the next ones; none where there is no passage."""
        return self._named((f"{self.issue}/{self.slug}" if self.slug else "", *self.next))

    @property
    def others(self) -> dict[str, str]:
        """The entity that names the next ones; none where there is no other passage."""
        return self._named(self.next)

    def _named(self, passages: Sequence[str]) -> dict[str, str]:
        names = " ".join(filter(None, passages))
        return {"passages": names} if names else {}


@dataclass(frozen=True)
class Evidence:
    """What is known of a message and of where it is said, beside its text.

    Args:
        ranking: probability of each intent.
        acts: probability of each act, if the message is said after an answer.
        at_hand: the issue whose article the customer has before her.
        earlier: the issues that came up before that one.
        product: the customer's, None where it is not known: passages for other products do not count.
        given: the passages that were shown, as `issue/slug`; they are not found again.
    """

    ranking: Mapping[str, float]
    acts: Mapping[str, float]
    at_hand: str
    earlier: Collection[str] = ()
    product: str | None = None
    given: Collection[str] = ()


@dataclass(frozen=True)
class PassageFinder:
    """A logistic regression for each article over sentence encodings, beside the words of each passage's questions.

    The regressions stand side by side in one model, whose labels are `issue/slug`; `issue/` is what asks for none of an
    article's passages.
    """

    model: LinearModel
    ngrams: NgramFeatures
    """Fitted on the questions."""
    similar: sparse.csr_matrix
    """(n-grams, labels): the mean of each passage's questions, of unit length."""

    @cached_property
    def _columns(self) -> dict[str, list[int]]:
        """Issue -> its columns of the model."""
        columns: dict[str, list[int]] = {}
        for column, label in enumerate(self.model.labels):
            columns.setdefault(label.partition("/")[0], []).append(column)
        return columns

    @classmethod
    def learn(
        cls, questions: Sequence[LabelledText], first_messages: Sequence[LabelledText], regularisation: float
    ) -> PassageFinder:
        """Learns from known questions.

        Args:
            questions: questions of all languages, each with the passage that answers it.
            first_messages: messages on issues, which want the steps and no passage.
            regularisation: inverse strength of regularisation (`C`).
        """
        # A mixed order that is the same each time.
        examples = sorted((*questions, *first_messages), key=lambda example: zlib.crc32(example.text.encode()))
        encodings = load_sentence_encoder().encode_for_training([example.text for example in examples])
        about = np.array([(example.passage or example.intent).partition("/")[0] for example in examples])
        asks = np.array([example.passage is not None for example in examples])
        models = []
        for issue in sorted({*about[asks]}):
            own = np.flatnonzero(asks & (about == issue))
            few = int(_OTHERS * len(own))
            others = [
                np.flatnonzero(~asks & (about == issue))[:few],
                np.flatnonzero(~asks & (about != issue))[:few],
                np.flatnonzero(asks & (about != issue))[:few],
            ]
            labels = [str(examples[row].passage) for row in own] + [f"{issue}/"] * sum(map(len, others))
            models.append(learn_meaning(encodings[np.concatenate([own, *others])], labels, regularisation, 1.0))
        labels = [label for model in models for label in model.labels]
        ngrams = NgramFeatures(_BUCKETS)
        counted = ngrams.fit_transform([question.text for question in questions])
        rows = [labels.index(str(question.passage)) for question in questions]
        sums = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, range(len(rows)))), (len(labels), len(rows)))
        return cls(
            LinearModel(
                tuple(labels),
                np.concatenate([model.weights for model in models], axis=1),
                np.concatenate([model.intercept for model in models]),
                1.0,
            ),
            ngrams,
            normalize(sums @ counted).T.tocsr(),
        )

    def find_first(self, text: str, issue: str, product: str | None) -> FoundPassage:
        """Returns the passage of an issue's article that a message on it asks for, which no conversation precedes.

        Args:
            text: the message.
            issue: the article's.
            product: the customer's, None where it is not known.
        """
        columns = [
            column
            for column in self._columns.get(issue, [])
            if product is None or section_product(self._slug(column)) in (product, None)
        ]
        if not columns:
            return FoundPassage(issue, "", 0.0)
        likely = softmax(self.model.scores(load_sentence_encoder().encode([text]))[:, columns])[0]
        return FoundPassage(issue, self._slug(columns[likely.argmax()]), float(likely.max()))

    def find(self, text: str, evidence: Evidence) -> tuple[FoundPassage, FoundPassage]:
        """Returns what a message asks for where it is said.

        Args:
            text: the message.
            evidence: what else is known of it.

        Returns:
            The likeliest of all, which may be an issue's steps or nothing of ours; and the likeliest passage, whose
            confidence is that among the passages.
        """
        names, scores = zip(*self._scores(text, evidence), strict=True)
        likely = softmax(np.array([scores], dtype=np.float32))[0]
        order = (-likely).argsort()
        of_issue: dict[str, float] = {}
        for name, probability in zip(names, likely.tolist(), strict=True):
            of_issue[name.partition("/")[0]] = of_issue.get(name.partition("/")[0], 0.0) + probability
        passages = [place for place in order if not names[place].endswith("/")]
        among = float(likely[passages].sum()) or 1.0
        following = tuple(names[place] for place in passages[1 : _CHOICE + 1])

        def found(place: int, share: float) -> FoundPassage:
            issue, _, slug = names[place].partition("/")
            return FoundPassage(issue, slug, float(likely[place]) / share, following, of_issue[issue])

        passage = found(passages[0], among) if passages else FoundPassage(evidence.at_hand, "", 0.0)
        return found(order[0], 1.0), passage

    def _scores(self, text: str, evidence: Evidence) -> Iterator[tuple[str, float]]:
        """Yields what a message may ask for, each with its score: `issue/slug`, `issue/` for steps, `/` for neither."""
        scores = self.model.scores(load_sentence_encoder().encode([text]))
        similar = (self.ngrams.transform([text]) @ self.similar).toarray()[0]
        weights = WEIGHTS
        acts = {name.removeprefix("ask_"): probability for name, probability in evidence.acts.items()}
        new_matter = weights["new_matter"] * np.log(acts.get("new_matter", 0.0) + 0.05)
        short = max(0, _LONG - len(text.split())) / _LONG
        at_hand = weights["at_hand"] + weights["at_hand_short"] * short
        for issue, columns in self._columns.items():
            within = softmax(scores[:, columns])[0]
            none = float(within[[not self._slug(column) for column in columns]].sum())
            odds = float(np.clip(np.log((1 - none + 1e-9) / (none + 1e-9)), -_MOST_ODDS, _MOST_ODDS))
            named = float(np.log(evidence.ranking.get(issue, 0.0) + 0.01))
            place = weights["earlier"] if issue in evidence.earlier else 0.0
            place = at_hand if issue == evidence.at_hand else place
            for column, probability in zip(columns, within.tolist(), strict=True):
                slug = self._slug(column)
                if not slug or f"{issue}/{slug}" in evidence.given:
                    continue
                if evidence.product is not None and section_product(slug) not in (evidence.product, None):
                    continue
                yield (
                    f"{issue}/{slug}",
                    weights["within"] * float(np.log(probability + 1e-9))
                    + weights["similar"] * float(similar[column])
                    + weights["kind"] * float(np.log(acts.get(passage_kind(slug) or "", 0.0) + 0.1))
                    + weights["passage_odds"] * odds
                    + weights["passage_issue"] * named
                    + place,
                )
            if issue != evidence.at_hand:
                steps = weights["steps"] + weights["steps_odds"] * odds + weights["steps_issue"] * named + new_matter
                yield f"{issue}/", float(steps)
        outside = weights["outside_ranking"] * np.log(evidence.ranking.get(OUTSIDE, 0.0) + 0.01)
        outside += weights["outside_act"] * np.log(acts.get(OUTSIDE, 0.0) + 0.05)
        yield "/", float(weights["outside"] + outside)

    def _slug(self, column: int) -> str:
        return self.model.labels[column].partition("/")[2]

    def save(self, folder: Path) -> None:
        """Writes it into a folder; the words' weights as half precision."""
        self.model.save(folder / _MODEL)
        (folder / _LABELS).write_text(json.dumps(self.model.labels), encoding="utf8")
        np.save(folder / _RARITY, self.ngrams.idf)
        columns, rows = self.similar.indices.astype(np.uint16), self.similar.indptr
        np.savez(folder / _SIMILAR, data=self.similar.data.astype(np.float16), columns=columns, rows=rows)

    @classmethod
    def load(cls, folder: Path) -> PassageFinder:
        """Reads what `save` wrote."""
        labels = json.loads((folder / _LABELS).read_text(encoding="utf8"))
        ngrams = NgramFeatures(_BUCKETS)
        ngrams.idf = np.load(folder / _RARITY)
        with np.load(folder / _SIMILAR) as kept:
            parts = (kept["data"].astype(np.float32), kept["columns"].astype(np.int32), kept["rows"])
        similar = sparse.csr_matrix(parts, (len(ngrams.idf), len(labels)))
        return cls(LinearModel.load(folder / _MODEL, labels), ngrams, similar)
