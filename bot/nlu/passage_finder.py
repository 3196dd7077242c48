"""Finds the passage of an article that a question asks for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.articles.parts import slug_kind, slug_product
from bot.encoder.sentences import load_sentence_encoder
from bot.nlu.intent_model import LabelledText, learn_meaning
from bot.nlu.linear import LinearModel, softmax

_MODEL, _LABELS = "passages.npz", "passages.json"
_LITTLE = 0.1
"""Added to how likely each kind of question is, so that no passage is ruled out by its kind alone."""


@dataclass(frozen=True)
class PassageFinder:
    """A logistic regression for each article over the sentence encodings of the questions that its passages answer.

    All stand side by side in one model, whose labels are `issue/slug`.
    """

    model: LinearModel

    @classmethod
    def learn(cls, questions: Sequence[LabelledText], regularisation: float) -> PassageFinder:
        """Learns from known questions.

        Args:
            questions: questions of all languages, each with the passage that answers it.
            regularisation: inverse strength of regularisation (`C`).
        """
        encodings = load_sentence_encoder().encode_for_training([question.text for question in questions])
        rows: dict[str, list[int]] = defaultdict(list)
        for row, question in enumerate(questions):
            rows[str(question.passage).partition("/")[0]].append(row)
        models = [
            learn_meaning(encodings[own], [str(questions[row].passage) for row in own], regularisation, 1.0)
            for own in rows.values()
        ]
        return cls(
            LinearModel(
                tuple(label for model in models for label in model.labels),
                np.concatenate([model.weights for model in models], axis=1),
                np.concatenate([model.intercept for model in models]),
                1.0,
            )
        )

    def find(self, text: str, issue: str, product: str | None, kinds: Mapping[str, float]) -> tuple[str, float]:
        """Returns the passage of an article that a question most likely asks for.

        Args:
            text: the question.
            issue: the article's.
            product: the customer's, None where it is not known: passages for other products do not count.
            kinds: how likely the question is of each kind (`bot.articles.parts.KINDS`), 0-1.

        Returns:
            Its slug and confidence, 0-1; an empty slug where the article has no passage for the product.
        """
        slugs = {
            column: slug
            for column, (about, slug) in enumerate(label.split("/") for label in self.model.labels)
            if about == issue and (product is None or slug_product(slug) in (product, None))
        }
        if not slugs:
            return "", 0.0
        scores = self.model.scores(load_sentence_encoder().encode([text]))[:, list(slugs)]
        likely = softmax(scores)[0] * [kinds.get(slug_kind(slug) or "", 0.0) + _LITTLE for slug in slugs.values()]
        best = int(likely.argmax())
        return list(slugs.values())[best], float(likely[best] / likely.sum())

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""
        self.model.save(folder / _MODEL)
        (folder / _LABELS).write_text(json.dumps(self.model.labels), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> PassageFinder:
        """Reads what `save` wrote."""
        labels = json.loads((folder / _LABELS).read_text(encoding="utf8"))
        return cls(LinearModel.load(folder / _MODEL, labels))
