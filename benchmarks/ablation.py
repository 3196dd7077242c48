"""Prints what each part of the intent classifier brings, per language, and what a language without phrases gets.

    python -m benchmarks.ablation [--zero-shot WEIGHTS...]

Each row trains the classifier of config.yml with one thing changed and asks the held-out phrases: issues right, and
BANKING77's mapped categories. A weights file learned with `encoder train --without LANGUAGE...` adds a table: the
phrases of each such language are left out of the classifier, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.articles.examples import Example, read_examples
from bot.articles.issues import load_issues
from bot.encoder import Encoder, load_encoder
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.intent_model import IntentModel, LabelledText
from bot.regression.measure import held_out_examples, read_banking77
from bot.settings import PROJECT_ROOT, get_settings

BANKING77 = PROJECT_ROOT.parent / "shared" / "benchmarks" / "banking77" / "train.csv"

ROWS: dict[str, dict[str, Any]] = {
    "n-grams alone": {"encoder_weight": 0.0},
    "+ encoding (shipped)": {},
    "without phrases of situations": {},
    "a quarter of the phrases": {},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zero-shot", nargs="+", type=Path, default=[], metavar="WEIGHTS")
    parser.add_argument("--only-zero-shot", action="store_true", help="leave the first table out")
    options = parser.parse_args(arguments)
    phrases = read_examples(get_settings().data_dir / "nlu")
    asked = [example for example in held_out_examples() if example.intent in load_issues()]
    if not options.only_zero_shot:
        _parts(phrases, asked, load_encoder())
    if options.zero_shot:
        _zero_shot(phrases, asked, options.zero_shot)
    return 0


def _parts(phrases: list[Example], asked: list[Example], encoder: Encoder) -> None:
    languages = sorted({example.language for example in asked})
    typed = read_banking77(BANKING77) if BANKING77.is_file() else []
    print("| training phrases | model | " + " | ".join(languages) + " | all | BANKING77 |")
    print("|---" * (len(languages) + 4) + "|")
    for name, changes in ROWS.items():
        used = phrases
        if name.startswith("without"):
            used = [example for example in phrases if example.situation is None]
        if name.startswith("a quarter"):
            kept = np.random.default_rng(7).random(len(phrases)) < 0.25
            used = [example for example, keep in zip(phrases, kept, strict=True) if keep]
        model = _trained(used, changes, encoder)
        right = _right(model, asked)
        cells = [right[[example.language == language for example in asked]].mean() for language in languages]
        people = _right(model, typed).mean() if typed else float("nan")
        figures = " | ".join(f"{100 * cell:.1f}" for cell in [*cells, right.mean(), people])
        print(f"| {len(used)} | {name} | {figures} |", flush=True)


def _zero_shot(phrases: list[Example], asked: list[Example], files: Iterable[Path]) -> None:
    print("| language without phrases | n-grams | linear, with encoding | near phrases | shipped mix |")
    print("|---" * 5 + "|", flush=True)
    for file in files:
        encoder = load_encoder(file)
        for language in encoder.provenance["languages_without_phrases"]:
            others = [example for example in phrases if example.language != language]
            own = [example for example in asked if example.language == language]
            rows: list[dict[str, Any]] = [{"encoder_weight": 0.0}, {"foreign": 0.0}, {"foreign": 1.0}, {}]
            shares = [_right(_trained(others, changes, encoder), own).mean() for changes in rows]
            print(f"| {language} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |", flush=True)


def _trained(phrases: Sequence[Example], changes: Mapping[str, Any], encoder: Encoder) -> IntentModel:
    model = IntentModel({**LinearIntentClassifier.get_default_config(), **changes}, encoder)
    texts = [LabelledText(example.text, example.intent, example.language) for example in phrases]
    model.learn(texts)
    return model


def _right(model: IntentModel, asked: Sequence[Example]) -> NDArray[np.bool_]:
    rankings = model.predict([example.text for example in asked], languages=[example.language for example in asked])
    return np.array([ranking.intent == example.intent for ranking, example in zip(rankings, asked, strict=True)])


if __name__ == "__main__":
    raise SystemExit(main())
