"""Compares our intent classifier with DIET and a stock Rasa pipeline on BANKING77 and CLINC150.

python -m benchmarks.classifiers [--data banking77 clinc150] [--systems ours diet logistic] [--epochs 100]

What was measured before is taken from the results folder as long as configuration, code and data are the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.classifiers.comparison import Result, compare
from benchmarks.classifiers.data import DATA_SETS, FOLDER
from benchmarks.classifiers.report import table
from benchmarks.classifiers.systems import STOCK_EPOCHS, SYSTEMS, systems
from benchmarks.classifiers.training import TrainingError
from bot.settings import PROJECT_ROOT

RESULTS = Path(__file__).parent / "results"
MODELS = PROJECT_ROOT / "models" / "classifiers"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifiers", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", nargs="+", choices=list(DATA_SETS), default=list(DATA_SETS))
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--epochs", type=int, default=STOCK_EPOCHS, help="how long DIET learns")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the data sets are")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--models", type=Path, default=MODELS, help="where models and logs are kept")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        print(f"error: the data sets are not on this machine ({options.folder}).", file=sys.stderr)
        return 2
    known = systems(options.epochs)
    try:
        for name in options.data:
            data = DATA_SETS[name](options.folder)
            print(f"\n{name}: {len(data.train)} phrases to learn from, {len(data.test)} to be asked", flush=True)
            results: list[Result] = []
            for system in options.systems:
                print(f"{known[system].title} ...", file=sys.stderr, flush=True)
                results.append(compare(known[system], data, options.results, options.models))
            print(f"\n{table(results)}", flush=True)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
