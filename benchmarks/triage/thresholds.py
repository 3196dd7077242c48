"""Computes when Triage names a second issue, for config.yml, on messages that the asked classifier has not seen."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.triage.held_out import single_issue_messages
from benchmarks.triage.messages import development_messages
from bot.articles.examples import Example, read_examples
from bot.articles.issues import load_issues
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models.triage_evidence import (
    PAIR_FEATURES,
    Parts,
    Scores,
    issue_pairs,
    parts_of,
)
from bot.regression.measure import Labelled
from bot.settings import get_settings

HELD_BACK = 0.2
"""Share of the situations, and of the phrases without one, on which the classifier is not trained."""
MISUNDERSTOOD_KEPT = 1 / 7
"""A third of our phrases is roundabout on purpose. Of those that are misunderstood even alone only this share is
joined into messages, so that the messages are about as hard as those of held-out customers."""
MOST_FALSE_SECONDS = 0.025
"""Share of held-out phrases with one issue in which a second one may be seen: half of what is promised, because
e-mails have more of them."""


def thresholds(seed: int = 3) -> dict[str, Any]:
    """Trains a classifier on a part of the phrases and returns the settings of Triage that suit the rest.

    Args:
        seed: seed of the choice of the phrases held back.
    """
    trained, held_back = _split(read_examples(get_settings().data_dir / "nlu"), seed)
    issues = frozenset(load_issues())
    with _classifier(trained) as classifier:
        alone = dict(zip(held_back, classifier.model.predict([example.text for example in held_back]), strict=True))
        dice = random.Random(seed)
        understood = [
            example
            for example in held_back
            if next(iter(alone[example])) == example.intent or dice.random() < MISUNDERSTOOD_KEPT
        ]
        messages = development_messages(understood)
        single = single_issue_messages()
        parts = [_parts(message) for message in (*messages, *single)]
        scores = _ask(classifier, parts)
    developed, held_out = parts[: len(messages)], parts[len(messages) :]
    weights, bias = _pair_weights(messages, developed, scores, issues)
    best = [_best_confidence(one, scores, issues, weights, bias) for one in held_out]
    return {
        "second_issue": {**dict(zip(PAIR_FEATURES, weights, strict=True)), "bias": bias},
        "second_issue_confidence": float(np.quantile(best, 1 - MOST_FALSE_SECONDS)),
    }


def _split(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """Holds back whole situations: what is told in one language would give it away in the others."""
    dice = random.Random(seed)
    situations = sorted({(e.intent, e.situation) for e in examples if e.situation})
    away = set(dice.sample(situations, int(len(situations) * HELD_BACK)))
    trained: list[Example] = []
    held_back: list[Example] = []
    for example in examples:
        hidden = (example.intent, example.situation) in away if example.situation else dice.random() < HELD_BACK
        (held_back if hidden else trained).append(example)
    return trained, held_back


@contextmanager
def _classifier(examples: Sequence[Example]) -> Iterator[LinearIntentClassifier]:
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource
    from rasa.shared.nlu.constants import INTENT, TEXT
    from rasa.shared.nlu.training_data.message import Message
    from rasa.shared.nlu.training_data.training_data import TrainingData

    with tempfile.TemporaryDirectory() as folder:
        classifier = LinearIntentClassifier.create(
            {**LinearIntentClassifier.get_default_config(), "meaning_share": 0.0},  # parts are judged by words alone
            LocalModelStorage.create(Path(folder)),
            Resource("classifier"),
            ExecutionContext(GraphSchema({})),
        )
        classifier.train(TrainingData([Message({TEXT: e.text, INTENT: e.intent}) for e in examples]))
        yield classifier


def _ask(classifier: LinearIntentClassifier, messages: Sequence[Parts]) -> Scores:
    keys = list(dict.fromkeys((one.language, text) for one in messages for text in one.texts))
    batches = [keys[start : start + 2000] for start in range(0, len(keys), 2000)]
    confidences = np.concatenate([classifier.model.word_confidences([text for _, text in batch]) for batch in batches])
    labels = classifier.model.labels
    return {key: dict(zip(labels, row, strict=True)) for key, row in zip(keys, confidences.tolist(), strict=True)}


def _parts(message: Labelled) -> Parts:
    return parts_of(message.text, message.language, get_settings().data_dir)


def _pair_weights(
    messages: Sequence[Labelled], parts: Sequence[Parts], scores: Scores, issues: frozenset[str]
) -> tuple[tuple[float, ...], float]:
    """Fits the logistic regression on each message's best pair; what the best is, follows from the last fit."""
    from sklearn.linear_model import LogisticRegression

    pairs = [issue_pairs(one, scores, issues) for one in parts]
    weights: tuple[float, ...] = (1.0, 0.0, 0.3)
    bias = 0.0
    for _ in range(4):
        chosen = [
            (max(found, key=lambda pair: pair.confidence(weights, bias)), message)
            for found, message in zip(pairs, messages, strict=True)
            if found
        ]
        # A message with two issues of which another pair came out best teaches neither.
        rows = [(pair, m) for pair, m in chosen if len(m.issues) < 2 or {pair.first, pair.second} == set(m.issues)]
        targets = np.array([len(message.issues) == 2 for _, message in rows])
        model = LogisticRegression(class_weight="balanced").fit([pair.features for pair, _ in rows], targets)
        weights, bias = tuple(float(weight) for weight in model.coef_[0]), float(model.intercept_[0])
    return weights, bias


def _best_confidence(
    parts: Parts, scores: Scores, issues: frozenset[str], weights: tuple[float, ...], bias: float
) -> float:
    return max((pair.confidence(weights, bias) for pair in issue_pairs(parts, scores, issues)), default=0.0)
