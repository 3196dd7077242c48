"""The public data sets, split and written in the form that Rasa trains on."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn.model_selection import train_test_split

from bot.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT.parent / "shared" / "benchmarks"
OUT_OF_SCOPE = "out_of_scope"
SEED = 7


@dataclass(frozen=True)
class Phrase:
    """A phrase and the intent that it is labelled with."""

    text: str
    intent: str


@dataclass(frozen=True)
class DataSet:
    """What every system learns from, and what it is asked afterwards."""

    name: str
    train: tuple[Phrase, ...]
    test: tuple[Phrase, ...]


def banking77(folder: Path = FOLDER) -> DataSet:
    """Returns BANKING77's training file with a fifth of each intent held out (Casanueva et al. 2020)."""
    with (folder / "banking77" / "train.csv").open(encoding="utf8", newline="") as stream:
        phrases = [_phrase(row["text"], row["category"]) for row in csv.DictReader(stream)]
    intents = [phrase.intent for phrase in phrases]
    train, test = train_test_split(phrases, test_size=0.2, random_state=SEED, stratify=intents)
    return DataSet("banking77", tuple(train), tuple(test))


def clinc150(folder: Path = FOLDER) -> DataSet:
    """Returns CLINC150's own training and test parts, out-of-scope phrases included (Larson et al. 2019)."""
    parts = json.loads((folder / "clinc150" / "data_full.json").read_text(encoding="utf8"))
    train, test = (
        tuple(
            _phrase(text, OUT_OF_SCOPE if intent == "oos" else intent)
            for text, intent in [*parts[part], *parts[f"oos_{part}"]]
        )
        for part in ("train", "test")
    )
    return DataSet("clinc150", train, test)


DATA_SETS = {"banking77": banking77, "clinc150": clinc150}


def write_training_file(phrases: Sequence[Phrase], path: Path) -> None:
    """Writes the phrases as Rasa training data."""
    by_intent: dict[str, list[str]] = {}
    for phrase in phrases:
        by_intent.setdefault(phrase.intent, []).append(phrase.text)
    lines = ['version: "3.1"', "nlu:"]
    for intent, texts in sorted(by_intent.items()):
        # JSON's strings are YAML's, too: an intent such as `reverted_card_payment?` or `yes` stays what it is.
        lines += [f"- intent: {json.dumps(intent)}", "  examples: |", *(f"    - {text}" for text in texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")


def _phrase(text: str, intent: str) -> Phrase:
    # Rasa's format holds one phrase a line.
    return Phrase(" ".join(text.split()), intent)
