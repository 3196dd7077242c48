"""Prints what each part of the intent classifier brings, per language, and what a language without phrases gets.

    python -m benchmarks.ablation [--zero-shot LANGUAGE...]

Each row trains the classifier of config.yml with one thing changed and asks the held-out phrases: issues right, and
BANKING77's mapped categories. `--zero-shot` adds a table: all phrases of such a language but a few are left out, in
turn. The encoders must not have seen them either: name such ones with BOT_ENCODER and BOT_ENCODER_WEIGHTS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.held_out import read_banking77
from bot.articles.examples import Example, read_examples
from bot.articles.issues import load_issues
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.regression.measure import held_out_examples
from bot.settings import PROJECT_ROOT, get_settings

BANKING77 = PROJECT_ROOT.parent / "shared" / "benchmarks" / "banking77" / "train.csv"

FEW = 10
"""So many phrases of a language that is left out remain, as the titles of an article tree would."""

ROWS: dict[str, dict[str, Any]] = {
    "words alone": {"meaning_share": 0.0},
    "sentences alone": {"meaning_share": 1.0, "sure": 2.0},
    "both, sentences always read": {"sure": 2.0},
    "both (shipped)": {},
    "without phrases of situations": {},
    "a quarter of the phrases": {},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zero-shot", nargs="+", default=[], metavar="LANGUAGE")
    parser.add_argument("--only-zero-shot", action="store_true", help="leave the first table out")
    options = parser.parse_args(arguments)
    phrases = read_examples(get_settings().data_dir / "nlu")
    asked = [example for example in held_out_examples() if example.intent in load_issues()]
    if not options.only_zero_shot:
        _parts(phrases, asked)
    if options.zero_shot:
        _zero_shot(phrases, asked, options.zero_shot)
    return 0


def _parts(phrases: list[Example], asked: list[Example]) -> None:
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
        model = _trained(used, changes)
        right = _right(model, asked)
        cells = [right[[example.language == language for example in asked]].mean() for language in languages]
        people = _right(model, typed).mean() if typed else float("nan")
        figures = " | ".join(f"{100 * cell:.1f}" for cell in [*cells, right.mean(), people])
        print(f"| {len(used)} | {name} | {figures} |", flush=True)


def _zero_shot(phrases: list[Example], asked: list[Example], languages: Iterable[str]) -> None:
    print("| language without phrases | words alone | sentences alone | both | near phrases and words (shipped) |")
    print("|---" * 5 + "|", flush=True)
    for language in languages:
        own = [example for example in phrases if example.language == language][:FEW]
        used = [*own, *(example for example in phrases if example.language != language)]
        its = [example for example in asked if example.language == language]
        shipped = _trained(used, {})
        rows = [_right(_trained(used, ROWS[name]), its, told=False) for name in list(ROWS)[:3]]
        figures = " | ".join(f"{100 * right.mean():.1f}" for right in [*rows, _right(shipped, its)])
        print(f"| {language} | {figures} |", flush=True)


def _trained(phrases: Sequence[Example], changes: Mapping[str, Any]) -> IntentModel:
    model = IntentModel({**LinearIntentClassifier.get_default_config(), **changes})
    model.learn([LabelledText(one.text, one.intent, one.language, one.real_style) for one in phrases])
    return model


def _right(model: IntentModel, asked: Sequence[Example], told: bool = True) -> NDArray[np.bool_]:
    """Tells which examples are recognised; `told` says whether the model is told their language."""
    rankings = model.predict([one.text for one in asked], [one.language for one in asked] if told else None)
    return np.array([next(iter(ranking)) == example.intent for ranking, example in zip(rankings, asked, strict=True)])


if __name__ == "__main__":
    raise SystemExit(main())
