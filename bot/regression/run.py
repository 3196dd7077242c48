"""One run: trains and measures in steps that are kept, so that an interrupted run is gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.articles.check import NothingToCheck
from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.regression import changes
from bot.regression.inventory import take_inventory
from bot.regression.items import Item, RegressionError, Result, read_json, unique, write_whole
from bot.regression.sets import STEPS, Asked, check_sets
from bot.regression.turnover import measure_turnover
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, fingerprint, train

CONVERSATIONS = "conversations"
DIALOGUES = "dialogues"
PEER = "peer"
EVERYTHING = (*STEPS, CONVERSATIONS, DIALOGUES, PEER)

SETS_OF = {
    "intents": ("intents", "language"),
    "real style": ("real_style",),
    "with page": ("language_with_page", "one_issue"),
    "robustness": ("robustness",),
    "entities": ("entities",),
    "triage": ("two_issues", "long", "one_issue"),
    "articles": ("articles",),
    "retrieval": ("retrieval",),
    CONVERSATIONS: ("conversations",),
    DIALOGUES: ("dialogues",),
    PEER: (),
}
"""Step -> the sets that it measures."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured."""

    sets: Path
    """Folder of the held-out sets."""
    output: Path
    """Where steps are kept until the run is complete."""
    steps: tuple[str, ...] = EVERYTHING
    model: Path | None = None
    """The model to measure; None trains one from scratch."""
    fresh: bool = False
    """Whether what an interrupted run has left is thrown away."""
    retrainings: int = 0
    """How many models are trained beside, with other seeds, to measure the turnover."""


def measure(plan: Plan) -> Result:
    """Trains and measures.

    Args:
        plan: what is to be measured.

    Raises:
        RegressionError: a step could not be done; what was done before is kept for the next run.
    """
    unfinished = plan.output / "unfinished"
    inventory = take_inventory(PROJECT_ROOT)  # what cannot be read is told before twenty minutes have passed
    asked = Asked(plan.model or Path(), plan.sets)
    try:
        check_sets(asked, plan.steps)
    except ExampleError as error:
        raise RegressionError(str(error)) from error
    _prepare(unfinished, plan)
    items: list[Item] = []
    numbers: dict[str, float] = {}
    seconds: dict[str, float] = {}
    with _progress() as progress:
        overall = progress.add_task("nightly run", total=len(plan.steps) + 1)
        model, seconds["training"] = _model(plan, unfinished)
        progress.advance(overall)
        asked.model_path = model
        for name in plan.steps:
            task = progress.add_task(name, total=None)
            asked.tell = lambda done, of, task=task: progress.update(task, completed=done, total=of)  # type: ignore[misc]
            kept = _step(unfinished, name, lambda name=name: _measure_step(name, asked, unfinished))  # type: ignore[misc]
            items += [Item(**item) for item in kept["items"]]
            numbers |= kept["numbers"]
            seconds[name] = kept["seconds"]
            progress.update(task, completed=1, total=1)
            progress.advance(overall)
    about = read_json(unfinished / "about.json", "run again with --fresh")
    if plan.retrainings:
        phrases = [item for item in items if item.set == "intents"]
        about["turnover"] = measure_turnover(plan.retrainings, plan.sets, phrases)
    about |= {"finished_at": _now(), "model": model.name}
    return Result(about, unique(items), numbers, seconds, inventory)


def forget(output: Path) -> None:
    """Removes what was kept of a run that is complete."""
    shutil.rmtree(output / "unfinished", ignore_errors=True)


def _prepare(folder: Path, plan: Plan) -> None:
    """Keeps the steps of an interrupted run if nothing has changed since; begins anew otherwise."""
    wanted = {
        "fingerprint": _fingerprint(),
        "model": os.path.relpath(plan.model, PROJECT_ROOT) if plan.model else None,
        "sets": hash_of_sets(plan.sets),
        "taxonomy": hash_of_taxonomy(PROJECT_ROOT),
        "commit": changes.head(PROJECT_ROOT),
    }
    about = folder / "about.json"
    if about.exists() and not plan.fresh:
        begun = read_json(about, "run again with --fresh")
        if begun.get("key") == wanted:
            done = [path.stem for path in sorted(folder.glob("step *.json"))]
            print(f"going on with the run of {begun['started_at']}: {len(done)} steps are there already", flush=True)
            return
    shutil.rmtree(folder, ignore_errors=True)
    told = {
        "key": wanted,
        "started_at": _now(),
        "commit": wanted["commit"],
        "subject": changes.subject(PROJECT_ROOT, "HEAD"),
        "uncommitted": changes.is_dirty(PROJECT_ROOT),
        "fingerprint": wanted["fingerprint"],
        "rasa": version("rasa"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    write_whole(about, json.dumps(told, indent=1))


def _model(plan: Plan, folder: Path) -> tuple[Path, float]:
    """Returns the model to measure and how long its training took, 0 for one that was there."""
    if plan.model is not None:
        if not plan.model.is_file():
            raise RegressionError(f"{plan.model}: there is no such model; leave out --model to train one.")
        return plan.model, 0.0
    note = folder / "training.json"
    if note.exists():
        trained = read_json(note, "run again with --fresh")
        if (model := Path(trained["model"])).is_file():
            return model, float(trained["seconds"])
    started = time.monotonic()
    try:
        model = train(PROJECT_ROOT, force=True)
    except LaunchError as error:
        raise RegressionError(str(error)) from error
    seconds = round(time.monotonic() - started, 1)
    write_whole(note, json.dumps({"model": str(model), "seconds": seconds}))
    return model, seconds


def _step(folder: Path, name: str, work: Callable[[], tuple[list[Item], dict[str, float]]]) -> dict[str, Any]:
    """Does a step, or reads what an earlier run has kept of it."""
    path = folder / f"step {name}.json"
    if not path.exists():
        started = time.monotonic()
        items, numbers = work()
        seconds = round(time.monotonic() - started, 1)
        kept = {"items": [asdict(item) for item in items], "numbers": numbers, "seconds": seconds}
        write_whole(path, json.dumps(kept, ensure_ascii=False))
    return dict(read_json(path, "run again with --fresh"))


def _measure_step(name: str, asked: Asked, folder: Path) -> tuple[list[Item], dict[str, float]]:
    if name == CONVERSATIONS:
        return _conversations(asked.model_path, folder), {}
    if name == DIALOGUES:
        return _dialogues(asked.model_path, folder), {}
    if name == PEER:
        return [], _peer(asked.model_path, folder)
    try:
        return list(STEPS[name](asked)), {}
    except (ExampleError, NothingToCheck) as error:
        raise RegressionError(f"the step `{name}` cannot be done: {error}") from error


def _conversations(model: Path, folder: Path) -> list[Item]:
    """Returns whether each typed follow-up of the held-out conversations brought about what it was to."""
    rows = folder / "conversations.json"
    command = ["-m", "benchmarks.conversations", "--half", "held_out", "--model", str(model.resolve())]
    _run([*command, "--results", str(rows.resolve())], folder / "conversations.log", allowed=(0,))
    return [
        Item("conversations", row["act"], row["language"], row["text"], row["expected"], row["got"], row["right"])
        for row in read_json(rows, "run again")
    ]


def _dialogues(model: Path, folder: Path) -> list[Item]:
    """Returns how the whole dialogues went, played against a really running bot by their own tests."""
    report = folder / "dialogues.xml"
    command = ["-m", "pytest", "tests/conversations", "--model", str(model.resolve()), f"--junitxml={report.resolve()}"]
    _run([*command, "-p", "no:cacheprovider"], folder / "dialogues.log", allowed=(0, 1))
    items = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        failed = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
        got = "passed" if failed is None else str(failed.get("message", "failed")).splitlines()[0][:300]
        name, part = case.get("name", ""), case.get("classname", "")
        items.append(Item(DIALOGUES, part, "", name, "passed", got, failed is None))
    return items


def _peer(model: Path, folder: Path) -> dict[str, float]:
    """Returns latency and memory as ratios to Rasa's starter bot, measured in the same run."""
    command = ["-m", "benchmarks.peer", "--no-training", "--model", str(model), "--results", str(folder.resolve())]
    _run(command, folder / "peer.log", allowed=(0, 1))
    rows = read_json(folder / "peer.json", "run again")["rows"]
    # Answers per second are the one figure of which more is better; as a ratio it is turned round.
    ratios = {
        row["measured"]: 1 / row["ratio"] if row["unit"] == "1/s" else row["ratio"] for row in rows if row["ratio"]
    }
    return {f"{name} (ours ÷ rasa init)": round(ratio, 3) for name, ratio in ratios.items()}


def _run(words: Sequence[str], log: Path, allowed: tuple[int, ...]) -> None:
    """Runs Python in the project's folder; its messages go into a file."""
    with log.open("wb") as stream:
        done = subprocess.run([sys.executable, *words], cwd=PROJECT_ROOT, stdout=stream, stderr=stream, check=False)
    if done.returncode not in allowed:
        last = log.read_text(encoding="utf8", errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise RegressionError(f"`python {' '.join(words[:3])}` failed (exit code {done.returncode}): {last[0]}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, disable=not sys.stderr.isatty())


def _fingerprint() -> str:
    try:
        return fingerprint(PROJECT_ROOT)
    except LaunchError as error:
        raise RegressionError(str(error)) from error


def hash_of_sets(folder: Path) -> str:
    """Returns a hash of the held-out sets: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    asked = (path for path in folder.rglob("*") if path.suffix in {".yml", ".tsv"} and path.stem != "tolerances")
    for path in sorted(asked):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def hash_of_taxonomy(root: Path) -> str:
    """Returns a hash of the names of all intents: 12 hexadecimal digits."""
    domain = read_yaml(root / "domain.yml", ExampleError)
    names = {*load_issues(root / "data" / "issues.yml"), *domain["intents"]}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
