"""Measures our bot beside the one that `rasa init --no-prompt` makes, and prints both figures and their ratios.

python -m benchmarks.peer [--quick] [--no-training] [--model FILE] [--starter FOLDER] [--results FOLDER]

Exit code 0: every target is met; 1: one is missed; 2: nothing could be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from benchmarks.peer import measure
from benchmarks.peer.bots import BenchmarkError, Bot, make_starter_bot, our_bot, running, starter_bot, training_seconds
from benchmarks.peer.report import Row, median_row, slowest_row, table
from bot.settings import PROJECT_ROOT
from bot.training import LaunchError, train

ANSWER_TARGET = 0.6
MEMORY_TARGET = 0.8
START_TARGET = 1.0
MILLISECONDS = 1e3
MEBIBYTES = 2.0**-20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peer", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few of everything and no training: does it work at all?")
    parser.add_argument("--no-training", action="store_true", help="all but the training of both")
    parser.add_argument("--model", type=Path, help="our model; without it, that of the present content")
    parser.add_argument("--starter", type=Path, help="a folder in which `rasa init --no-prompt` has been run already")
    parser.add_argument("--results", type=Path, default=PROJECT_ROOT / "results", help="where peer.json and peer.md go")
    options = parser.parse_args(arguments)
    extent = measure.QUICK if options.quick else measure.Extent(trains=not options.no_training)
    try:
        ours = our_bot(options.model or train())
        with _starter(options.starter) as theirs:
            rows, samples = compare((ours, theirs), extent)
    except (BenchmarkError, LaunchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _write(options.results, rows, samples, extent)
    missed = [row.measured for row in rows if row.is_missed]
    print(f"\n{table(rows)}\n\n{'missed: ' + ', '.join(missed) if missed else 'every target is met'}", flush=True)
    return 1 if missed else 0


def compare(bots: tuple[Bot, Bot], extent: measure.Extent) -> tuple[list[Row], dict[str, measure.Samples]]:
    """Measures everything.

    Returns:
        The table's rows, and every single figure behind them (seconds, bytes, answers per second).
    """
    samples: dict[str, measure.Samples] = {}
    if extent.trains:
        _tell("training both from scratch")
        samples["training"] = {bot.name: [training_seconds(bot)] for bot in bots}
        _tell(", ".join(f"{name}: {seconds[0]:.0f} s" for name, seconds in samples["training"].items()))
    _tell("understanding, answers and throughput, both running")
    with running(bots[0]) as first, running(bots[1]) as second:
        both = (first, second)
        messages = {started.bot.name: measure.customers_messages(started) for started in both}
        samples["parse"] = measure.parse_seconds(both, extent)
        samples["answer"] = measure.answer_seconds(both, messages, extent)
        samples["throughput"] = measure.messages_per_second(both, messages, extent)
    _tell("starts and memory, one running at a time")
    seconds, resident, unique = measure.starts_and_memory(bots, messages, extent)
    samples |= {"start": seconds, "resident memory": resident, "unique memory": unique}
    return rows_of(samples, extent), samples


def rows_of(samples: dict[str, measure.Samples], extent: measure.Extent) -> list[Row]:
    """Returns the table's rows."""
    memory = f"after {extent.messages_before_memory} messages, all processes"
    rows = [
        median_row("start until ready", "s", samples["start"], target=START_TARGET),
        median_row(f"resident memory {memory}", "MiB", samples["resident memory"], MEBIBYTES, MEMORY_TARGET),
        median_row(f"unshared memory {memory}", "MiB", samples["unique memory"], MEBIBYTES),
        median_row("/model/parse, p50", "ms", samples["parse"], MILLISECONDS),
        slowest_row("/model/parse, p95", "ms", samples["parse"], MILLISECONDS),
        median_row("message to answer over REST, p50", "ms", samples["answer"], MILLISECONDS, ANSWER_TARGET),
        slowest_row("message to answer over REST, p95", "ms", samples["answer"], MILLISECONDS),
        median_row(f"answers per second, {extent.concurrent} conversations at once", "1/s", samples["throughput"]),
    ]
    if "training" in samples:
        rows.insert(0, median_row("training from scratch", "s", samples["training"]))
    return rows


@contextmanager
def _starter(folder: Path | None) -> Iterator[Bot]:
    if folder is not None:
        yield starter_bot(folder.resolve())
        return
    with tempfile.TemporaryDirectory() as made:
        _tell("rasa init --no-prompt")
        make_starter_bot(Path(made))
        yield starter_bot(Path(made))


def _write(folder: Path, rows: Sequence[Row], samples: dict[str, measure.Samples], extent: measure.Extent) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "rasa": version("rasa"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "extent": asdict(extent),
        "rows": [{**asdict(row), "ratio": row.ratio, "missed": row.is_missed} for row in rows],
        "samples": samples,
    }
    (folder / "peer.json").write_text(json.dumps(about, indent=1), encoding="utf8")
    heading = f"Measured {about['measured_at']} on {about['machine']}, Rasa {about['rasa']}.\n\n"
    (folder / "peer.md").write_text(heading + table(rows) + "\n", encoding="utf8")


def _tell(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
