"""Finds the passage of an article that a question asks for."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bot.articles.parts import passage_kind, section_product
from bot.encoder.sentences import Floats, load_sentence_encoder
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import LinearModel, softmax

_MODEL, _LABELS = "passages.npz", "passages.json"
_OTHERS = 0.2
"""So many first messages on an article's issue, on other issues, and questions on those, for each of its questions."""
_CHOICE = 2
"""So many passages are named beside the likeliest one."""
_SMALLEST = 1e-6
_LITTLE = 0.1
"""Added to how likely each kind of question is, so that no passage is ruled out by its kind alone."""


@dataclass(frozen=True)
class FoundPassage:
    """A passage, and how likely it is what was asked for, 0-1: 0 where no passage of the article is."""

    issue: str
    slug: str
    confidence: float
    next: tuple[str, ...] = ()
    """The slugs of the passages that are the next likely ones."""
    odds: float = 0.0
    """That some passage of the article is asked for: probability over counter-probability."""

    @property
    def values(self) -> dict[str, str]:
        """The entities that name it."""
        return {"about": self.issue, "section": self.slug}

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names it and the next ones, as `issue/slug`; none where the article has no passage."""
        return self._named((self.slug, *self.next))

    @property
    def others(self) -> dict[str, str]:
        """The entity that names the next ones, as `issue/slug`; none where the article has no other passage."""
        return self._named(self.next)

    def _named(self, slugs: Sequence[str]) -> dict[str, str]:
        names = [f"{self.issue}/{slug}" for slug in slugs if slug]
        return {"passages": " ".join(names)} if names else {}


@dataclass(frozen=True)
class PassageFinder:
    """A logistic regression for each article over the sentence encodings of the questions that its passages answer.

    All stand side by side in one model, whose labels are `issue/slug`; `issue/` is what asks for none of its passages.
    """

    model: LinearModel

    @cached_property
    def _columns(self) -> dict[str, dict[str, int]]:
        """Issue -> slug -> column of the model."""
        columns: dict[str, dict[str, int]] = defaultdict(dict)
        for column, label in enumerate(self.model.labels):
            issue, slug = label.split("/")
            columns[issue][slug] = column
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
        return cls(
            LinearModel(
                tuple(label for model in models for label in model.labels),
                np.concatenate([model.weights for model in models], axis=1),
                np.concatenate([model.intercept for model in models]),
                1.0,
            )
        )

    def scores(self, text: str) -> Floats:
        """Returns the scores of all passages for a message, (1, labels)."""
        return self.model.scores(load_sentence_encoder().encode([text]))

    def find(
        self,
        scores: Floats,
        issue: str,
        product: str | None,
        kinds: Mapping[str, float] | None = None,
        given: Collection[str] = (),
    ) -> FoundPassage:
        """Returns the passage of an article that a message asks for.

        Args:
            scores: of the message, see `scores`.
            issue: the article's.
            product: the customer's, None where it is not known: passages for other products do not count.
            kinds: how likely a message that is surely a question is of each kind (`bot.articles.parts.KINDS`), 0-1;
                None for one that may as well ask nothing.
            given: the passages that were shown before, as `issue/slug`; they are not found again.

        Returns:
            The likeliest one.
        """
        slugs = [
            slug
            for slug in self._columns.get(issue, {})
            if (slug or kinds is None)
            and (product is None or section_product(slug) in (product, None))
            and f"{issue}/{slug}" not in given
        ]
        if not slugs:
            return FoundPassage(issue, "", 0.0)
        likely = softmax(scores[:, [self._columns[issue][slug] for slug in slugs]])[0]
        if kinds is not None:
            likely = likely * [kinds.get(passage_kind(slug) or "", 0.0) + _LITTLE for slug in slugs]
        nothing = float(likely[slugs.index("")]) if "" in slugs else 0.0
        odds = (float(likely.sum()) - nothing) / max(nothing, _SMALLEST)
        order = [slugs[column] for column in (-likely).argsort()]
        confidence = float(likely.max() / likely.sum()) if order[0] else 0.0
        return FoundPassage(issue, order[0], confidence, tuple(filter(None, order[1 : _CHOICE + 1])), odds)

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""
        self.model.save(folder / _MODEL)
        (folder / _LABELS).write_text(json.dumps(self.model.labels), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> PassageFinder:
        """Reads what `save` wrote."""
        labels = json.loads((folder / _LABELS).read_text(encoding="utf8"))
        return cls(LinearModel.load(folder / _MODEL, labels))
