"""Trains one system on one data set by `rasa train nlu`, once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.classifiers.data import DataSet, write_training_file
from benchmarks.classifiers.systems import System
from bot.settings import PROJECT_ROOT

# One thread each, so that figures do not depend on how many cores are idle.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
}
QUIET = {"RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}


class TrainingError(RuntimeError):
    """`rasa train nlu` failed; the message names its log."""


@dataclass(frozen=True)
class Training:
    """What a training cost."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    """Of the largest process."""
    model_megabytes: float


def key_of(system: System, data: DataSet) -> str:
    """Returns what a result depends on as 12 hexadecimal digits: configuration, code, data."""
    phrases = json.dumps([[asdict(phrase) for phrase in part] for part in (data.train, data.test)])
    return hashlib.sha256("\n".join((system.config, system.code, phrases)).encode()).hexdigest()[:12]


def train(system: System, data: DataSet, folder: Path) -> tuple[Path, Training]:
    """Trains if the folder does not hold the model yet.

    Args:
        system: the pipeline.
        data: what it learns from.
        folder: where the model and Rasa's log are kept.

    Returns:
        The model's file, and what the training cost.

    Raises:
        TrainingError: Rasa could not train.
    """
    model, record = folder / "model.tar.gz", folder / "training.json"
    if record.exists():
        return model, Training(**json.loads(record.read_text(encoding="utf8")))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(system.config, encoding="utf8")
    write_training_file(data.train, folder / "nlu.yml")
    wall, cpu, peak = _run_rasa(folder)
    training = Training(wall, cpu, peak, model.stat().st_size / 1e6)
    record.write_text(json.dumps(asdict(training)), encoding="utf8")
    return model, training


def _run_rasa(folder: Path) -> tuple[float, float, float]:
    """Returns wall-clock seconds, processor seconds and peak memory in MB of `rasa train nlu`."""
    command = [sys.executable, "-m", "rasa", "train", "nlu", "--config", "config.yml", "--nlu", "nlu.yml"]
    command += ["--out", ".", "--fixed-model-name", "model"]
    log = folder / "train.log"
    with tempfile.TemporaryDirectory() as cache, log.open("wb") as stream:
        # A cache of its own: a component that was trained before would cost nothing.
        environment = {**os.environ, **QUIET, **ONE_THREAD, "RASA_CACHE_DIRECTORY": cache}
        environment["PYTHONPATH"] = str(PROJECT_ROOT)
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
    if process.returncode != 0 or not (folder / "model.tar.gz").exists():
        raise TrainingError(f"training failed with exit code {process.returncode}; see {log}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
