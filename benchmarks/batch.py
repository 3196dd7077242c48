"""Measures batch triage: tickets per second, memory, beside `/model/parse` one by one, Dask and stock DIET in a batch.

    python -m benchmarks.batch [--rows 200000] [--starter FOLDER] [--without peer dask] [--model FILE]

The rows are held-out phrases of nine languages: 60 % of one, 25 % of two, 15 % of four sentences, with numbers that
vary, so that no two rows are alike. Words repeat as in real tickets, but whole sentences repeat far more often.
Beside the time by the clock stands that of the processors: on a machine that others use, too, only it means anything.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from tabulate import tabulate

from benchmarks.peer.bots import make_starter_bot, our_bot, running, starter_bot
from bot.articles.examples import read_examples
from bot.batch.reading import Columns
from bot.batch.run import Plan, triage_file
from bot.batch.workers import cores
from bot.regression.measure import HELD_OUT
from bot.settings import PROJECT_ROOT
from bot.training import train

ONE_BY_ONE = 500
"""Messages that are asked one by one: enough for a rate."""
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Measured:
    """What one way of triaging took."""

    name: str
    rows: int
    seconds: float
    processor_seconds: float
    memory_bytes: int

    @property
    def rate(self) -> float:
        """Tickets per second by the clock."""
        return self.rows / self.seconds

    @property
    def row(self) -> tuple[object, ...]:
        """The table's row."""
        milliseconds = 1000 * self.processor_seconds / self.rows
        return (self.name, self.rows, f"{self.rate:,.0f}", f"{milliseconds:.2f}", f"{self.memory_bytes / 2**20:,.0f}")


def texts(rows: int, seed: int = 4) -> Iterator[str]:
    """Yields tickets of which no two are alike."""
    by_language: dict[str, list[str]] = {}
    for example in read_examples(HELD_OUT):
        by_language.setdefault(example.language, []).append(example.text)
    dice, languages = random.Random(seed), sorted(by_language)
    for number in range(rows):
        phrases = by_language[dice.choice(languages)]
        sentences = (dice.choice(phrases) for _ in range(dice.choices((1, 2, 4), (60, 25, 15))[0]))
        text = _NUMBER.sub(lambda match: str(dice.randrange(10 ** min(9, len(match.group())))), " ".join(sentences))
        yield f"{text} {number}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--cluster-rows", type=int, help="rows for Dask; all without it")
    parser.add_argument("--model", type=Path, help="our model; without it, that of the present content")
    parser.add_argument("--starter", type=Path, help="a folder in which `rasa init --no-prompt` has been run already")
    parser.add_argument("--without", nargs="+", default=[], choices=("peer", "dask"), help="what is left out")
    options = parser.parse_args(arguments)
    model = options.model or train()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source, few = folder / "tickets.csv", folder / "few.csv"
        _write(source, options.rows)
        _write(few, options.cluster_rows or options.rows)
        alone = _one_by_one(model)
        results = [alone, _batch(f"batch, {cores()} processes", source, options.rows, model)]
        if "dask" not in options.without:
            for workers in (1, 2):
                with _cluster(workers, folder) as address:
                    name = f"Dask, {workers} worker{'s' * (workers > 1)}"
                    results.append(_batch(name, few, options.cluster_rows or options.rows, model, address))
        if "peer" not in options.without:
            starter = options.starter
            if starter is None:
                starter = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                make_starter_bot(starter)
            results.append(_diet(starter))
    headings = ("measured", "tickets", "tickets/s", "processor ms a ticket", "peak memory, MiB", "x one by one")
    table = [(*one.row, f"{one.rate / alone.rate:.1f}") for one in results]
    print(tabulate(table, headings, tablefmt="github", disable_numparse=True))
    print("\nprocessor time, x one by one: ", end="")
    each = alone.processor_seconds / alone.rows
    print(", ".join(f"{one.name} {each / (one.processor_seconds / one.rows):.1f}" for one in results[1:]))
    return 0


def _write(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text"])
        writer.writerows((f"T{number}", text) for number, text in enumerate(texts(rows)))


def _one_by_one(model: Path) -> Measured:
    """Asks a running bot's `/model/parse`, one message after the other over one connection."""
    asked = list(texts(2 * ONE_BY_ONE, seed=5))
    with running(our_bot(model)) as bot, bot.client() as client:
        for text in asked[:ONE_BY_ONE]:  # what is loaded with the first messages is loaded before
            client.parse(text)
        with _Watch(bot.process.pid) as watch:
            for text in asked[ONE_BY_ONE:]:
                client.parse(text)
    return watch.measured("/model/parse one by one", ONE_BY_ONE)


def _batch(name: str, source: Path, rows: int, model: Path, scheduler: str | None = None) -> Measured:
    """Triages a file from beginning to end, with the start of the workers."""
    output = source.with_suffix(".parquet")
    plan = Plan(source, output, model, "csv", "parquet", Columns(), force=True, processes=cores(), scheduler=scheduler)
    with _Watch(os.getpid()) as watch:
        assert triage_file(plan).rows == rows
    return watch.measured(name, rows)


def _diet(folder: Path) -> Measured:
    """Has the bot of `rasa init` (DIET) parse a list of messages in one go, as Rasa's own evaluation does."""
    bot = starter_bot(folder)
    command = [sys.executable, "-m", "benchmarks.batch_diet", bot.command[-1], json.dumps(bot.phrases)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=PROJECT_ROOT)
    with _Watch(process.pid) as watch:
        output, _ = process.communicate()
    rows, seconds, processor_seconds = json.loads(output.splitlines()[-1])
    return Measured("rasa init (DIET), in a batch", rows, seconds, processor_seconds, watch.memory)


@contextmanager
def _cluster(workers: int, folder: Path) -> Iterator[str]:
    """A Dask scheduler and its workers, children of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, local_directory=str(folder)
    ) as cluster:
        yield cluster.scheduler_address


class _Watch:
    """Clock, processor time and peak memory of a process and all that it has started."""

    def __init__(self, process: int) -> None:
        self._first = psutil.Process(process)
        self._over = threading.Event()
        self._spent: dict[int, float] = {}
        self._thread = threading.Thread(target=self._look)
        self.memory = 0

    def __enter__(self) -> _Watch:
        self._look_once()
        self._before = dict(self._spent)
        self._began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self._over.set()
        self._thread.join()

    def measured(self, name: str, rows: int) -> Measured:
        """Returns what was measured."""
        spent = sum(seconds - self._before.get(process, 0.0) for process, seconds in self._spent.items())
        return Measured(name, rows, self.seconds, spent, self.memory)

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self._look_once()

    def _look_once(self) -> None:
        memory = 0
        try:
            family = [self._first, *self._first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in family:
            try:
                times = member.cpu_times()
                self._spent[member.pid] = times.user + times.system
                memory += member.memory_full_info().uss
            except psutil.NoSuchProcess:
                continue
        self.memory = max(self.memory, memory)


if __name__ == "__main__":
    raise SystemExit(main())
