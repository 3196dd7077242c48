"""Asks a trained model for every test phrase and says how well it did.

python -m benchmarks.classifiers.measure MODEL PHRASES ANSWERS    (a process of its own, started by the comparison)
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from benchmarks.classifiers.data import OUT_OF_SCOPE, Phrase
from bot.regression.measure import REFUSALS, NluModel

WARM_UP = 20


@dataclass(frozen=True)
class Answer:
    """What a model said to one phrase."""

    intent: str
    """What a conversation would follow: `nlu_fallback` where Rasa's FallbackClassifier was not sure."""
    best: str
    """The classifier's own first choice, as it would be without the FallbackClassifier."""
    milliseconds: float
    """Processor time of the whole pipeline."""


@dataclass(frozen=True)
class Figures:
    """How well a list of answers fits; all are shares, 0-1.

    `accuracy` and `macro_f1` are over the phrases that have an intent; one that was refused counts as wrong.
    `out_of_scope_recall` is None where the data set has no out-of-scope phrases.
    """

    accuracy: float
    macro_f1: float
    false_refusals: float
    out_of_scope_recall: float | None


def ask(model: Path, texts: Sequence[str]) -> list[Answer]:
    """Parses the texts one by one, as a server would."""
    loaded = NluModel(model)
    loaded.parse(list(texts[:WARM_UP]))
    answers = []
    for text in texts:
        started = time.process_time()
        (result,) = loaded.parse([text])
        milliseconds = 1000 * (time.process_time() - started)
        ranking = [entry["name"] for entry in result["intent_ranking"] if entry["name"] != "nlu_fallback"]
        answers.append(Answer(result["intent"]["name"], ranking[0], milliseconds))
    return answers


def figures(phrases: Sequence[Phrase], predicted: Sequence[str]) -> Figures:
    """Compares predicted intents with the labels.

    Args:
        phrases: n labelled phrases.
        predicted: n intents.
    """
    labels = np.array([phrase.intent for phrase in phrases])
    intents = np.array(predicted)
    inside = labels != OUT_OF_SCOPE
    refused = np.isin(intents, list(REFUSALS))
    macro_f1 = f1_score(labels[inside], intents[inside], labels=np.unique(labels[inside]), average="macro")
    return Figures(
        accuracy=float((intents == labels)[inside].mean()),
        macro_f1=float(macro_f1),
        false_refusals=float(refused[inside].mean()),
        out_of_scope_recall=None if inside.all() else float(refused[~inside].mean()),
    )


def main(arguments: Sequence[str]) -> int:
    """Reads phrases, writes answers; returns the exit code."""
    model, phrases, answers = (Path(argument) for argument in arguments)
    texts = json.loads(phrases.read_text(encoding="utf8"))
    answers.write_text(json.dumps([asdict(answer) for answer in ask(model, texts)]), encoding="utf8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
