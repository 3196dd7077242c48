"""Loads a trained model's intent classifier; finds a prediction's strongest parts and a text's nearest phrases.

`bot/regression/explain.py` puts these together to explain why a message was understood as it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.local_model_storage import LocalModelStorage

from bot.articles.examples import Example
from bot.encoder import load_encoder
from bot.nlu.intent import NoClassifierError, load_classifier
from bot.nlu.models.intent_model import IntentModel


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
        try:
            return load_classifier(storage, context).model
        except NoClassifierError as error:
            raise NoClassifierError(f"{path}: {error}") from error


def strongest(parts: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """Returns the parts that pull most towards an intent, strongest first; those that pull away are left out."""
    positive = [(name, round(part, 3)) for name, part in parts.items() if part > 0.0005]
    return sorted(positive, key=lambda pair: -pair[1])[:count]


def nearest(text: str, examples: Sequence[Example], count: int) -> list[tuple[Example, float]]:
    """Returns the nearest training phrases of a text, nearest first, each with the cosine in the encoder's space.

    Args:
        text: the text.
        examples: the training phrases to look among.
        count: how many of them are returned.
    """
    encoder = load_encoder()
    likeness = encoder.encode([example.text for example in examples]) @ encoder.encode([text])[0]
    return [(examples[place], float(likeness[place])) for place in np.argsort(-likeness, kind="stable")[:count]]
