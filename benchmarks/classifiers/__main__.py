"""Compares our intent classifier with DIET and a stock Rasa pipeline on BANKING77 and CLINC150.

python -m benchmarks.classifiers [--data banking77 clinc150] [--systems ours diet logistic] [--results FOLDER]

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
from benchmarks.classifiers.systems import systems
from benchmarks.classifiers.training import TrainingError

RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    known = systems()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifiers", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", nargs="+", choices=list(DATA_SETS), default=list(DATA_SETS))
    parser.add_argument("--systems", nargs="+", choices=list(known), default=list(known))
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    options = parser.parse_args(arguments)
    if not FOLDER.is_dir():
        print(f"error: the data sets are not on this machine ({FOLDER}).", file=sys.stderr)
        return 2
    try:
        for name in options.data:
            data = DATA_SETS[name]()
            print(f"\n{name}: {len(data.train)} phrases to learn from, {len(data.test)} to be asked", flush=True)
            results: list[Result] = []
            for system in options.systems:
                print(f"{known[system].title} ...", file=sys.stderr, flush=True)
                results.append(compare(known[system], data, options.results))
            print(f"\n{table(results)}", flush=True)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
