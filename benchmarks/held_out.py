"""Predictions of a trained model on the held-out phrases, and the shares that the project is judged by."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.regression.measure import REFUSALS, NluModel, best_intent

# Phrases that people typed to a bank, of the categories that equal one of our intents. Never trained on.
BANKING77_INTENTS = {
    "declined_card_payment": "card_declined",
    "request_refund": "refund_request",
    "Refund_not_showing_up": "refund_request",
    "card_payment_not_recognised": "unrecognized_charge",
    "direct_debit_payment_not_recognised": "unrecognized_charge",
    "transaction_charged_twice": "unrecognized_charge",
    "extra_charge_on_statement": "unrecognized_charge",
    "edit_personal_details": "update_billing_details",
}


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for one phrase."""

    example: Example
    intent: str
    """The intent that the conversation would follow (`nlu_fallback` where the model was unsure)."""
    confidence: float
    """Confidence of the best intent that is not the fallback, 0-1."""
    best: str
    """The best intent that is not the fallback."""
    language: str


def predict(model: NluModel, examples: Sequence[Example], with_page: bool = False) -> list[Prediction]:
    """Asks the model for each phrase; `with_page` tells it the phrase's language as the page's locale."""
    pages = [example.language for example in examples] if with_page else None
    parsed = model.parse([example.text for example in examples], pages)
    return [_prediction(example, result) for example, result in zip(examples, parsed, strict=True)]


def _prediction(example: Example, result: dict[str, Any]) -> Prediction:
    best, confidence = best_intent(result)
    return Prediction(example, result["intent"]["name"], confidence, best, result["language"]["name"])


def read_banking77(path: Path) -> list[Example]:
    """Reads the phrases of BANKING77 whose category equals one of our intents."""
    with path.open(encoding="utf8", newline="") as stream:
        return [
            Example(row["text"], BANKING77_INTENTS[row["category"]], "en", path)
            for row in csv.DictReader(stream)
            if row["category"] in BANKING77_INTENTS
        ]


def summarise(predictions: Iterable[Prediction]) -> dict[str, float]:
    """Returns the shares that the project is judged by, each 0-1.

    `issue_accuracy` and `dialogue_accuracy`: right intents; `out_of_scope_recall`: refused among out-of-scope phrases;
    `false_refusals`: refused among issue phrases; `calibration_error`: expected calibration error over ten bins
    (Naeini et al. 2015) of issue phrases' best intent.
    """
    predictions = list(predictions)
    issues = set(load_issues())
    inside = [p for p in predictions if p.example.intent in issues]
    outside = [p for p in predictions if p.example.intent == "out_of_scope"]
    dialogue = [p for p in predictions if p.example.intent not in issues and p.example.intent != "out_of_scope"]
    return {
        "issue_accuracy": share(p.intent == p.example.intent for p in inside),
        "dialogue_accuracy": share(p.intent == p.example.intent for p in dialogue),
        "out_of_scope_recall": share(p.intent in REFUSALS for p in outside),
        "false_refusals": share(p.intent in REFUSALS for p in inside),
        "calibration_error": calibration_error(
            [p.confidence for p in predictions], [p.best == p.example.intent for p in predictions]
        ),
    }


def language_accuracy(predictions: Iterable[Prediction], words: int = 1) -> float:
    """Returns the share of phrases with at least so many words whose language was recognised."""
    return share(p.language == p.example.language for p in predictions if len(p.example.text.split()) >= words)


def calibration_error(confidences: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Returns the expected calibration error: the mean gap between confidence and accuracy, weighted by bin size."""
    confidence, correct = np.asarray(confidences), np.asarray(right, dtype=float)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - correct)
    return float(np.abs(gaps).sum() / len(confidence))


def share(values: Iterable[bool]) -> float:
    """Returns the share of true values, 0-1; not a number where there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")
