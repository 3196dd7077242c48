"""Loads a trained model's intent classifier; finds a prediction's strongest parts and a text's nearest phrases.

`bot/regression/explain.py` puts these together to explain why a message was understood as it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.local_model_storage import LocalModelStorage

from bot.articles.examples import Example
from bot.encoder import load_encoder
from bot.nlu.intent import load_classifier
from bot.nlu.models.intent_model import IntentModel


class NoClassifierError(ValueError):
    """A model has no intent classifier of ours."""


@dataclass(frozen=True)
class Near:
    """A training phrase beside a text."""

    example: Example
    likeness: float
    """Cosine of the two in the encoder's space, at most 1."""


def load_intent_model(path: Path) -> IntentModel:
    """Loads the intent classifier alone out of a trained Rasa model.

    Args:
        path: the model's file.

    Raises:
        NoClassifierError: it was trained without `LinearIntentClassifier`.
    """
    with tempfile.TemporaryDirectory() as folder:
        storage, metadata = LocalModelStorage.from_model_archive(Path(folder), path)
        context = ExecutionContext(graph_schema=metadata.predict_schema, model_id=metadata.model_id)
        classifier = load_classifier(storage, context)
    if classifier is not None:
        return classifier.model
    raise NoClassifierError(f"{path}: has no LinearIntentClassifier; name it in config.yml and train again.")


def strongest(parts: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """Returns the parts that pull most towards an intent, strongest first; those that pull away are left out."""
    positive = [(name, round(part, 3)) for name, part in parts.items() if part > 0.0005]
    return sorted(positive, key=lambda pair: -pair[1])[:count]


def nearest(texts: Sequence[str], examples: Sequence[Example], count: int) -> list[list[Near]]:
    """Returns the nearest training phrases of each text, by the sentence encoder, nearest first.

    Args:
        texts: n texts.
        examples: the training phrases to look among.
        count: how many of them for each text.
    """
    if not texts or not examples:
        return [[] for _ in texts]
    encoder = load_encoder()
    likeness = encoder.encode(texts) @ encoder.encode([example.text for example in examples]).T
    best = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
    rows = zip(likeness, best, strict=True)
    return [[Near(examples[place], float(row[place])) for place in places] for row, places in rows]
