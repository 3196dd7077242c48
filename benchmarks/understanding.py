"""Prints how well the trained model understands the held-out phrases, per language, and phrases that people typed.

python -m benchmarks.understanding [--errors] [--confusions] [--languages] [--plot FILE]
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.held_out import Prediction, language_accuracy, predict, read_banking77, summarise
from bot.articles.examples import read_examples
from bot.regression.measure import HELD_OUT, NluModel
from bot.settings import PROJECT_ROOT
from bot.training import train

BANKING77 = PROJECT_ROOT.parent / "shared" / "benchmarks" / "banking77" / "train.csv"
COLUMNS = ("issue_accuracy", "dialogue_accuracy", "out_of_scope_recall", "false_refusals", "calibration_error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors", action="store_true", help="list every phrase that was misunderstood")
    parser.add_argument("--confusions", action="store_true", help="list which intents are taken for which")
    parser.add_argument("--languages", action="store_true", help="list which languages are taken for which")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw how often each confidence was right")
    options = parser.parse_args(arguments)
    model = NluModel(train())
    examples = read_examples(HELD_OUT)
    alone, paged = predict(model, examples), predict(model, examples, with_page=True)
    header = ["language", *COLUMNS, "language >=4 words", "language >=2 words", "with page"]
    print(" | ".join(header))
    for language in sorted({example.language for example in examples}):
        print(_row(language, [_of(alone, language), _of(paged, language)]))
    print(_row("all", [alone, paged]))
    if BANKING77.exists():
        typed = predict(model, read_banking77(BANKING77))
        right = sum(p.intent == p.example.intent for p in typed) / len(typed)
        print(f"phrases that people typed (BANKING77, {len(typed)}): {right:.1%} right as the bot behaves")
    if options.confusions:
        _print_pairs(alone, lambda p: (p.example.intent, p.intent))
    if options.languages:
        _print_pairs(alone, lambda p: (p.example.language, p.language))
    if options.plot:
        _plot(alone, options.plot)
    if options.errors:
        for p in alone:
            if p.intent != p.example.intent:
                error = f"{p.example.language} {p.example.intent} -> {p.intent} ({p.best} {p.confidence:.2f})"
                print(f"{error}: {p.example.text}")
    return 0


def _print_pairs(predictions: list[Prediction], pair: Callable[[Prediction], tuple[str, str]]) -> None:
    print("\n| right | taken for | times | languages |\n|---|---|---|---|")
    wrong = [(p.example.language, *pair(p)) for p in predictions if pair(p)[0] != pair(p)[1]]
    for (right, taken), times in Counter(found[1:] for found in wrong).most_common():
        languages = " ".join(sorted({language for language, *found in wrong if found == [right, taken]}))
        print(f"| {right} | {taken} | {times} | {languages} |")


def _plot(predictions: list[Prediction], file: Path) -> None:
    """Draws a reliability diagram (DeGroot & Fienberg 1983) for each language, ten bins."""
    from matplotlib.figure import Figure

    languages = sorted({prediction.example.language for prediction in predictions})
    figure = Figure(figsize=(9, 9), layout="constrained")
    for number, language in enumerate(languages, start=1):
        own = _of(predictions, language)
        bins: dict[int, list[Prediction]] = {}
        for prediction in own:
            bins.setdefault(min(9, int(10 * prediction.confidence)), []).append(prediction)
        axes = figure.add_subplot(3, 3, number)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        means = [sum(p.confidence for p in part) / len(part) for _, part in sorted(bins.items())]
        shares = [sum(p.best == p.example.intent for p in part) / len(part) for _, part in sorted(bins.items())]
        sizes = [4 + len(part) for _, part in sorted(bins.items())]
        axes.plot(means, shares, color="#0b5cad", linewidth=1)
        axes.scatter(means, shares, s=sizes, color="#0b5cad", alpha=0.6)
        axes.set_title(f"{language}: calibration error {summarise(own)['calibration_error']:.1%}", fontsize=10)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("confidence", fontsize=8)
        axes.set_ylabel("share right", fontsize=8)
    figure.savefig(file)
    print(f"drawn: {file}")


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
