"""Tickets from held-out phrases, and a way to run a batch in a process of its own that can be killed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.articles.examples import read_examples
from bot.batch.reading import Columns
from bot.batch.run import Plan
from bot.regression.measure import HELD_OUT

LIMIT_SECONDS = 300
DRIVER = """
import json, sys
from pathlib import Path
from bot.batch.reading import Columns
from bot.batch.run import Plan, triage_file
if __name__ == "__main__":
    source, output, model, scheduler = json.loads(sys.argv[1])
    triage_file(Plan(Path(source), Path(output), Path(model), "csv", "parquet", Columns(), processes=2,
                     scheduler=scheduler, chunk_rows=40))
"""


def write_csv(path: Path, texts: Sequence[str]) -> Path:
    """Writes tickets with the ids T1, T2 ..."""
    with path.open("w", encoding="utf8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "text"])
        rows.writerows((f"T{number}", text) for number, text in enumerate(texts, start=1))
    return path


@pytest.fixture(scope="session")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 400 tickets in nine languages, some with two issues."""
    texts = [example.text for example in read_examples(HELD_OUT)][::9]
    return write_csv(
        tmp_path_factory.mktemp("tickets") / "tickets.csv",
        [f"{first} {second} {17 * place}" for place, (first, second) in enumerate(zip(texts, texts[7:], strict=False))][
            :400
        ],
    )


@pytest.fixture(scope="session")
def plan_for(trained_model: Path) -> Callable[[Path, Path], Plan]:
    """Makes the plan of a small run on this machine."""

    def plan(source: Path, output: Path, chunk_rows: int = 40) -> Plan:
        return Plan(source, output, trained_model, "csv", "parquet", Columns(), processes=2, chunk_rows=chunk_rows)

    return plan


def start_run(plan: Plan, scheduler: str | None = None) -> subprocess.Popen[bytes]:
    """Starts a run in a process of its own."""
    told = json.dumps([str(plan.source), str(plan.output), str(plan.model), scheduler])
    command = [sys.executable, "-c", DRIVER, told]
    return subprocess.Popen(command, env={**os.environ, "PYTHONWARNINGS": "ignore"}, start_new_session=True)


def wait_for_parts(plan: Plan, process: subprocess.Popen[bytes]) -> None:
    """Waits until a run has something to lose."""
    wait_until(lambda: any(Path(f"{plan.output}.parts").glob("*.arrow")), process)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for a condition, and fails if the process ends or it never comes true."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert process.poll() is None, f"the process has ended with {process.returncode}"
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)  # between two looks, not instead of looking
