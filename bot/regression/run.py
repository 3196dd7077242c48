"""One run: trains and measures in steps that are kept, so that an interrupted run is gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.progress import track

from bot.articles.check import NothingToCheck
from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.regression.changes import find_commit, git, is_dirty
from bot.regression.inventory import take_inventory
from bot.regression.items import Item, RegressionError, Result, read_json, write_whole
from bot.regression.steps import STEPS, ModelUnderTest, Step, check_sets
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, fingerprint, train, train_elsewhere

FIRST_SEED = 1001
"""Seed of the first model that is trained to measure the turnover."""
REMEDY = "run again with --fresh"


def measure(
    sets: Path,
    output: Path,
    steps: Mapping[str, Step] = STEPS,
    model: Path | None = None,
    fresh: bool = False,
    retrainings: int = 0,
) -> Result:
    """Trains and measures.

    Args:
        sets: folder of the held-out sets.
        output: where steps are kept until the run is complete.
        steps: what is to be measured.
        model: the model to measure; None trains one from scratch.
        fresh: whether what an interrupted run has left is thrown away.
        retrainings: how many models are trained beside, with other seeds, to measure the turnover.

    Raises:
        RegressionError: a step could not be done; what was done before is kept for the next run.
    """
    unfinished = output / "unfinished"
    inventory = take_inventory(PROJECT_ROOT)  # what cannot be read is told before twenty minutes have passed
    tested = ModelUnderTest(model or Path(), sets, unfinished)
    items: dict[str, Item] = {}
    numbers: dict[str, float] = {}
    try:
        check_sets(tested, steps)
        about = _begin(unfinished, model, sets, fresh)
        trained = _model(model, unfinished)
        tested.path, seconds = Path(trained["model"]), {"training": trained["seconds"]}
        for name in track(list(steps), "measuring", disable=not sys.stderr.isatty()):
            found = _keep(unfinished / f"step {name}.json", partial(_measure, steps[name], tested))
            items |= {item.key: item for item in (Item(**fields) for fields in found["items"])}
            numbers |= found["numbers"]
            seconds[name] = found["seconds"]
        if retrainings:
            phrases = [item for item in items.values() if item.set == "intents"]
            about["turnover"] = measure_turnover(retrainings, sets, phrases)
    except (ExampleError, NothingToCheck, LaunchError) as error:
        raise RegressionError(str(error)) from error
    about |= {"finished_at": _now(), "model": tested.path.name}
    return Result(about, list(items.values()), numbers, seconds, inventory)


def forget(output: Path) -> None:
    """Removes what was kept of a run that is complete."""
    shutil.rmtree(output / "unfinished", ignore_errors=True)


def _begin(folder: Path, model: Path | None, sets: Path, fresh: bool) -> dict[str, Any]:
    """Returns what is known of a run at its beginning; that of an interrupted one if nothing has changed since."""
    path = folder / "about.json"
    key = {
        "fingerprint": fingerprint(PROJECT_ROOT),
        "model": os.path.relpath(model, PROJECT_ROOT) if model else None,
        "sets": hash_of_sets(sets),
        "taxonomy": hash_of_taxonomy(PROJECT_ROOT),
        "commit": find_commit(PROJECT_ROOT, "HEAD") or None,
    }
    about: dict[str, Any] = read_json(path, REMEDY) if path.exists() and not fresh else {}
    if about.get("key") == key:
        done = len(list(folder.glob("step *.json")))
        print(f"going on with the run of {about['started_at']}: {done} steps are there already", flush=True)
        return about
    shutil.rmtree(folder, ignore_errors=True)
    about = {
        "key": key,
        "started_at": _now(),
        "commit": key["commit"],
        "subject": git(PROJECT_ROOT, "log", "-1", "--format=%s"),
        "uncommitted": is_dirty(PROJECT_ROOT),
        "rasa": version("rasa"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    write_whole(path, json.dumps(about, indent=1))
    return about


def _model(model: Path | None, folder: Path) -> dict[str, Any]:
    """Returns the `model` to measure and how many `seconds` its training took, 0 for one that was there."""
    if model is not None:
        if not model.is_file():
            raise RegressionError(f"{model}: there is no such model; leave out --model to train one.")
        return {"model": model, "seconds": 0.0}
    note = folder / "training.json"
    if note.exists() and not Path(read_json(note, REMEDY)["model"]).is_file():
        note.unlink()
    return _keep(note, lambda: {"model": str(train(PROJECT_ROOT, force=True))})


def _measure(step: Step, tested: ModelUnderTest) -> dict[str, Any]:
    """Returns the items and the numbers that a step measures, as plain values."""
    found = step.measure(tested)
    if isinstance(found, Mapping):
        return {"items": [], "numbers": dict(found)}
    return {"items": [asdict(item) for item in found], "numbers": {}}


def _keep(path: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Does some work and writes down its result with its `seconds`, or reads what an earlier run has written."""
    if not path.exists():
        started = time.monotonic()
        result = work()
        seconds = round(time.monotonic() - started, 1)
        write_whole(path, json.dumps({**result, "seconds": seconds}, ensure_ascii=False))
    return dict(read_json(path, REMEDY))


def measure_turnover(retrainings: int, sets: Path, phrases: Sequence[Item]) -> dict[str, Any]:
    """Measures how many right answers a harmless retraining turns wrong.

    Args:
        retrainings: how many models are trained, of the same content with other seeds.
        sets: folder of the held-out sets.
        phrases: the answers of the model that is measured, of the set `intents`.

    Returns:
        `retrainings`, `right` (right answers that were asked again), `turned` (those that were wrong then) and `share`.

    Raises:
        LaunchError: a training failed.
    """
    right = {item.key for item in phrases if item.right}
    turned = 0
    for number in range(retrainings):
        with tempfile.TemporaryDirectory() as folder:
            model = _train_with_seed(Path(folder), FIRST_SEED + number)
            answers = _measure(STEPS["intents"], ModelUnderTest(model, sets, Path(folder)))["items"]
        turned += len({item.key for item in (Item(**fields) for fields in answers) if not item.right} & right)
    asked = len(right) * retrainings
    return {"retrainings": retrainings, "right": asked, "turned": turned, "share": round(turned / max(asked, 1), 5)}


def _train_with_seed(folder: Path, seed: int) -> Path:
    """Trains the project's content with a configuration that differs in the seed of every component that has one."""
    from rasa.shared.utils.common import class_from_module_path

    config = read_yaml(PROJECT_ROOT / "config.yml", ValueError)
    for component in config["pipeline"]:
        name = component["name"]
        if "." in name and "random_seed" in class_from_module_path(name).get_default_config():
            component["random_seed"] = seed
    for importer in config.get("importers") or []:
        if "data_dir" in importer:
            importer["data_dir"] = str(PROJECT_ROOT / importer["data_dir"])
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf8")
    return train_elsewhere(folder / "config.yml", folder / "model.tar.gz")


def hash_of_sets(folder: Path) -> str:
    """Returns a hash of the held-out sets: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    asked = (path for path in folder.rglob("*") if path.suffix in {".yml", ".tsv"} and path.stem != "tolerances")
    for path in sorted(asked):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def hash_of_taxonomy(root: Path) -> str:
    """Returns a hash of the names of all intents but issues on trial: 12 hexadecimal digits."""
    domain = read_yaml(root / "domain.yml", ExampleError)
    issues = load_issues(root / "data" / "issues.yml").values()
    names = {*(issue.intent for issue in issues if not issue.languages), *domain["intents"]}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
