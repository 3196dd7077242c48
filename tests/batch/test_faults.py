"""Runs and workers that are killed, on this machine and on a Dask cluster: the result is the same, byte for byte."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from bot.batch.reading import BatchError
from bot.batch.run import Plan, triage_file
from tests.batch.conftest import LIMIT_SECONDS, start_run, wait_for_parts, write_csv
from tests.conftest import ROOT, free_port


@pytest.fixture(scope="module")
def undisturbed(
    tickets: Path, plan_for: Callable[[Path, Path], Plan], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The result of a run that nothing happens to."""
    plan = plan_for(tickets, tmp_path_factory.mktemp("undisturbed") / "out.parquet")
    assert triage_file(plan).rows > 300
    return plan.output.read_bytes()


def test_a_killed_run_goes_on_where_it_was(
    tickets: Path, plan_for: Callable[[Path, Path], Plan], tmp_path: Path, undisturbed: bytes
) -> None:
    plan = plan_for(tickets, tmp_path / "out.parquet")
    process = start_run(plan)
    wait_for_parts(plan, process)
    with pytest.raises(BatchError, match="another run"):
        triage_file(plan)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in Path(f"{plan.output}.parts").glob("*.arrow")}
    assert done
    assert not plan.output.exists()
    second = start_run(plan)
    assert second.wait(LIMIT_SECONDS) == 0
    assert plan.output.read_bytes() == undisturbed


def test_a_worker_that_dies_is_replaced(plan_for: Callable[[Path, Path], Plan], tickets: Path, tmp_path: Path) -> None:
    """Also where a chunk is longer than a pipe takes, so that one is half written when the worker dies."""
    with tickets.open(encoding="utf8", newline="") as stream:
        texts = [row["text"] + " ." * 1500 for row in csv.DictReader(stream)]
    long_ones = write_csv(tmp_path / "tickets.csv", texts)
    alone = plan_for(long_ones, tmp_path / "undisturbed.parquet")
    triage_file(alone)
    plan = plan_for(long_ones, tmp_path / "out.parquet")
    process = start_run(plan)
    wait_for_parts(plan, process)
    # Workers are the children of what they are forked from, which is a child of the run.
    (worker, *_) = [worker for child in psutil.Process(process.pid).children() for worker in child.children()]
    worker.kill()
    assert process.wait(LIMIT_SECONDS) == 0
    assert plan.output.read_bytes() == alone.output.read_bytes()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler with two workers, each a process of its own."""
    if not _has_dask():
        if os.environ.get("REQUIRE_SERVERS") == "1":
            pytest.fail("distributed is not installed; `uv sync --group cluster` installs it")
        pytest.skip("distributed is not installed (`uv sync --group cluster`)")
    address = f"tcp://127.0.0.1:{free_port()}"
    common = ["--no-dashboard", "--local-directory", str(tmp_path)]
    scheduler = [
        "distributed.cli.dask_scheduler",
        *("--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"),
    ]
    worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", *common]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment)
        for command in (scheduler, worker, worker)
    ]
    try:
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _has_dask() -> bool:
    try:
        import distributed  # noqa: F401
    except ImportError:
        return False
    return True


def test_a_cluster_with_a_killed_worker_gives_the_same_result(
    tickets: Path,
    plan_for: Callable[[Path, Path], Plan],
    tmp_path: Path,
    undisturbed: bytes,
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
) -> None:
    address, workers = cluster
    plan = plan_for(tickets, tmp_path / "out.parquet")
    process = start_run(plan, address)
    wait_for_parts(plan, process)
    workers[0].kill()
    assert process.wait(LIMIT_SECONDS) == 0
    assert plan.output.read_bytes() == undisturbed
    assert workers[1].poll() is None


def test_a_scheduler_that_does_not_answer_is_told(
    tickets: Path, plan_for: Callable[[Path, Path], Plan], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    plan = replace(plan_for(tickets, tmp_path / "out.parquet"), scheduler=f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(BatchError, match="no Dask scheduler"):
        triage_file(plan)
