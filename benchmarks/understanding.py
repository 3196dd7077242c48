"""Prints how well the trained model understands the held-out phrases, per language, and phrases that people typed.

python -m benchmarks.understanding [--errors]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bot.launcher import train
from bot.regression.measure import (
    NluModel,
    Prediction,
    held_out_examples,
    language_accuracy,
    predict,
    read_banking77,
    summarise,
)
from bot.settings import PROJECT_ROOT

BANKING77 = PROJECT_ROOT.parent / "shared" / "benchmarks" / "banking77" / "train.csv"
COLUMNS = ("issue_accuracy", "dialogue_accuracy", "out_of_scope_recall", "false_refusals", "calibration_error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true", help="list every phrase that was misunderstood")
    options = parser.parse_args(arguments)
    model = NluModel(train())
    examples = held_out_examples()
    alone, paged = predict(model, examples), predict(model, examples, with_page=True)
    header = ["language", *COLUMNS, "language >=4 words", "language >=2 words", "with page"]
    print(" | ".join(header))
    for language in sorted({example.language for example in examples}):
        print(_row(language, [_of(alone, language), _of(paged, language)]))
    print(_row("all", [alone, paged]))
    if BANKING77.exists():
        typed = predict(model, read_banking77(BANKING77))
        right = sum(p.best == p.example.intent for p in typed) / len(typed)
        print(f"phrases that people typed (BANKING77, {len(typed)}): {right:.1%} right")
    if options.errors:
        for p in alone:
            if p.intent != p.example.intent:
                told = f"{p.example.language} {p.example.intent} -> {p.intent} ({p.best} {p.confidence:.2f})"
                print(f"{told}: {p.example.text}")
    return 0


def _of(predictions: list[Prediction], language: str) -> list[Prediction]:
    return [prediction for prediction in predictions if prediction.example.language == language]


def _row(name: str, measured: list[list[Prediction]]) -> str:
    alone, paged = measured
    figures = summarise(alone)
    cells = [f"{figures[column]:.1%}" for column in COLUMNS]
    cells += [
        f"{language_accuracy(alone, 4):.1%}",
        f"{language_accuracy(alone, 2):.1%}",
        f"{language_accuracy(paged):.1%}",
    ]
    return " | ".join([name, *cells])


if __name__ == "__main__":
    raise SystemExit(main())
