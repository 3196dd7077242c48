"""Trains and measures one system on one data set, and keeps the result until what it depends on changes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.classifiers.data import DataSet
from benchmarks.classifiers.measure import Answer, Figures, figures
from benchmarks.classifiers.systems import System
from benchmarks.classifiers.training import ONE_THREAD, QUIET, Training, key_of, train
from bot.settings import PROJECT_ROOT


@dataclass(frozen=True)
class Result:
    """All that the table says of one system on one data set."""

    system: str
    title: str
    data: str
    key: str
    machine: str
    measured: str
    training: Training
    parse_milliseconds: float
    """Processor time of the whole pipeline for one message, median."""
    with_fallback: Figures
    """Of what a conversation would follow, Rasa's FallbackClassifier included."""
    without_fallback: Figures
    """Of the classifier's first choice."""


def compare(system: System, data: DataSet, results: Path, models: Path) -> Result:
    """Returns the kept result, or trains and measures.

    Args:
        system: the pipeline.
        data: what it learns from and is asked.
        results: folder of the kept results, one JSON file each.
        models: folder of the trained models and their logs.

    Raises:
        TrainingError: Rasa could not train.
    """
    key = key_of(system, data)
    path = results / f"{data.name}-{system.name}.json"
    if path.exists():
        kept = _read(path)
        if kept.key == key:
            return kept
    folder = models.resolve() / f"{data.name}-{system.name}-{key}"
    model, training = train(system, data, folder)
    answers = _ask(model, [phrase.text for phrase in data.test], folder)
    result = Result(
        system=system.name,
        title=system.title,
        data=data.name,
        key=key,
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        measured=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        training=training,
        parse_milliseconds=statistics.median(answer.milliseconds for answer in answers),
        with_fallback=figures(data.test, [answer.intent for answer in answers]),
        without_fallback=figures(data.test, [answer.best for answer in answers]),
    )
    results.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf8")
    return result


def _ask(model: Path, texts: Sequence[str], folder: Path) -> list[Answer]:
    """Asks in a process of its own, so that no system finds what another has loaded."""
    phrases, answers = folder / "phrases.json", folder / "answers.json"
    phrases.write_text(json.dumps(texts), encoding="utf8")
    command = [sys.executable, "-m", "benchmarks.classifiers.measure", str(model), str(phrases), str(answers)]
    with (folder / "measure.log").open("wb") as log:
        environment = {**os.environ, **QUIET, **ONE_THREAD}
        subprocess.run(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log, check=True)
    return [Answer(**answer) for answer in json.loads(answers.read_text(encoding="utf8"))]


def _read(path: Path) -> Result:
    stored = json.loads(path.read_text(encoding="utf8"))
    return Result(
        **{
            **stored,
            "training": Training(**stored["training"]),
            "with_fallback": Figures(**stored["with_fallback"]),
            "without_fallback": Figures(**stored["without_fallback"]),
        }
    )
